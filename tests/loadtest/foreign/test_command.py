"""``optimoe measure --from``: files of others, what is stated beside them, and what is written."""

import json

import pytest

from optimoe.app.main import app, main
from optimoe.core.latency import load_latency_records
from tests.loadtest.foreign.files import AIPERF, INFERENCEX, SGLANG, VLLM, write

STATED = (
    "--gpu",
    "h100-sxm",
    "--engine",
    "vllm",
    "--engine-version",
    "0.12.0",
    "--precision",
    "bf16",
    "--tp",
    "1",
)


def test_several_files_become_one_file_of_records(tmp_path, capsys):
    files = [write(tmp_path / "vllm.json", VLLM), write(tmp_path / "aiperf.json", AIPERF)]
    out = tmp_path / "records.jsonl"
    words = [word for file in files for word in ("--from", str(file))]
    app(["measure", *words, *STATED, "--out", str(out), "--json"])
    told = json.loads(capsys.readouterr().out)
    records = load_latency_records(out)
    assert told["out"] == str(out) and len(told["records"]) == len(records) == 2
    assert [record.source.split(",")[0] for record in records] == ["vllm bench serve", "aiperf 0.13.0"]


def test_a_level_stands_in_a_row(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    app(["measure", "--from", str(write(tmp_path / "sheet.csv", text=INFERENCEX))])
    row = capsys.readouterr().out.splitlines()[-1]
    assert row.split() == [
        "mixtral-8x7b", "vllm", "0.12.0", "1xh100-sxm", "bf16", "100", "11", "4", "200", "ms", "30.0", "ms",
        "2026-01-31",
    ]  # fmt: skip


def test_load_and_date_are_stated_where_a_table_lacks_them(tmp_path):
    text = "median_ttft_ms,median_tpot_ms\n200,30\n"
    load = ("--input-tokens", "1K", "--output-tokens", "256", "--concurrency", "8", "--date", "2026-01-31")
    out = tmp_path / "records.jsonl"
    sheet = write(tmp_path / "sheet.csv", text=text)
    app(["measure", "--from", str(sheet), *STATED, "--model", "mixtral-8x7b", *load, "--out", str(out)])
    (record,) = load_latency_records(out)
    assert (record.input_tokens, record.output_tokens, record.concurrency) == (1000, 256, 8)
    assert (record.ttft_s, record.tpot_s, record.date) == (0.2, 0.03, "2026-01-31")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "url: must be stated, or --serve or --from in its place, got none"),
        (("http://127.0.0.1:1", "--from", "FILE"), "in its place, got url and --from"),
        (("--from", "FILE", "--log", "x"), "log: must be left out beside --from, got x"),
        (("http://127.0.0.1:1", "--date", "2026-01-31"), "date: must be left out without --from, got 2026-01-31"),
        (("--from", "FILE", *STATED, "--concurrency", "1,2"), "must be one number beside --from, got 1,2"),
        (("--from", "FILE"), "needs: state --gpu, --engine, --precision, --date"),
        (("--from", "nowhere"), "nowhere: cannot be read"),
    ],
)  # fmt: skip
def test_what_is_missing_or_too_much_is_one_line(words, said, tmp_path, capsys):
    file = write(tmp_path / "sglang.jsonl", SGLANG | {"backend": "custom"})
    with pytest.raises(SystemExit) as left:
        main(["measure", *(str(file) if word == "FILE" else word for word in words)])
    error = capsys.readouterr().err
    assert left.value.code == 2 and said in error and error.count("\n") == 1
