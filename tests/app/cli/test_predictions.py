"""``optimoe predictions``: from a record to its score, by the command line alone."""

import json

from tests.app.run import MIXTRAL, answer, optimoe

COST = ("cost", "moe", "--gpus", "2xh200-sxm", "--tp", "2", "--concurrency", "16")


def test_a_record_becomes_a_prediction_an_outcome_and_a_score(tmp_path):
    (tmp_path / "moe").mkdir()
    (tmp_path / "moe" / "config.json").write_text(json.dumps(MIXTRAL))
    served = answer(*COST, cwd=tmp_path)
    assert served["made"]["command"] == "optimoe " + " ".join((*COST, "--json"))
    (tmp_path / "served.json").write_text(json.dumps(served))
    added = answer("predictions", "add", "tpot", "--from", "served.json", "--field", "tpot_s", cwd=tmp_path)
    said = added["prediction"]
    assert "outcome" not in added
    assert (said["value"], said["low"], said["high"], said["level"]) == (
        served["tpot_s"], served["tpot_low_s"], served["tpot_high_s"], 0.9,
    )  # fmt: skip
    assert (said["command"], said["made_utc"]) == (served["made"]["command"], served["made"]["utc"])
    opened = answer("predictions", cwd=tmp_path)
    assert (opened["score"]["open"], opened["score"]["abs_ln_ratio"]) == (1, None)
    came = f"{served['tpot_s'] * 1e3}ms"
    answer("predictions", "outcome", "tpot", came, "--source", "bench", cwd=tmp_path)
    scored = answer("predictions", cwd=tmp_path)
    assert scored["entries"][0]["outcome"]["place"] == "inside"
    assert (scored["score"]["settled"], scored["score"]["bands"][0]["inside"]) == (1, 1)
    shown = optimoe("predictions", cwd=tmp_path).stdout
    assert "stated 0.9: 1 of 1 hold their outcome" in shown


def test_a_ledger_is_of_the_folder_or_named(tmp_path):
    typed = ("--value", "2.1", "--ledger", "ours/ledger.jsonl")
    optimoe("predictions", "add", "loss", *typed, cwd=tmp_path)
    assert answer("predictions", "--ledger", "ours/ledger.jsonl", cwd=tmp_path)["ledger"] == "ours/ledger.jsonl"
    done = optimoe("predictions", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "optimoe: predictions.jsonl: cannot be read (No such file or directory)\n"


def test_bad_input_is_one_line_and_exit_code_2(tmp_path):
    optimoe("predictions", "add", "loss", "--value", "2.1", cwd=tmp_path)
    for words in (
        ("add", "loss", "--value", "2.2"),
        ("add", "tpot", "--from", "nothing.json", "--field", "tpot_s"),
        ("add", "tpot", "--value", "x"),
        ("outcome", "los", "2.2", "--source", "bench"),
        ("outcome", "loss", "2.2"),
        ("outcome", "loss", "2.2", "--source", "bench", "--date", "2020-01-01"),
        ("outcome", "loss", "2.2", "--source", "bench", "--date", "soon"),
        ("outcome", "loss", "much", "--source", "bench"),
        ("--ledger", "."),
    ):
        done = optimoe("predictions", *words, cwd=tmp_path)
        assert done.returncode == 2, words
        assert done.stdout == ""
        assert done.stderr.startswith("optimoe: ") and done.stderr.count("\n") == 1, done.stderr
    assert answer("predictions", cwd=tmp_path)["score"]["predictions"] == 1
