"""Every file that the program writes is read back, whatever the names in it and its own."""

import ast
import csv
import html
import io
import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.hf import load_config
from optimoe.core.config import load_json, load_toml, save_toml
from optimoe.core.latency import LatencyRecord, load_latency_records, save_latency_records
from optimoe.core.predictions import add_outcome, add_prediction, load_ledger
from optimoe.core.run import append_run_record, load_run_records, load_runs, save_runs
from optimoe.cost.calibration import calibration_names, find_calibration, save_calibration
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting import save_law
from optimoe.laws.runs.tables.files import read_table
from optimoe.trainer.sweep.pace import Reckoning, SweepEstimate
from optimoe.trainer.sweep.store import Failure, SweepStore
from tests.app.run import FEW_DESIGNS
from tests.core.predictions.cases import said
from tests.core.run.cases import HOSTILE, RUN, record
from tests.loadtest.endpoint import running
from tests.trainer.sweeps import save_store
from tests.trainer.world import ARCHITECTURE

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "src" / "optimoe"
PLAN = ("plan", "--train-flops", "1e21", "--serve-tokens", "100B", "--experts", "1,8", *FEW_DESIGNS, "--quick")


def optimoe(*words, cwd):
    script = "from optimoe.app.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_toml(folder):
    save_toml(folder / HOSTILE, {HOSTILE: {"name": HOSTILE}})
    assert load_toml(folder / HOSTILE) == {HOSTILE: {"name": HOSTILE}}


def check_runs(folder):
    for ending in ("toml", "json"):
        save_runs(folder / f"{HOSTILE}.{ending}", [RUN], plan={HOSTILE: HOSTILE})
        assert load_runs(folder / f"{HOSTILE}.{ending}") == (RUN,)


def check_lines(folder):
    append_run_record(folder / HOSTILE, record(host=HOSTILE))
    assert load_run_records(folder / HOSTILE).records == (record(host=HOSTILE),)
    ledger = folder / f"{HOSTILE}.jsonl"
    add_prediction(ledger, said(name=HOSTILE, command=HOSTILE))
    settled = add_outcome(ledger, HOSTILE, 0.006, source=HOSTILE)
    assert load_ledger(ledger).entries == (settled,)


def check_latency_records(folder):
    measured = LatencyRecord(
        model=HOSTILE,
        gpu=HOSTILE,
        num_gpus=1,
        engine=HOSTILE,
        engine_version=HOSTILE,
        measured_utc="2026-01-02",
        input_tokens=1024,
        output_tokens=128,
        concurrency=4,
        ttft_s=0.1,
        tpot_s=0.01,
        source=HOSTILE,
    )
    save_latency_records(folder / HOSTILE, [measured])
    assert load_latency_records(folder / HOSTILE) == (measured,)


def check_calibration(folder):
    shipped = find_calibration(calibration_names()[0])
    ours = replace(shipped, name=HOSTILE, gpus=(HOSTILE,), models=(HOSTILE,), left_out=(HOSTILE,), source=HOSTILE)
    for ending in ("toml", "json"):
        save_calibration(ours, folder / f"{HOSTILE}.{ending}")
        assert find_calibration(str(folder / f"{HOSTILE}.{ending}")) == ours


def check_law(folder):
    row = find_law("besiroglu2024").row
    ours = replace(row, name=HOSTILE, source=HOSTILE, status="fitted", notes=HOSTILE, runs={})
    save_law(ours, folder / f"{HOSTILE}.toml")
    back = find_law(str(folder / f"{HOSTILE}.toml")).row
    assert replace(back, better_digits=ours.better_digits, dense_baseline=ours.dense_baseline) == ours


def check_config(folder):
    optimoe("arch", "mixtral-8x7b", "--hf", HOSTILE, cwd=folder)
    assert replace(load_config(folder / HOSTILE), name="mixtral-8x7b") == find_model("mixtral-8x7b")


