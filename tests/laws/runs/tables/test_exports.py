"""Records of a trainer as a table of runs."""

from dataclasses import replace

import pytest

from optimoe.arch.hf import to_config
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.errors import ConfigError
from optimoe.core.run import DataMix, DataSource, append_run_record
from optimoe.laws.fitting import fit
from optimoe.laws.runs import load_observations
from tests.core.run.cases import HOSTILE, RUN, record

MIXER = Attention(num_heads=4, num_kv_heads=2, head_dim=64)
FFNS = {1: DenseFFN(d_ff=512), 8: MoE(num_experts=8, top_k=2, d_expert=512)}


def finished(experts=8, tokens=10**9, params=10**7, loss=3.0, **changes):
    spec = ArchSpec(
        name="a", vocab_size=512, d_model=256, layers=(LayerGroup(num_layers=2, mixer=MIXER, ffn=FFNS[experts]),)
    )
    data = DataMix(sources=(DataSource(name="code"), DataSource(name="text")), tokenizer=HOSTILE)
    run = replace(RUN, name=HOSTILE, architecture=to_config(spec), tokens=tokens, data=data)
    fields = {"run": run, "tokens_seen": tokens, "params_active": params, "params_total": 2 * params, "loss": loss}
    return record(**fields | {"train_flops_6nd": 6.0 * params * tokens} | changes)


def written(tmp_path, *records):
    for item in records:
        append_run_record(tmp_path / "sweep" / "runs.jsonl", item)
    return tmp_path / "sweep" / "runs.jsonl"


def test_records_are_runs_in_the_symbols_of_the_laws(tmp_path):
    path = written(tmp_path, finished(), finished(experts=1, tokens=2 * 10**9, loss=2.9))
    for place in (path, path.parent):
        runs = load_observations(place)
        assert runs.column("N_act").tolist() == [1e7, 1e7]
        assert runs.column("N").tolist() == runs.column("N_total").tolist() == [2e7, 2e7]
        assert runs.column("D").tolist() == [1e9, 2e9]
        assert runs.column("C").tolist() == [6e16, 1.2e17]
        assert runs.column("E").tolist() == [8, 1]
        assert runs.column("k").tolist() == [2, 1]
        assert runs.column("G").tolist() == [2, 1]
        assert runs.loss.tolist() == [3.0, 2.9]
        assert runs.labels["tokenizer"].tolist() == [HOSTILE] * 2
        assert runs.labels["dataset"].tolist() == ["code+text"] * 2
        assert runs.labels["run"].tolist() == [finished().run_id, finished(experts=1, tokens=2 * 10**9).run_id]


def test_records_state_their_units_so_that_runs_may_be_small_and_far_apart(tmp_path):
    path = written(tmp_path, finished(tokens=10**6, params=30), finished(tokens=10**13, params=30, loss=2.0))
    assert load_observations(path).column("D").tolist() == [1e6, 1e13]
    (tmp_path / "runs.csv").write_text("N,loss\n60,3.0\n")
    with pytest.raises(ConfigError, match="N: must be in parameters"):
        load_observations(tmp_path / "runs.csv")


def test_runs_that_did_not_finish_and_torn_lines_are_named_and_can_be_left_out(tmp_path):
    stopped = finished(status="stopped", tokens_seen=5 * 10**6)
    diverged = finished(status="diverged", loss=None, bits_per_byte=None)
    path = written(tmp_path, finished(), stopped, diverged)
    path.write_bytes(path.read_bytes() + path.read_bytes()[:200])
    words = "row 2: status is stopped; row 3: status is diverged; row 4: status is cut short"
    with pytest.raises(ConfigError, match=words):
        load_observations(path)
    runs = load_observations(path, bad_rows="exclude")
    assert runs.loss.tolist() == [3.0]
    assert [flag.reason for flag in runs.flags] == [
        "status is stopped",
        "status is diverged",
        "status is cut short",
    ]


def test_a_law_is_fitted_to_the_records_of_a_sweep(tmp_path):
    sweep = [
        finished(tokens=tokens, params=params, loss=1.7 + 400 / params**0.34 + 410 / tokens**0.28)
        for tokens in (10**9, 4 * 10**9, 16 * 10**9)
        for params in (10**7, 3 * 10**7, 10**8)
    ]
    runs = load_observations(written(tmp_path, *sweep), {"N": "N_act", "D": "D", "loss": "loss"})
    law = fit(runs, "chinchilla").law
    assert law.coefficients["E"] == pytest.approx(1.7, rel=1e-3)
    assert law.coefficients["alpha"] == pytest.approx(0.34, rel=1e-2)


def test_a_record_whose_architecture_cannot_be_read_is_one_line(tmp_path):
    broken = replace(RUN, architecture={"model_type": "mixtral"}, tokens=10**9)
    with pytest.raises(ConfigError, match="hidden_size: missing"):
        load_observations(written(tmp_path, record(run=broken, tokens_seen=10**9)))
