"""The library as its users meet it: conversions, refusals, law files, data sets."""

from pathlib import Path

import numpy as np
import pytest

from optimoe.arch.design import dense_twin, one_expert_twin, with_num_experts
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.laws import catalog
from optimoe.laws.catalog import find_law, find_loss_law, law_names
from optimoe.laws.check import CheckRow, load_checks, run_checks
from optimoe.laws.datasets import DataSetError, load_chinchilla_runs
from optimoe.laws.law import NotEvaluatedError
from optimoe.laws.loss_law import ArchLaw, LossLaw
from optimoe.laws.terms.designs import active_share

ATTENTION = Attention(num_heads=16, num_kv_heads=16, head_dim=64)
D_MODEL, LAYERS, VOCABULARY = 1024, 16, 50_000


def make(ffn):
    layers = (LayerGroup(num_layers=LAYERS, mixer=ATTENTION, ffn=ffn),)
    return ArchSpec(name="test", vocab_size=VOCABULARY, d_model=D_MODEL, layers=layers)


DENSE = make(DenseFFN(d_ff=4096, gated=False))
SWITCH = make(MoE(num_experts=32, top_k=1, d_expert=4096, gated=False))
FINE = make(MoE(num_experts=512, top_k=8, d_expert=512, gated=False))
SHARED = make(MoE(num_experts=64, top_k=6, d_expert=1024, num_shared_experts=2, d_shared=1024))
USABLE = [name for name in law_names() if find_law(name).row.status in ("verified", "transcribed")]


def test_the_library_has_every_row_of_the_reference():
    assert len(law_names()) == 59
    assert len(catalog.published_checks()) == 359


@pytest.mark.parametrize("name", law_names())
def test_a_published_row_gives_every_coefficient_that_a_fit_of_its_form_estimates(name):
    law = find_law(name)
    assert set(law.linear) <= set(law.free)
    assert bool(law.free) == hasattr(law, "gradient")
    if law.row.coefficients:
        assert set(law.free) <= set(law.row.coefficients)
        assert all(isinstance(value, float) for value in law.row.coefficients.values())
    else:
        assert law.row.status == "form-only"


def test_twins_have_the_active_size_of_the_design():
    twin, parent = count_params(dense_twin(SHARED)), count_params(one_expert_twin(SHARED))
    count = count_params(SHARED)
    assert twin.total == count.active - count.router
    assert parent.dense_ffn == LAYERS * 3 * D_MODEL * 1024
    assert active_share(SHARED) == 8 / 66
    assert active_share(DENSE) == 1


@pytest.mark.parametrize(
    ("name", "arch", "expected"),
    [
        ("besiroglu2024", DENSE, {"N": count_params(DENSE).total}),
        ("krajewski2024-dense", DENSE, {"N": count_params(DENSE).nonembedding}),
        ("kaplan2020-nd", DENSE, {"N": count_params(DENSE).nonembedding}),
        ("clark2022-sbase", SWITCH, {"N": count_params(DENSE).nonembedding, "E": 32}),
        ("clark2022-sbase", DENSE, {"N": count_params(DENSE).nonembedding, "E": 1}),
        ("ludziejewski2025", SWITCH, {"N_act": count_params(SWITCH).active, "E": 32}),
        (
            "krajewski2024-e64",
            FINE,
            {"N": count_params(FINE).nonembedding - count_params(FINE).router, "G": 8.0},
        ),
        ("abnar2025", SWITCH, {"N": count_params(SWITCH).total, "S": 31 / 32}),
        (
            "zhao2025",
            SHARED,
            {"N": count_params(SHARED).total, "N_a": count_params(SHARED).active, "G": 8, "S": 0.25},
        ),
        ("liew2025-moe", SWITCH, {"N1": count_params(DENSE).total}),
        ("yun2024-loss", SWITCH, {"N": count_params(DENSE).nonembedding, "E": 32}),
        ("wang2024-loss", SWITCH, {"N": count_params(SWITCH).total, "E": 32}),
    ],
)
def test_a_law_converts_a_design_by_its_own_conventions(name, arch, expected):
    assert find_law(name).variables(arch) == expected


