"""``optimoe train`` and ``optimoe data``: from text and a file of runs to records, by the command line alone."""

import json
from pathlib import Path

import pytest

import optimoe
from optimoe.app.main import app, main
from optimoe.arch.hf import from_config
from optimoe.core.run import load_run_records, load_runs, save_runs
from optimoe.core.run.asked import BATCH, PEAK_RATE
from optimoe.laws.prediction.rates import rule_value
from tests.trainer.world import ARCHITECTURE, make_run, write_text

ASKED = (from_config(ARCHITECTURE, "one"), 1280)
QUICK = ("--threads", "1", "--evaluations", "1", "--eval-tokens", "500", "--held-out", "0.1")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with text and two runs, in which commands work."""
    write_text(tmp_path / "text")
    save_runs(tmp_path / "two.toml", [make_run(steps=10, name="one"), make_run(steps=20, name="two", seed=1)])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(capsys, *words):
    app([*words, "--json"])
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    """The exit code and the line of a command that fails."""
    with pytest.raises(SystemExit) as end:
        main(words)
    said = capsys.readouterr()
    return end.value.code, said.err.splitlines()[-1].removeprefix("optimoe: ")


def test_the_runs_of_a_file_are_trained_in_order_once_and_their_records_stand_in_one_file(here, capsys):
    words = ("train", "two.toml", "--data", "text", *QUICK)
    first = answer(capsys, *words)
    assert [run["name"] for run in first["runs"]] == ["one", "two"]
    assert [run["tokens_seen"] for run in first["runs"]] == [1280, 2560]
    records = load_run_records(here / "runs/records.jsonl").records
    assert [(one.run_id, one.loss) for one in records] == [(run["run_id"], run["loss"]) for run in first["runs"]]
    assert {one.run.data.tokenizer for one in records} == {"bytes"}
    (corpus,) = (here / "runs/data").iterdir()
    made = corpus.stat().st_mtime_ns
    again = answer(capsys, *words)
    assert again["runs"] == first["runs"] and corpus.stat().st_mtime_ns == made
    assert load_run_records(here / "runs/records.jsonl").records == records
    app([*words, "--out", "others", "--only", "two"])
    said = capsys.readouterr()
    assert "two: 16.1K parameters" in said.out and "Balance  busiest expert" in said.out
    assert said.err.count("optimoe: two ") == 10 and "optimoe: two 100%: loss" in said.err


def test_what_is_stated_on_the_command_line_makes_another_run(here, capsys):
    words = ("--share", "0.5", "--seed", "7", "--seq-len", "16", "--batch-tokens", "64", "--only", "one")
    (run,) = answer(capsys, "train", "two.toml", "--data", "text", *words, *QUICK)["runs"]
    (kept,) = load_runs(here / "runs/one/run.toml")
    assert (kept.tokens, kept.schedule.warmup_tokens, kept.seed) == (640, 128, 7)
    assert (kept.seq_len, kept.batch_tokens, kept.run_id) == (16, 64, run["run_id"])
    assert [source.name for source in kept.data.sources] == ["text"] and run["tokens_seen"] == 640


def test_published_rules_give_rate_and_batch_where_a_run_names_them(here, capsys):
    text = (here / "two.toml").read_text().replace("batch_tokens = 128", 'batch_tokens = "deepseek"')
    (here / "two.toml").write_text(text.replace("peak_rate = 0.003", 'peak_rate = "deepseek"'))
    words = ("train", "two.toml", "--data", "text", "--only", "one", *QUICK)
    app([*words, "--json"])
    said = capsys.readouterr().err
    assert "one: Peak rate 0.0" in said and "Careful: C " in said and "(a dense law)" in said
    (record,) = load_run_records(here / "runs/records.jsonl").records
    rate, batch = (rule_value(field, "deepseek", *ASKED).value for field in (PEAK_RATE, BATCH))
    assert record.run.schedule.peak_rate == rate and abs(record.run.batch_tokens - batch) <= 16
    assert (
        "arXiv 2401.02954, Sec. 3.1" in record.run.notes
        and load_runs(here / "runs/one/run.toml")[0].run_id == record.run_id
    )
    app([*words, "--tokens", "2560", "--batch-tokens", "64", "--out", "longer"])
    (longer,) = load_run_records(here / "longer/records.jsonl").records
    assert longer.run.schedule.peak_rate < rate and longer.run.batch_tokens == 64


def test_text_becomes_a_corpus_that_runs_train_on(here, capsys):
    made = answer(capsys, "data", "make", "corpus", "text", "--vocab-size", "300", "--held-out", "0.1")
    assert made["vocab_size"] == 300 and [split["split"] for split in made["splits"]] == ["train", "held_out"]
    assert sum(split["documents"] for split in made["splits"]) == 40
    code, line = refused(capsys, "train", "two.toml", "--data", "corpus", *QUICK)
    assert (code, line) == (2, "vocab_size: must be the tokenizer's 300 or more, got 257")
    app(["data", "make", "bytes", "text", "--held-out", "0.1", "--most-tokens", "5K"])
    said = capsys.readouterr().out
    assert "Tokenizer  bytes, 257 ids" in said and "Held out" in said
    (run,) = answer(capsys, "train", "two.toml", "--data", "bytes", "--only", "one", *QUICK)["runs"]
    assert run["status"] == "finished" and not (here / "runs/data").exists()


def test_a_run_learns_the_tokenizer_that_it_asks_for_once_from_all_of_its_sources(here, capsys):
    write_text(here / "more", seed=1)
    large = {"architecture": ARCHITECTURE | {"vocab_size": 300}}
    asked = [make_run(steps=2, name=name, seed=seed, **large) for name, seed in (("one", 0), ("two", 1))]
    save_runs(here / "bpe.toml", asked)
    app(["train", "bpe.toml", "--data", "text", "more", "--tokenizer", "bpe:300", *QUICK])
    assert capsys.readouterr().err.count("tokenizer of 300 ids: learned once, into runs/data/bpe-300-") == 1
    app(["data", "make", "both", "text", "more", "--vocab-size", "300", "--held-out", "0.1"])
    kept = {path.read_bytes() for path in (here / "runs").glob("*/tokenizer.json")}
    assert kept == {(here / "both/tokenizer.json").read_bytes()}
    records = load_run_records(here / "runs/records.jsonl").records
    assert {one.run.data.tokenizer for one in records} == {"bpe:300"}
    assert [text.vocab_size for one in records for text in one.corpora] == [300] * 4
    code, line = refused(
        capsys, "train", "bpe.toml", "--data", "both", "--tokenizer", "bpe:300", "--out", "x", *QUICK
    )
    assert (code, line) == (2, "tokenizer of both: must be left out, as the corpus has its own, got bpe:300")


def test_runs_of_several_lengths_share_their_first_steps(here, capsys):
    save_runs(here / "ladder.toml", [make_run(steps=10, name="short"), make_run(steps=20, name="long")])
    app(["train", "ladder.toml", "--data", "text", *QUICK])
    assert "begins with runs/short/checkpoints/step-00000008" in capsys.readouterr().err
    lines = (here / "runs/long/metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(9, 21))


def test_a_run_whose_text_has_changed_does_not_go_on(here, capsys):
    app(["train", "two.toml", "--data", "text", "--only", "one", *QUICK])
    (here / "runs/one/record.jsonl").unlink()
    write_text(here / "text", num_files=50)
    code, line = refused(capsys, "train", "two.toml", "--data", "text", "--only", "one", *QUICK)
    assert (code, line) == (2, "runs/one/data.json: must be of the corpora, got others, with which the run began")


def test_a_run_that_diverges_has_a_record_and_exit_code_3_and_the_others_are_trained(here, capsys):
    save_runs(here / "wild.json", [make_run(steps=3, name="wild", init_std=1e30), make_run(steps=3, name="tame")])
    words = ("train", "wild.json", "--data", "text", "--json", *QUICK)
    with pytest.raises(SystemExit) as end:
        main(words)
    said = capsys.readouterr()
    assert end.value.code == 3 and said.err.splitlines()[-1].startswith("optimoe: wild: diverged")
    statuses = {run["name"]: (run["status"], run["loss"] is None) for run in json.loads(said.out)["runs"]}
    assert statuses == {"wild": ("diverged", True), "tame": ("finished", False)}
    assert refused(capsys, *words)[0] == 3


def test_python_trains_by_the_same_words(here):
    records = optimoe.train(make_run(steps=3), data="text", held_out=0.1, threads=1, evaluations=1, out="python")
    assert load_run_records(here / "python/records.jsonl").records == records
    (short,) = optimoe.train(here / "two.toml", only=["one"], tokens="256", data="text", held_out=0.1)
    assert short.tokens_seen == 256


def test_the_example_trains_on_what_every_machine_has(here, capsys):
    example = Path(__file__).resolve().parents[4] / "examples" / "tiny-moe.toml"
    words = ("--tokens", "8192", "--most-tokens", "300K", *QUICK)
    (run,) = answer(capsys, "train", str(example), *words)["runs"]
    assert (run["name"], run["tokens_seen"], run["status"]) == ("tiny-moe", 8192, "finished")
    assert run["loss"] < 5.5 and run["load_imbalance"] >= 1


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--data", "nowhere"), "data: must be a file, a folder, hf:NAME or one of python-stdlib"),
        (("--data", "hf:some/set"), "hf:some/set: needs the library datasets (pip install datasets)"),
        (("--data", "text", "--tokenizer", "no.json"), "tokenizer: must be bytes"),
        (("--data", "text", "--only", "tow"), "only: unknown name 'tow' (nearest: two"),
        (("--data", "text", "--share", "2"), "share: must be above 0 and at most 1, got 2"),
        (("--data", "text", "--seq-len", "24"), "batch_tokens: must be a multiple of seq_len = 24"),
        (("--data", "text", "--precision", "fp7"), "Invalid value"),
        ((), "one: data.sources: must be stated, in the run or by --data, got none"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_trained(here, capsys, words, line):
    code, said = refused(capsys, "train", "two.toml", *words, *QUICK)
    assert code == 2 and said.startswith(line)
    assert not list(here.glob("runs/*/run.toml"))


def test_a_name_that_is_no_folder_is_refused(here, capsys):
    save_runs(here / "up.toml", [make_run(name="../up")])
    assert "must be one of a folder" in refused(capsys, "train", "up.toml", "--data", "text")[1]