def check_curves_page(folder):
    gpu = find_accelerator("h100-sxm")
    save_toml(folder / f"{HOSTILE}.toml", {"name": HOSTILE} | {k: v for k, v in vars(gpu).items() if k != "name"})
    optimoe(
        "cost", "curves", "llama-3.1-8b", "--gpu", f"{HOSTILE}.toml", "--gpus", 1, "--out", HOSTILE, cwd=folder
    )
    assert HOSTILE in html.unescape((folder / HOSTILE).read_text())


def check_check_page(folder):
    measured = LatencyRecord(
        model="mixtral-8x7b", gpu="h100-sxm", num_gpus=2, tp=2, engine=HOSTILE, engine_version=HOSTILE,
        measured_utc="2026-01-02", input_tokens=1024, output_tokens=128, concurrency=4, ttft_s=0.1, tpot_s=0.01,
    )  # fmt: skip
    save_latency_records(folder / "records.jsonl", [measured])
    optimoe("cost", "check", "records.jsonl", "--page", HOSTILE, cwd=folder)
    assert HOSTILE in html.unescape((folder / HOSTILE).read_text())


def check_plan(folder):
    """A law fitted to a table whose name holds a quote, then a plan on it."""
    law = find_law("ludziejewski2025")
    rows = ["N_act,D,E,loss"]
    for params in (1e8, 3e8, 1e9, 3e9):
        for tokens in (2e9, 1e10, 5e10, 2e11):
            for experts in (1, 4, 16, 64):
                loss = law.evaluate("L", {"N_act": params, "D": tokens, "E": experts})
                rows.append(f"{params},{tokens},{experts},{loss}")
    (folder / HOSTILE).write_text("\n".join(rows))
    family = ("--family", "ludziejewski", "--resamples", "0", "--name", HOSTILE)
    optimoe("laws", "fit", HOSTILE, *family, "--out", "ours.toml", cwd=folder)
    (folder / HOSTILE).unlink()
    optimoe(*PLAN, "--law", "ours.toml", "--out", HOSTILE, cwd=folder)
    out = folder / HOSTILE
    (winner,) = load_runs(out / "winner" / "recipe.toml")
    proxies = load_runs(out / "winner" / "proxies.toml")
    assert HOSTILE in winner.source
    assert all(HOSTILE in proxy.source for proxy in proxies)
    told = load_toml(out / "winner" / "recipe.toml")["plan"]["predicted"]
    assert told["law"] == HOSTILE
    assert told["law_source"] == f"fitted to 64 runs of {HOSTILE}"
    plan = json.loads((out / "plan.json").read_text())
    assert plan["problem"]["law"] == HOSTILE
    assert load_config(out / "winner").d_model == plan["choice"]["arch"]["d_model"]
    assert subprocess.run(["sh", "-n", out / "winner" / "vllm.sh"], check=False).returncode == 0
    assert HOSTILE in html.unescape((out / "plan.html").read_text())


def check_fit_views(folder):
    """Predictions, coefficients and residuals of runs whose table and names hold quotes, commas and markup."""
    law, table = find_law("besiroglu2024"), io.StringIO()
    rows = csv.writer(table)
    rows.writerow(["run", "N", "D", "loss"])
    for params in (1e8, 3e8, 1e9, 3e9):
        rows.writerows([HOSTILE, params, tokens, law.loss(params, tokens)] for tokens in (2e9, 1e10, 5e10))
    (folder / HOSTILE).write_text(table.getvalue())
    fit = ("laws", "fit", HOSTILE, "--family", "chinchilla", "--resamples", "20", "--folds", "0")
    views = {"--predictions": f"{HOSTILE}.csv", "--table": f"{HOSTILE}.tex", "--page": f"{HOSTILE}.html"}
    optimoe(*fit, "--name", HOSTILE, *itertools.chain(*views.items()), cwd=folder)
    with (folder / views["--predictions"]).open(newline="") as stream:
        predicted = list(csv.DictReader(stream))
    assert [row["run"] for row in predicted] == [HOSTILE] * 12
    assert r"\alpha" in (folder / views["--table"]).read_text()
    assert HOSTILE in html.unescape((folder / views["--page"]).read_text())