def test_krajewski_counts_the_paper_shape_as_the_paper_does():
    """d²(8E + 4)·n_blocks, but for the norms that the paper leaves out."""
    law = find_law("krajewski2024-e64")
    norms = (2 * LAYERS + 1) * D_MODEL
    assert law.variables(FINE)["N"] - norms == D_MODEL**2 * (8 * 64 + 4) * LAYERS
    assert law.concerns(FINE) == ()
    assert law.placed(FINE, 1e10)["E"] == 64
    assert any("expansion" in concern for concern in law.concerns(with_num_experts(FINE, 64)))


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize("arch", [DENSE, SWITCH, FINE, SHARED], ids=["dense", "switch", "fine", "shared"])
def test_every_usable_law_answers_or_says_why_not(name, arch):
    law = find_law(name)
    if isinstance(law, ArchLaw):
        if law.applies_to(arch):
            loss = law.arch_loss(arch, 2e10)
            assert 1 < loss < 6
            low, high = law.band(loss, arch, 2e10)
            assert np.isnan(low) or low < loss < high
            assert set(law.decades_beyond(arch, 2e10)) == set(law.row.range)
        else:
            assert law.concerns(arch)
        return
    try:
        inputs = law.arch_inputs(arch, 2e10)
    except ConfigError as error:
        assert name in str(error)
    else:
        assert all(np.all(np.isfinite(value)) for value in inputs.values())


@pytest.mark.parametrize("name", ["abnar2025", "clark2022-rlr-digits", "ludziejewski2025"])
def test_a_law_of_moes_gives_the_dense_loss_at_one_expert(name):
    law = find_law(name)
    assert isinstance(law, ArchLaw)
    one = make(MoE(num_experts=1, top_k=1, d_expert=4096, gated=False))
    router = count_params(one).router
    assert law.arch_loss(one, 2e10) == pytest.approx(law.arch_loss(DENSE, 2e10), rel=router / 1e8)


def test_a_grid_of_designs_gives_what_each_design_gives():
    experts = np.array([2, 8, 32])
    for name in ("abnar2025", "clark2022-rlr-digits", "ludziejewski2025", "zhao2025"):
        law = find_law(name)
        grid = law.arch_loss(with_num_experts(SWITCH, experts), 2e10)
        loop = [law.arch_loss(with_num_experts(SWITCH, int(number)), 2e10) for number in experts]
        np.testing.assert_allclose(grid, loop, rtol=1e-13)


LI_INPUTS = {"N": 1e8, "D": 2e9, "S": 0.95, "r": 0.5, "R": 0.0}


def test_the_inconsistent_loss_of_li_refuses_and_says_why():
    law = find_law("li2026-loss")
    for call in (
        lambda: law.evaluate("L", LI_INPUTS),
        lambda: law.loss(**LI_INPUTS),
        lambda: find_loss_law("li2026-loss"),
    ):
        with pytest.raises(InputError, match=r"13\.7 nats.*R is never defined"):
            call()
    assert law.allow_inconsistent().evaluate("L", LI_INPUTS) == pytest.approx(20.8239, rel=1e-4)
    with pytest.raises(InputError):
        law.loss(**LI_INPUTS)


def test_the_printed_chinchilla_refuses_too_and_opting_in_reaches_laws_that_use_it():
    with pytest.raises(InputError, match="use hoffmann2022-unrounded"):
        find_law("hoffmann2022-printed").optimal_params(1e20)
    inputs = {"base": "hoffmann2022-printed", "N0": 7e9, "D_inf": 1e11}
    law = find_law("sardana2024-objective")
    with pytest.raises(InputError, match="inconsistent"):
        law.evaluate("N", inputs)
    assert law.allow_inconsistent().evaluate("N", inputs) == pytest.approx(6.339e9, rel=1e-3)


@pytest.mark.parametrize("name", ["yun2024-loss", "wang2024-loss"])
def test_a_form_without_coefficients_asks_to_be_fitted(name):
    law = find_law(name)
    assert law.row.coefficients == {}
    with pytest.raises(ConfigError, match="fit the form"):
        law.evaluate("L", {"N": 1e9, "D": 1e10, "E": 8})
    with pytest.raises(InputError, match="form-only"):
        find_loss_law(name)


def test_a_law_without_tokens_is_no_loss_law():
    with pytest.raises(ConfigError, match="its tokens"):
        find_loss_law("clark2022-sbase-digits")
    law = find_law("clark2022-sbase-digits")
    assert not isinstance(law, LossLaw)
    assert law.arch_loss(SWITCH, 1e9) == law.arch_loss(SWITCH, 1e12)
    assert law.decades_beyond(SWITCH, 1.3e12)["D"] == pytest.approx(1)


