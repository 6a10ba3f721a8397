"""``optimoe cost size-from-speed`` and ``yun``."""

import pytest

from optimoe.core.latency import save_latency_records
from tests.app.run import answer, optimoe
from tests.cost.calibration.cases import SHIPPED, blank, measured

ONE_GPU = ["cost", "size-from-speed", "--gpus", "1xh100-sxm", "--sparsity", "8", "--precision", "bf16"]


def test_sizes_are_one_json_object_the_dense_one_first():
    shape = ["--aspect", 128, "--ffn-ratio", 3]
    found = answer(*ONE_GPU, *shape, "--tokens-per-s", 60, "--usd-per-mtok", 0.4, "--calibration", "sglang-0.5.9")
    dense, sparse = found["guesses"]
    assert (dense["num_experts"], sparse["num_experts"]) == (1, 64)
    assert dense["params_total"] < sparse["params_total"]
    assert sparse["params_active"] < dense["params_active"]
    assert found["observed"]["cost_usd_per_mtok"] == 0.4
    assert {move["unknown"] for move in found["moves"]} == {"cost model", "margin", "utilisation", "drafts"}


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ((), 2, "tokens_per_s: must be given where usd_per_mtok is not"),
        (("--tokens-per-s", 1e5), 3, "speed: the smallest typical model"),
        (("--usd-per-mtok", 1e-6), 3, "price: the smallest typical model"),
        (("--usd-per-mtok", 1, "--margin", 1), 2, "margin: must be in [0, 1)"),
    ],
)
def test_what_cannot_be_answered_is_one_line(options, code, words):
    done = optimoe(*ONE_GPU, *options)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"optimoe: {words}")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def records(tmp_path):
    loads = [blank(tp=tp, concurrency=load) for tp in (2, 4) for load in (1, 64)]
    save_latency_records(tmp_path / "records.jsonl", measured(loads, SHIPPED))
    return tmp_path


def test_yun_s_price_is_the_least_over_gpus(records):
    asked = ["cost", "yun", "mixtral-8x7b", "--records", "records.jsonl", "--concurrency", 64]
    found = answer(*asked, cwd=records)
    assert found["num_gpus"] == 2
    assert found["usd_per_mtok"] == min(one["usd_per_mtok"] for one in found["prices"])
    assert [table["gpus"] for table in found["tables"]["tables"]] == [2, 4]
    assert "Cheapest" in optimoe(*asked, cwd=records).stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("mixtral-8x7b",), 2, "batches: must be between 1 and 64, as measured"),
        (("--params", "20B", "--experts", 8), 2, "params: must be between"),
        (("llama-3.1-8b",), 2, "experts: must be one of those that were measured, 8, got 1"),
        ((), 2, "model: state it, or --params and --experts in its place"),
    ],
)
def test_what_was_not_measured_is_refused(records, words, code, message):
    done = optimoe("cost", "yun", *words, "--records", "records.jsonl", cwd=records)
    assert done.returncode == code
    assert done.stderr.startswith(f"optimoe: {message}")
