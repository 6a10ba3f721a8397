"""The command line as scripts use it: one JSON object, exit codes, one-line errors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

QUESTION = [
    "plan", "--train-gpus", "64xh100-sxm", "--train-days", "30", "--mfu", "0.4", "--serve-tokens", "5T",
    "--serve-gpus", "8xh100-sxm", "--experts", "1,8",
]  # fmt: skip
PLAN = [*QUESTION, "--tpot", "50ms"]
MIXTRAL = {
    "model_type": "mixtral",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "num_local_experts": 8,
    "sliding_window": None,
    "vocab_size": 32000,
}


def optimoe(*arguments, cwd=None):
    return subprocess.run(
        [str(Path(sys.executable).with_name("optimoe")), *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def answer(*arguments, cwd=None):
    done = optimoe(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def mixtral(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(MIXTRAL))
    return path


def test_mixtral_is_counted_exactly(mixtral):
    record = answer("arch", mixtral)
    assert record["params_total"] == 46_702_792_704
    assert record["params_active"] == 12_879_925_248
    assert record["kv_bytes_per_token"] == 131_072
    assert record["sparsity"] == 0.75
    assert set(record["flops_per_token"]) == {"prefill", "decode", "train"}
    assert {"parts", "granularity", "params_nonembedding", "expert_attention_flops_ratio"} <= set(record)


def test_several_models_stand_side_by_side(mixtral):
    assert [m["name"] for m in answer("arch", "mixtral-8x22b", "llama-3.1-8b")["models"]] == [
        "mixtral-8x22b",
        "llama-3.1-8b",
    ]


def test_a_plan_has_the_documented_keys_and_writes_nothing_unasked(tmp_path):
    record = answer(*PLAN, cwd=tmp_path)
    assert {
        "arch", "tokens", "loss", "loss_low", "loss_high",
        "train_flops", "train_usd", "usd_per_mtok", "ttft_s", "tpot_s",
    } <= set(record["choice"])  # fmt: skip
    assert {"num_experts", "top_k", "num_layers", "d_model", "num_heads", "d_expert"} <= set(
        record["choice"]["arch"]
    )
    assert {"front", "laws", "reasons", "warnings", "assumptions", "alternatives"} <= set(record)
    assert all(row["source"] for row in record["assumptions"])
    assert list(tmp_path.iterdir()) == []


def test_a_plan_leaves_its_page_and_its_winner(tmp_path):
    done = optimoe(*PLAN, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Train" in done.stdout
    assert "Loss" in done.stdout
    page = (tmp_path / "plan.html").read_text()
    assert "http" not in page.split("<script>")[0] + page.rsplit("</script>", 1)[1]
    assert json.loads((tmp_path / "plan.json").read_text())["choice"]["tokens"] > 0
    winner = answer("arch", tmp_path / "winner")
    assert (
        winner["params_total"]
        == json.loads((tmp_path / "plan.json").read_text())["choice"]["arch"]["params_total"]
    )
    assert "tokens" in (tmp_path / "winner" / "recipe.toml").read_text()


def test_the_chain_ends_at_the_total_and_every_link_has_a_basis():
    record = answer(*PLAN, "--explain")
    assert [link["name"] for link in record["chain"]][-2:] == ["total", "optimal"]
    assert {"peak", "N_act", "D", "L", "TPOT", "output tokens/s"} <= {link["name"] for link in record["chain"]}
    assert all(link["basis"] and link["value"] for link in record["chain"])
    done = optimoe(*PLAN, "--explain")
    assert done.returncode == 0
    assert "[published" in done.stdout


def test_a_budget_may_be_dollars_and_lengths_percentiles(tmp_path):
    sheet = tmp_path / "prices.toml"
    sheet.write_text('[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 2.0\n')
    found = answer(
        "plan", "--train-usd", "20K", "--prices", sheet, "--experts", "1,8", "--quick",
        "--input-percentiles", "50=800,90=3000", "--output-percentiles", "50=200,90=600",
    )  # fmt: skip
    assert found["choice"]["train_usd"] <= 20e3 * (1 + 1e-9)
    workload = found["problem"]["deployments"][0]["workload"]
    assert (workload["input_tokens"], workload["output_tokens"]) == (1362, 289)


def test_traffic_may_be_a_rate_and_a_trace(tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text("input_tokens,output_tokens\n100,50\n300,150\n")
    asked = ("plan", "--train-flops", "1e21", "--experts", "1,8", "--quick", "--json", "--trace", trace)
    problem = answer(*asked[:-3], "--trace", trace, "--requests-per-s", 10, "--life-days", 100)["problem"]
    assert problem["deployments"][0]["workload"]["input_tokens"] == 200
    assert problem["lifetime_tokens"] == pytest.approx(10 * 100 * 86400 * 100)
    trace.write_text("input_tokens,output_tokens\n100,none\n")
    done = optimoe(*asked)
    assert done.returncode == 2
    assert "trace.csv:2: output_tokens: must be a positive number" in done.stderr
    trace.write_text("prompt,answer\n1,2\n")
    assert "must have a column input_tokens" in optimoe(*asked).stderr
    both = optimoe("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--requests-per-s", "1")
    assert both.returncode == 2


def test_hardware_that_costs_nothing_is_no_error(tmp_path):
    free = ["--train-usd-per-hour", "0", "--serve-usd-per-hour", "0", "--out", tmp_path]
    assert answer(*PLAN, *free)["choice"]["total_usd"] == 0
    assert optimoe(*PLAN, *free).returncode == 0


def test_cost_has_the_documented_keys():
    record = answer("cost", "mixtral-8x7b", "--gpu", "h100-sxm", "--gpus", 2, "--concurrency", 16)
    assert {
        "ttft_s", "tpot_s", "tokens_per_s", "tokens_per_s_per_gpu",
        "max_batch", "usd_per_mtok", "bound_by", "parts",
    } <= set(record)  # fmt: skip
    assert record["layout"] == {"tp": 2, "ep": 1, "pp": 1, "dp": 1}
    assert record["concurrency"] == 16


def test_a_layout_in_full_has_its_degrees_bands_and_memory():
    gpus = ("--gpus", "8xh200-sxm", "--precision", "fp8", "--tp", 1, "--ep", 8, "--dp", 8, "--concurrency", 64)
    record = answer("cost", "deepseek-v3", *gpus)
    assert record["layout"] == {"tp": 1, "ep": 8, "pp": 1, "dp": 8}
    assert record["parts"]["all_to_all_s"] > 0
    assert record["tpot_low_s"] < record["tpot_s"] < record["tpot_high_s"]
    assert record["ttft_low_s"] < record["ttft_s"] < record["ttft_high_s"]
    memory = record["memory"]
    assert memory["weights"] + memory["activations"] + 8 * memory["cache_per_request"] < memory["usable"]


def test_the_inverse_questions_have_their_keys(tmp_path):
    load = ("--requests-per-s", 20, "--tpot", "40ms")
    found = answer("cost", "fleet", "mixtral-8x7b", "--gpu", "h100-sxm,h200-sxm", *load)
    assert found["output_tokens_per_s"] == 20 * 1024
    first = found["fleets"][0]
    assert first["num_gpus"] == min(one["num_gpus"] for one in found["fleets"])
    assert first["num_gpus"] == first["num_deployments"] * first["gpus_per_deployment"]
    longest = answer("cost", "context", "llama-3.1-8b", "--gpus", "1xh100-sxm")
    assert longest["input_tokens"] > 400_000
    page = tmp_path / "cost.html"
    drawn = answer("cost", "curves", "llama-3.1-8b", "--gpus", "1xh100-sxm", "--out", page)
    assert {"frontier", "by_context", "by_batch"} <= set(drawn)
    assert "Price against context" in page.read_text()


def test_a_training_run_has_its_layout_speed_and_dollars():
    record = answer("cost", "train", "mixtral-8x7b", "--gpus", "64xh100-sxm", "--tokens", "100B")
    layout = record["layout"]
    assert layout["tp"] * layout["pp"] * layout["dp"] == 64
    assert 0 < record["mfu_low"] < record["mfu"] < record["mfu_high"] <= 1
    assert record["usd"] == pytest.approx(record["days"] * 24 * 64 * 2.95, rel=1e-6)
    done = optimoe("cost", "train", "deepseek-v3", "--gpus", "8xh100-sxm", "--tokens", "1T")
    assert done.returncode == 3


def test_comparing_models_gives_both_kinds_of_dense_equivalents():
    mixtral, dense = answer("compare", "mixtral-8x7b", "llama-3.1-8b", "--gpus", "8xh100-sxm")["models"]
    assert set(mixtral["dense_equivalent_full"]) == {"prefill", "slow_decode", "fast_decode", "long_context"}
    assert mixtral["dense_equivalent"]["slow_decode"] == mixtral["params_total"]
    assert dense["dense_equivalent_full"]["fast_decode"] == pytest.approx(8e9, rel=0.3)


def test_without_a_price_the_rest_is_still_answered():
    done = optimoe("cost", "llama-3.1-8b", "--gpus", "1xmi300x", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["usd_per_mtok"] is None
    assert "no list price" in done.stderr


def test_a_law_is_evaluated_in_its_own_variables():
    record = answer("laws", "predict", "--law", "besiroglu2024", "--set", "N=70B", "--set", "D=1.4e12")
    assert record["loss"] == pytest.approx(1.97342, rel=3e-6)
    assert answer("laws", "show", "ludziejewski2025")["coefficients"]["a"] == 35.91
    assert len(answer("laws", "list")["laws"]) >= 10


def test_a_law_that_cannot_be_right_takes_an_explicit_word():
    inputs = ["--law", "hoffmann2022-printed", "--set", "N=70B", "--set", "D=1.4T"]
    refused = optimoe("laws", "predict", *inputs)
    assert refused.returncode == 2
    assert "inconsistent" in refused.stderr
    assert answer("laws", "predict", *inputs, "--allow-inconsistent")["loss"] == pytest.approx(1.93665, rel=3e-6)


def test_a_file_of_checks_is_run(tmp_path):
    path = tmp_path / "checks.toml"
    row = '[[check]]\nlaw = "besiroglu2024"\ninputs = {{ N = 7e10, D = 1.4e12 }}\noutput = "L"\nvalue = {}\n'
    rest = 'tolerance_rel = 1e-5\nsource = "recomputed"\n'
    pending = '[[check]]\nlaw = "nobody2030"\ninputs = {}\noutput = "L"\nvalue = 1.0\n'
    path.write_text(row.format(1.97342) + rest + pending + rest)
    record = answer("laws", "check", path)
    assert (record["passed"], record["failed"], record["pending"]) == (1, 0, 1)
    assert {"law", "output", "expected", "ours", "ok"} <= set(record["rows"][0])
    path.write_text(row.format(1.98) + rest)
    assert optimoe("laws", "check", path).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["plan", "--train-flops", "-1"], "must be positive, got -1"),
        (["plan"], "train_flops"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "8xh100"], "nearest: h100"),
        (["plan", "--train-flops", "1e22", "--tpot", "50 apples"], "--tpot"),
        (["plan", "--train-flops", "1e22", "--experts", "2", "--top-k", "4"], "at least top_k = 4, got 2"),
        (["plan", "--train-flops", "1e22", "--law", "hoffmann2022-printed"], "inconsistent"),
        (["plan", "--train-flops", "1e22", "--target-loss", "2", "--total-usd", "1M"], "--target-loss"),
        (["plan", "--train-flops", "1e22", "--train-days", "3"], "--train-gpus: missing"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "8xmi250x"], "num_gpus"),
        (["plan", "--train-flops", "1e22", "--serve-gpus", "8xa100-sxm"], "--serve-usd-per-hour"),
        (["plan", "--train-flops", "1e22", "--mfu", "1.2"], "mfu"),
        (["plan", "--train-flops", "1e22", "--prices", "nowhere.toml"], "nowhere.toml: cannot be read"),
        (["plan", "--train-flops", "1e22", "--input-percentiles", "50:3"], "must look like 50=800,90=3000"),
        (["plan", "--target-loss", "2.2", "--expert-attention-ratio", "li2026"], "needs a training budget"),
        (["plan", "--train-gpuz", "3"], "--train-gpuz"),
        (["arch", "mixtral-8x8b"], "nearest: mixtral-8x7b"),
        (["arch", "nowhere/config.json"], "cannot be read"),
        (["arch", "mixtral-8x7b", "--kv-precision", "fp5"], "fp5"),
        (["arch", "mixtral-8x7b", "--context", "0"], "positive"),
        (["cost", "mixtral-8x7b", "--gpus", "8"], "--gpu: missing"),
        (["cost", "mixtral-8x7b", "--gpus", "8xh100-sxm", "--tp", "3"], "tp"),
        (["plan", "--train-flops", "1e22", "--attention", "mqa"], "attention: must be mha, gqa or mla"),
        (["plan", "--train-flops", "1e22", "--top-k", "two"], "--top-k: must be whole numbers"),
        (["cost", "llama-3.1-8b", "--gpus", "8xh100-sxm", "--ep", "8"], "ep: must be 1"),
        (["cost", "mixtral-8x7b", "--gpus", "8xh100-sxm", "--acceptance", "0.5"], "acceptance"),
        (["cost", "mixtral-8x7b", "--gpus", "8xh100-sxm", "--engine", "vlm"], "nearest: vllm"),
        (["cost", "fleet", "mixtral-8x7b", "--gpu", "h100-sxm"], "state it once"),
        (["laws", "predict", "--law", "besiroglu2024", "--set", "N=7e9"], "needs D"),
        (
            ["laws", "predict", "--law", "besiroglu2024", "--set", "N=-1", "--set", "D=1"],
            "N: must be positive",
        ),
        (["laws", "predict", "--law", "chinchila"], "unknown name"),
        (["laws", "predict", "--law", "besiroglu2024", "--set", "N"], "--set"),
        (["laws", "check", "nowhere.toml"], "cannot be read"),
        (["bogus"], "bogus"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, words, tmp_path):
    done = optimoe(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{not json", "not JSON"),
        ("[1]", "JSON object"),
        ('{"model_type": "mixtral"}', "missing"),
        (json.dumps(MIXTRAL | {"num_experts_per_tok": 9}), "at most num_experts = 8, got 9"),
        (json.dumps(MIXTRAL | {"hidden_size": -4096}), "hidden_size"),
        (json.dumps(MIXTRAL | {"hidden_size": "4096"}), "hidden_size"),
    ],
)
def test_a_config_that_is_none_is_one_line_and_exit_2(content, words, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(content)
    done = optimoe("arch", path)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_an_impossible_limit_exits_3_and_says_what_would_lift_it():
    done = optimoe(*QUESTION, "--tpot", "1us")
    assert done.returncode == 3
    assert "tpot: the limit of 1.00 µs binds" in done.stderr
    assert "would lift it" in done.stderr
    assert done.stderr.count("\n") == 1


SCOUT_FLEET = ["cost", "fleet", "llama-4-scout", "--gpu", "h100-sxm", "--requests-per-s", "5"]


def test_a_fleet_of_the_stated_most_is_found_by_stages():
    (fleet,) = answer(*SCOUT_FLEET, "--most-gpus", "3")["fleets"]
    assert (fleet["gpus_per_deployment"], fleet["layout"]["pp"], fleet["num_deployments"]) == (3, 3, 8)


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_a_fleet_that_nothing_carries_exits_3_in_one_line(json_option):
    done = optimoe(*SCOUT_FLEET, "--most-gpus", "1", *json_option)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("optimoe: memory: 216 GB of bf16 weights")
    assert done.stderr.count("\n") == 1


def test_an_engine_file_that_is_none_is_one_line_and_exit_2(tmp_path):
    (tmp_path / "mine.toml").write_text("front_s = 80\nprefill_first = false\nkv_of_fp8 = 'bf16'\nsource = 'me'\n")
    asked = ["cost", "mixtral-8x7b", "--gpus", "2xh100-sxm", "--engine", "mine.toml"]
    done = optimoe(*asked, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "optimoe: mine.toml: front_s: must be in seconds, from 0 to below 60, got 80.0\n"


def test_a_model_too_large_for_its_gpus_exits_3():
    done = optimoe("cost", "mixtral-8x7b", "--gpus", "1xh100-sxm")
    assert done.returncode == 3
    assert "memory" in done.stderr


def latency_lines(**changes):
    """Twelve measured loads of one deployment."""
    record = {
        "model": "mixtral-8x7b", "gpu": "h100-sxm", "num_gpus": 2, "tp": 2, "engine": "vllm",
        "engine_version": "0.12.0", "measured_utc": "2026-01-02", "input_tokens": 1024, "output_tokens": 256,
    }  # fmt: skip
    loads = [
        {"concurrency": load, "tpot_s": 0.01 + 6e-4 * load, "ttft_s": 0.1 + 0.02 * load} for load in range(1, 13)
    ]
    return "\n".join(json.dumps({**record, **load, **changes}) for load in loads)


def test_a_calibration_is_one_json_object_and_a_file(tmp_path):
    (tmp_path / "records.jsonl").write_text(latency_lines())
    record = answer("cost", "calibrate", "records.jsonl", "--output", "ours.toml", cwd=tmp_path)
    assert set(record["factors"]) == {"decode_scale", "prefill_scale", "front_s", "step_s", "request_s"}
    assert {"engine", "engine_version", "measured_from", "before", "after", "intervals", "verdict"} <= set(record)
    assert record["after"]["tpot"]["median_error"] < record["before"]["tpot"]["median_error"]
    assert 'engine_version = "0.12.0"' in (tmp_path / "ours.toml").read_text()


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"tpot_s": -1}, (), "records.jsonl:1: tpot_s: must be in seconds"),
        ({"model": "mixtral-8x70b"}, (), "record 1: model: unknown name"),
        ({}, ("--engine", "sglang"), "--engine: unknown name 'sglang'"),
        ({}, ("--least-records", "20"), "records: must be at least 20 usable ones, got 12"),
        ({}, ("--output", "ours.yaml"), "--output: must end in .toml or .json"),
    ],
)
def test_records_that_cannot_be_used_are_one_line(tmp_path, changes, options, words):
    (tmp_path / "records.jsonl").write_text(latency_lines(**changes))
    done = optimoe("cost", "calibrate", "records.jsonl", *options, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


@pytest.mark.parametrize("arguments", [["--help"], ["arch", "mixtral-8x7b"], ["arch", "mixtral-8x7b", "--json"]])
def test_help_and_counting_load_neither_numpy_nor_torch(arguments):
    code = f"import sys\nsys.argv = ['optimoe', *{arguments!r}]\nfrom optimoe.app.main import main\nmain()\n"
    probe = "heavy = {'numpy', 'scipy', 'torch', 'plotly'} & set(sys.modules)\nassert not heavy, heavy\n"
    done = subprocess.run([sys.executable, "-c", code + probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "plan" in done.stdout or "46,702,792,704" in done.stdout or "46702792704" in done.stdout


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{Path(sys.executable).with_name('optimoe')} laws list | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


@pytest.fixture
def runs(tmp_path):
    """Twenty runs of a planted law."""
    path = tmp_path / "runs.csv"
    sizes = [(params, tokens) for params in (1e8, 3e8, 1e9, 3e9) for tokens in (1e9, 4e9, 2e10, 1e11, 5e11)]
    lines = [f"{n},{d},{1.7 + 400 / n**0.34 + 2000 / d**0.36}" for n, d in sizes]
    path.write_text("\n".join(["params,tokens,final", *lines]))
    return path


FIT = ["--family", "besiroglu2024", "--columns", "N=params,D=tokens,loss=final"]


def test_a_law_is_fitted_saved_and_planned_with(runs, tmp_path):
    law = tmp_path / "mine.toml"
    record = answer("laws", "fit", runs, *FIT, "--holdout", "top20%", "--resamples", 20, "--out", law)
    assert record["verdict"] == "sound"
    assert record["coefficients"]["E"] == pytest.approx(1.7, rel=1e-5)
    assert record["coefficients"]["alpha"] == pytest.approx(0.34, rel=1e-5)
    assert set(record["intervals"]) == {"E", "A", "B", "alpha", "beta"}
    assert record["holdout"]["rmse_log"] < 1e-6
    done = answer("plan", "--train-flops", "1e21", "--serve-tokens", "1B", "--experts", "1", "--law", law)
    assert done["choice"]["loss"] > 1.7


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        (["--family", "nobody"], "family"),
        (["--columns", "N=params,D=nowhere,loss=final"], "nowhere"),
        (["--columns", "N"], "--columns"),
        (["--holdout", "top150%"], "holdout"),
        (["--where", "params > 1e99"], "observations"),
        (["--level", "1.5"], "level"),
    ],
)
def test_a_fit_of_bad_input_is_one_line(runs, extra, words):
    done = optimoe("laws", "fit", runs, *FIT, *extra)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


def test_laws_are_compared_on_one_design_and_one_budget():
    record = answer("laws", "compare", "mixtral-8x7b", "--tokens", "1T", "--laws", "ludziejewski2025")
    (opinion,) = record["opinions"]
    assert opinion["difference"] < 0
    assert not opinion["inside"]
    verdicts = answer("laws", "decide", "--train-flops", "1e22")["verdicts"]
    assert {"num_experts", "tokens_per_param_dense"} <= {verdict["question"] for verdict in verdicts}


def test_models_stand_beside_the_dense_models_that_they_are_like():
    mixtral, llama = answer("compare", "mixtral-8x7b", "llama-3.1-8b")["models"]
    assert set(mixtral["dense_equivalent"]) == {"prefill", "slow_decode", "fast_decode", "long_context"}
    assert mixtral["dense_equivalent"]["slow_decode"] == mixtral["params_total"]
    assert llama["dense_equivalent"]["fast_decode"] == llama["params_total"]


def test_a_text_is_reproduced_with_a_verdict_for_each_number():
    rows = answer("reproduce", "epoch2024")["rows"]
    assert {"published", "ours", "verdict"} <= set(rows[0])
    done = optimoe("reproduce", "nobody2030")
    assert done.returncode == 2
    assert "epoch2024" in done.stderr
