from dataclasses import replace

import pytest
import tomli_w

from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.cost.hardware.accelerator import accelerator_names
from optimoe.cost.hardware.price import (
    find_tier,
    given_price,
    list_price,
    load_prices,
    priced_accelerators,
    published_prices,
)


def sheet(path, *rows):
    path.write_text(tomli_w.dumps({"price": list(rows)}))
    return load_prices(path)


def row(accelerator="h100-sxm", usd_per_gpu_hour=1.5, **rest):
    return {"accelerator": accelerator, "usd_per_gpu_hour": usd_per_gpu_hour, **rest}


def test_a_list_price_is_the_median_of_its_providers():
    price = list_price("h100-sxm")
    assert price.low <= price.usd_per_gpu_hour <= price.high
    assert "nebius" in price.source
    with pytest.raises(InputError, match="no list price"):
        list_price("mi325x")
    with pytest.raises(ConfigError):
        given_price(-1.0)
    for no_price in (float("inf"), float("nan"), 1e6, 1e-6):
        with pytest.raises(
            ConfigError, match=r"gpu_usd_per_hour: must be 0, or 0\.01 to 1,000 dollars a GPU hour"
        ):
            given_price(no_price)


def test_a_price_of_zero_is_that_of_ones_own_gpus():
    assert given_price(0.0).owned
    assert given_price(0.0).source == "owned GPUs: no dollars"
    assert not given_price(1.0).owned


def test_tiers_are_not_made_of_each_other():
    by_tier = {tier: list_price("h100-sxm", tier=tier) for tier in ("on_demand", "reserved", "spot")}
    assert {tier: price.tier for tier, price in by_tier.items()} == {tier: tier for tier in by_tier}
    assert by_tier["spot"].usd_per_gpu_hour < by_tier["reserved"].usd_per_gpu_hour
    assert by_tier["reserved"].usd_per_gpu_hour < by_tier["on_demand"].usd_per_gpu_hour
    assert "median of reserved list prices, 2026-08: hyperstack 2.72" in by_tier["reserved"].source
    with pytest.raises(
        InputError, match=r"no spot list price of gb200 is known, there is on-demand \$10.50 \(--price-tier\)$"
    ):
        list_price("gb200", tier="spot")


@pytest.mark.parametrize("name", ["on-demand", "On_Demand", " on demand "])
def test_a_tier_is_found_in_any_spelling(name):
    assert find_tier(name) == "on_demand"
    with pytest.raises(UnknownNameError, match=r"price_tier: unknown name 'sopt' .*spot"):
        find_tier("sopt")


def test_a_row_of_a_sheet_without_a_tier_stands_for_every_tier(tmp_path):
    rows = sheet(tmp_path / "prices.toml", row(), row("h200-sxm", 2.0, tier="reserved"))
    assert list_price("h100-sxm", rows, tier="spot").usd_per_gpu_hour == 1.5
    assert list_price("h200-sxm", rows, tier="reserved").usd_per_gpu_hour == 2.0
    assert "the price sheet has no spot row for h200-sxm" in list_price("h200-sxm", rows, tier="spot").source
    with pytest.raises(UnknownNameError, match="price 1: tier"):
        sheet(tmp_path / "prices.toml", row(tier="weekly"))
    with pytest.raises(ConfigError, match="date: must be a month such as 2026-09, got '2026-13'"):
        sheet(tmp_path / "prices.toml", row(date="2026-13"))


def test_most_accelerators_have_a_list_price():
    priced = priced_accelerators()
    assert len(priced) >= 0.7 * len(accelerator_names())
    assert set(priced_accelerators(tier="spot")) < set(accelerator_names())


def conforms(price_row):
    """What every row of a price sheet is, whoever states it."""
    assert price_row.key in accelerator_names()
    assert 0.05 < price_row.usd_per_gpu_hour < 100
    assert price_row.provider