def test_cost_models_stand_in_the_library_but_are_not_laws():
    with pytest.raises(NotEvaluatedError, match="serving cost"):
        find_law("erdil2025-toy").evaluate("t_min_s", {})


@pytest.mark.parametrize(
    ("name", "symbol", "inputs", "words"),
    [
        ("abnar2025", "L", {"N": 1e9, "D": 1e10, "S": 1.0}, "S: must be at least 0 and below 1"),
        ("clark2022-rlr", "L", {"N": 1e9, "E": 0.5}, "E: must be at least 1"),
        ("besiroglu2024", "L", {"N": 0.0, "D": 1e10}, "N: must be positive"),
        ("besiroglu2024", "L", {"N": float("nan"), "D": 1e10}, "N: must be positive"),
        ("besiroglu2024", "L", {"N": 1e9}, "L needs D"),
        ("krajewski2024-e64", "L", {"N_act": 1e9, "G": 1}, "L needs D"),
        ("li2026-rstar", "r_star", {"E": 2, "C": 1e20}, "E: must be at least 3"),
        ("li2026-rstar", "C_crossing", {"E1": 17, "E2": 17}, "E2: must be another count"),
    ],
)
def test_bad_inputs_are_named(name, symbol, inputs, words):
    with pytest.raises(ConfigError, match=words):
        find_law(name).evaluate(symbol, inputs)


def test_unknown_names_list_the_nearest():
    with pytest.raises(UnknownNameError, match="besiroglu2024"):
        find_law("besiroglu")
    with pytest.raises(UnknownNameError, match="N_opt"):
        find_law("besiroglu2024").evaluate("Nopt", {"C": 1e20})
    with pytest.raises(UnknownNameError, match="input of L"):
        find_law("besiroglu2024").evaluate("L", {"N": 1e9, "D": 1e10, "E": 8})


LAW_FILE = """
[[law]]
name = "mine"
family = "yun"
source = "my runs"
status = "fitted"
n_convention = "dense"
coefficients = { A = 400, alpha = 0.34, B = 0.2, beta = 0.5, C = 410, gamma = 0.28, F = 1.7, d = 0, %s }
range = { N = [1e8, 1e9], D = [1e9, 1e10], E = [1, 32] }
rmse_log = 0.01
rmse_source = "my runs"
"""


def test_a_fitted_law_file_predicts(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text(LAW_FILE % "E_start = 2, E_max = 300")
    law = find_loss_law(str(path))
    assert law.arch_loss(SWITCH, 1e10) < law.arch_loss(DENSE, 1e10)
    path.write_text(LAW_FILE % "E_start = 2")
    with pytest.raises(ConfigError, match="law mine: coefficient E_max: not given"):
        find_loss_law(str(path)).arch_loss(SWITCH, 1e10)


def test_a_missing_data_set_is_pending_with_the_reason(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("OPTIMOE_DATA", str(tmp_path))
    with pytest.raises(DataSetError, match="chinchilla_epoch"):
        load_chinchilla_runs()
    row = CheckRow(
        law="clark2022-dense",
        output="refit_N_c",
        value=3.5e13,
        tolerance_rel=1.0,
        inputs={},
        source="printed",
    )
    (result,) = run_checks([row])
    assert result.ok is None
    assert "routing_curves" in result.pending


OTHER_CHECKS = """
[[check]]
law = "besiroglu2024"
inputs = { N = 1000000000, D = 20000000000 }
output = "L"
value = %r
tolerance_rel = 1e-12
source = "recomputed"

[[check]]
law = "besiroglu2024"
inputs = { N = 1e9 }
output = "L"
value = 2.0
tolerance_rel = 0.1
source = "recomputed"
"""


def test_any_file_of_checks_runs(tmp_path: Path):
    c = find_law("besiroglu2024").coefficients
    by_hand = c["E"] + c["A"] / 1e9 ** c["alpha"] + c["B"] / 2e10 ** c["beta"]
    path = tmp_path / "checks.toml"
    path.write_text(OTHER_CHECKS % by_hand)
    good, incomplete = run_checks(load_checks(path))
    assert good.ok is True
    assert incomplete.ok is None
    assert "needs D" in incomplete.pending
