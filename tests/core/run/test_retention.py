"""What a run kept of each source, by hand and in the example whose records are here."""

import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.run import DataMix, DataSource, Stage, load_run_records, load_runs, retention
from tests.core.run.cases import RUN, record

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples/lifelong"
RECORDS = sorted(EXAMPLE.glob("records/*.jsonl"))


def test_gain_is_of_the_first_stage_with_a_source_and_forgetting_of_all_after_it():
    a, b, c = (DataSource(name=name) for name in "abc")
    tokens = RUN.batch_tokens
    stages = tuple(Stage(tokens=tokens, sources=some) for some in ((a,), (b, a), (b,)))
    run = replace(RUN, tokens=3 * tokens, stages=stages, data=DataMix(sources=(a, b, c)), schedule=replace(
        RUN.schedule, warmup_tokens=0))  # fmt: skip
    rows = tuple({"a": x, "b": y, "c": 9.0} for x, y in ((8.0, 7.0), (3.0, 6.0), (3.5, 2.0), (4.0, 1.5)))
    kept = retention(record(run=run, tokens_seen=run.tokens, by_stage=rows))
    assert list(kept) == ["a", "b"]
    assert (kept["a"].gain, kept["a"].forgotten) == (5.0, 1.0) and (kept["b"].gain, kept["b"].forgotten) == (
        4.0,
        -0.5,
    )
    with pytest.raises(
        ConfigError, match="by_stage: must be of a run of stages that is over, with 4 rows, got 2 rows"
    ):
        retention(record(run=run, status="stopped", by_stage=rows[:2]))
    with pytest.raises(ConfigError, match="by_stage"):
        retention(record())


def test_the_example_has_the_records_of_its_runs_and_the_page_their_table(capsys):
    for seed, file in enumerate(RECORDS):
        runs = [replace(run, seed=seed) for run in load_runs(EXAMPLE / "rivals.toml")]
        assert [one.run_id for one in load_run_records(file).records] == [run.run_id for run in runs]
    runpy.run_path(str(EXAMPLE / "table.py"))["main"]([str(file) for file in RECORDS])
    _, *rows = capsys.readouterr().out.splitlines()
    page = (ROOT / "docs/training.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 8 and set(rows) <= set(page)
