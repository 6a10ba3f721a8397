import pytest

from optimoe.cost.engines.engine import find_engine
from optimoe.cost.engines.eras import era_of, era_times, releases, version_numbers


@pytest.mark.parametrize(
    ("engine", "version", "era"),
    [
        ("vllm", "0.6.3", "2024"),
        ("vllm", "0.12.0", "2025"),
        ("vllm", "0.18.0", "2026"),
        ("sglang", "0.5.1.post1", "2025"),
        ("sglang", "0.5.9", "2026"),
        ("trtllm", "1.0.0rc3", "2025"),
        ("trtllm", "0.12.0", "2024"),
        ("vllm", "0.1.0", ""),
        ("vllm", "main", ""),
        ("mine", "1.0", ""),
    ],
)
def test_a_version_is_of_the_year_of_the_newest_release_that_it_is_not_older_than(engine, version, era):
    assert era_of(engine, version) == era


def test_numbers_of_versions_are_compared_as_numbers():
    assert version_numbers("0.10.1.1") > version_numbers("0.9.0")
    assert version_numbers("1.0.0rc3") == (1, 0, 0)


def test_every_release_has_a_day_a_source_and_what_it_changed_and_versions_grow_with_days():
    for engine in ("vllm", "sglang", "trtllm"):
        own = [one for one in releases() if one.engine == engine]
        assert all(one.source and one.changed for one in own)
        versions = [version_numbers(one.version) for one in own]
        assert versions == sorted(versions)
        assert {one.era for one in own} >= {"2024", "2025", "2026"}


def test_times_of_an_era_are_those_that_held_out():
    assert set(era_times()) == {"vllm@2024", "trtllm@2024"}
    assert all(times.error < times.before for times in era_times().values())


def test_an_engine_of_an_era_has_its_host_times_and_nothing_hidden():
    then, now = find_engine("vllm@2024", precision="fp8"), find_engine("vllm", precision="fp8")
    assert (then.name, then.era, now.era) == ("vllm", "2024", "")
    assert then.host.step_s == era_times()["vllm@2024"].step_s > now.host.step_s
    assert then.host.hidden == 0
    assert then.execution == now.execution