def check_back_test_page(folder):
    save_store(folder / HOSTILE)
    rule = (
        "--holdout",
        "train_flops > 1.5e16",
        "--family",
        "expansion",
        "--law",
        "ludziejewski2025",
        "--anchors",
        1,
    )
    optimoe("laws", "back-test", f"{HOSTILE}/records.jsonl", *rule, "--page", f"{HOSTILE}.html", cwd=folder)
    assert HOSTILE in html.unescape((folder / f"{HOSTILE}.html").read_text())


def check_reproductions(folder):
    from optimoe.app.cli.planning.reproduce import reproduce
    from optimoe.planner.published import ledger

    texts = ledger.claim_texts()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "claim_texts", lambda: {"zhao2025": texts["zhao2025"]})
        reproduce(all_texts=True, out=folder / HOSTILE)
        reproduce("zhao2025", page=folder / f"{HOSTILE}.html")
    drawn = html.unescape((folder / f"{HOSTILE}.html").read_text())
    assert all(row.claim in drawn for row in ledger.reproduce_text("zhao2025").rows)
    page = (folder / HOSTILE).read_text()
    assert "zhao2025" in page
    assert all(row.claim in page for row in ledger.reproduce_text("zhao2025").rows)


def check_checkpoint(folder):
    from optimoe.models.config import ModelConfig
    from optimoe.models.convert.hf import load_hf, save_hf
    from optimoe.models.decoder import build
    from tests.models.build import make_arch

    model = build(make_arch(), ModelConfig())
    save_hf(model, folder / HOSTILE, "mixtral")
    back = load_hf(folder / HOSTILE)
    assert back.arch.layers == model.arch.layers
    assert all(back.state_dict()[name].equal(tensor) for name, tensor in model.state_dict().items())


def check_run(folder):
    """Text, a learned tokenizer, a corpus, a run that goes on from its checkpoint, all under such names."""
    from optimoe.trainer.corpus.make import make_corpus
    from optimoe.trainer.corpus.store import Corpus
    from optimoe.trainer.results.folder import load_metrics
    from optimoe.trainer.results.trained import load_run
    from optimoe.trainer.train import train
    from tests.trainer.world import ARCHITECTURE, QUIET, make_run, write_text

    write_text(folder / "text" / HOSTILE)
    make_corpus(folder / HOSTILE, [folder / "text"], "bpe:300", held_out_share=0.1)
    run = make_run(steps=2, name=HOSTILE, architecture=ARCHITECTURE | {"vocab_size": 300}, notes=HOSTILE)
    place, corpus = folder / "runs" / HOSTILE, Corpus(folder / HOSTILE)
    assert corpus.facts.made_from == (str(folder / "text"),)
    record = train(run, place, [corpus], QUIET)
    assert load_run_records(place / "record.jsonl").records == (record,) and record.run.notes == HOSTILE
    assert [line["step"] for line in load_metrics(place)] == [1, 2]
    trained = load_run(place)
    assert (trained.run.name, trained.tokenizer.vocab_size) == (HOSTILE, 300)


def check_probe(folder):
    optimoe("hardware", "probe", "--device", "cpu", "--no-operators", "--out", f"{HOSTILE}.toml", cwd=folder)
    assert find_accelerator(str(folder / f"{HOSTILE}.toml")).architecture == "cpu"


def check_measurement(folder):
    """The log of requests is read back; figures are read as what they are, a JSON object a line."""
    from optimoe.loadtest.results.files import RequestLog, load_requests, save_summaries
    from optimoe.loadtest.results.timing import RequestTiming
    from tests.loadtest.results.cases import summary

    timing = RequestTiming(index=0, error=HOSTILE, error_text=HOSTILE, gaps_s=(0.1, 0.2))
    with RequestLog(folder / HOSTILE) as log:
        log.keep(timing)
    assert repr(load_requests(folder / HOSTILE).timings) == repr((timing,))  # NaN is not equal to itself
    save_summaries(folder / f"{HOSTILE}.jsonl", [summary(model=HOSTILE)])
    (line,) = (folder / f"{HOSTILE}.jsonl").read_text().splitlines()
    assert json.loads(line)["model_id"] == HOSTILE