def test_every_published_price_is_of_a_known_gpu_and_on_a_sheet_of_ones_own_the_same(tmp_path):
    published = published_prices()
    fields = ("accelerator", "tier", "usd_per_gpu_hour", "provider", "instance", "date", "source")
    own = sheet(tmp_path / "prices.toml", *({name: getattr(each, name) for name in fields} for each in published))
    assert own == published
    for each in published:
        conforms(each)
        assert each.source
        assert each.date or "@" in each.source
        listed = list_price(each.accelerator, tier=each.tier)
        assert listed.usd_per_gpu_hour == list_price(each.accelerator, own, tier=each.tier).usd_per_gpu_hour
    conforms(*sheet(tmp_path / "prices.toml", row()))


def test_a_price_sheet_goes_before_the_list_prices(tmp_path):
    rows = sheet(tmp_path / "prices.toml", row(provider="ours"), row(usd_per_gpu_hour=2.5))
    own = list_price("h100-sxm", rows)
    assert (own.usd_per_gpu_hour, own.low, own.high) == (2.0, 1.5, 2.5)
    assert own.source == "given in a price sheet: ours 1.5, own sheet 2.5"


@pytest.mark.parametrize("name", ["H100-SXM", "h100_sxm", " H100_sxm "])
def test_a_sheet_names_accelerators_as_the_command_line_does(name, tmp_path):
    assert list_price("h100-sxm", sheet(tmp_path / "prices.toml", row(name))).usd_per_gpu_hour == 1.5
    assert list_price(name, sheet(tmp_path / "prices.toml", row())).usd_per_gpu_hour == 1.5


def test_a_sheet_with_a_name_that_no_accelerator_has_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(
        UnknownNameError, match=r"price sheet: accelerator: unknown name 'h100-sxl' \(nearest: h100-"
    ):
        list_price("h200-sxm", sheet(tmp_path / "prices.toml", row("h100-sxl"), row("h200-sxm")))


def test_a_sheet_prices_accelerators_of_ones_own(tmp_path):
    rows = sheet(tmp_path / "prices.toml", row("mine"), row("yours", 2.0), row("theirs.toml", 3.0))
    assert list_price("mine", rows, own=["yours"]).usd_per_gpu_hour == 1.5
    assert list_price("theirs", rows, own=["mine", "yours"]).usd_per_gpu_hour == 3.0
    with pytest.raises(UnknownNameError, match="'yours'"):
        list_price("mine", rows)


def test_a_sheet_without_a_row_for_a_gpu_in_use_is_said(tmp_path):
    rows = sheet(tmp_path / "prices.toml", row())
    listed, beside = list_price("h200-sxm"), list_price("h200-sxm", rows)
    assert replace(beside, source=listed.source) == listed
    assert "(the price sheet has no row for h200-sxm)" in beside.source
    with pytest.raises(
        InputError, match="no list price of mi325x is known, and the price sheet has no row for mi325x"
    ):
        list_price("mi325x", rows)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"must have \[\[price\]\] rows"),
        ("price = 3", r"must have \[\[price\]\] rows"),
        (
            '[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = -1\n',
            "prices.toml: price 1: usd_per_gpu_hour: must be 0, or 0.01 to 1,000 dollars .*, got -1",
        ),
        (
            '[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = inf\n',
            "usd_per_gpu_hour: must be 0, or 0.01",
        ),
        ('[[price]]\naccelerator = ""\nusd_per_gpu_hour = 1\n', "price 1: accelerator: must be given"),
        ('[[price]]\naccelerator = "h100-sxm"\n', "usd_per_gpu_hour"),
        ('[[price]]\nacelerator = "h100-sxm"\n', "accelerator"),
    ],
)
def test_a_price_sheet_that_is_none_is_said(text, words, tmp_path):
    path = tmp_path / "prices.toml"
    path.write_text(text)
    with pytest.raises((ConfigError, InputError), match=words):
        load_prices(path)


def test_a_gpu_of_another_memory_has_the_price_of_the_gpu_that_there_is(tmp_path):
    known, larger = list_price("h100-sxm"), list_price("h100-sxm@141GB")
    assert larger.usd_per_gpu_hour == known.usd_per_gpu_hour
    assert "of h100-sxm with the memory that it has, 2026" in larger.source
    (tmp_path / "prices.toml").write_text('[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 1.5\n')
    assert list_price("h100-sxm@141GB", load_prices(tmp_path / "prices.toml")).usd_per_gpu_hour == 1.5