def check_load_page(folder):
    with running() as (url, _):
        optimoe("measure", url, "--requests", 5, "--output-tokens", 8, "--page", HOSTILE, cwd=folder)
    assert "under load</h1>" in (folder / HOSTILE).read_text()


def check_sweep(folder):
    store, failure = SweepStore(folder / "store"), Failure(attempts=1, line=HOSTILE)
    store.add([RUN])
    store.give_up(RUN, failure)
    (state,) = store.states()
    assert (state.run, state.state, state.failure) == (RUN, "failed", failure)
    for ending in ("csv", "parquet"):
        store.records_file.unlink(missing_ok=True)
        whole = replace(RUN, architecture=ARCHITECTURE)
        append_run_record(store.records_file, record(run=whole, run_id="", host=HOSTILE))
        optimoe("sweep", "export", store.path, folder / f"{HOSTILE}.{ending}", cwd=folder)
        (row,) = read_table(folder / f"{HOSTILE}.{ending}")["name"]
        assert row == HOSTILE
    optimoe("sweep", "status", store.path, "--page", f"{HOSTILE}.html", cwd=folder)
    assert HOSTILE in html.unescape((folder / f"{HOSTILE}.html").read_text())
    words = ("--alpha", "0.1", "--baseline", HOSTILE, "--variant", HOSTILE, "--out", folder / "gate.json")
    optimoe("sweep", "compare", store.path, *words, cwd=folder)
    assert load_json(folder / "gate.json")["baseline"] == HOSTILE
    before = SweepEstimate(num_runs=1, flops=1e15, seconds=2.0, worker_seconds=4.0, usd=5.0)
    reckoning = Reckoning(before=before)
    store.save_reckoning(reckoning)
    assert store.reckoning() == reckoning


def check_answer_pages(folder):
    optimoe("arch", "mixtral-8x7b", "--hf", HOSTILE, cwd=folder)
    optimoe("compare", HOSTILE, "--page", f"{HOSTILE}.html", cwd=folder)
    assert HOSTILE in html.unescape((folder / f"{HOSTILE}.html").read_text())


WRITERS = {
    "core/config.py": check_toml,
    "core/run/files.py": check_runs,
    "core/files/lines.py": check_lines,
    "core/latency.py": check_latency_records,
    "cost/calibration/files.py": check_calibration,
    "laws/catalog/files.py": check_law,
    "app/cli/arch.py": check_config,
    "app/cli/measure.py": check_load_page,
    "app/cli/printing.py": check_answer_pages,
    "app/cli/sweeps/store.py": check_sweep,
    "report/tables/runs.py": check_sweep,
    "app/cli/laws/families.py": check_back_test_page,
    "app/cli/laws/fit.py": check_fit_views,
    "app/cli/planning/reproduce.py": check_reproductions,
    "app/cli/serving/sizing.py": check_curves_page,
    "app/cli/serving/calibrate.py": check_check_page,
    "core/files/owned.py": check_plan,
    "models/convert/hf.py": check_checkpoint,
    "models/convert/checkpoint/shards.py": check_checkpoint,
    "inputs/runs/probe.py": check_probe,
    "loadtest/results/files.py": check_measurement,
    "trainer/checkpoints/folder.py": check_run,
    "trainer/checkpoints/state.py": check_run,
    "trainer/corpus/make.py": check_run,
    "trainer/corpus/tokenizers.py": check_run,
    "trainer/results/folder.py": check_run,
    "trainer/sweep/store.py": check_sweep,
}
"""What writes files, and what reads them back."""


@pytest.mark.parametrize("check", dict.fromkeys(WRITERS.values()), ids=lambda check: check.__name__)
def test_what_is_written_is_read_back_whatever_the_names(check, tmp_path):
    check(tmp_path)


def test_every_writer_of_files_is_read_back_here():
    calls = {"write_text", "save_toml", "save_file", "write_bytes"}
    found = set()
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func).rsplit(".", 1)[-1]
                appends = name == "open" and any("O_APPEND" in ast.unparse(word) for word in node.args)
                if name in calls or appends:
                    found.add(path.relative_to(SOURCES).as_posix())
    assert found == set(WRITERS)
