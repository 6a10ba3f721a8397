"""``optimoe cost``: keys, bands, prices, exit codes."""

import json

from tests.app.run import answer, optimoe


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


def test_without_a_price_the_rest_is_still_answered():
    done = optimoe("cost", "llama-3.1-8b", "--gpus", "1xmi325x", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["usd_per_mtok"] is None
    assert done.stderr.endswith("optimoe: gpu price: no list price of mi325x is known: dollars are not known\n")
    spot = ["--price-tier", "spot", "--json"]
    done = optimoe("cost", "llama-3.1-8b", "--gpus", "1xgb200", *spot)
    assert "no spot list price of gb200 is known, there is on-demand $10.50 (--price-tier)" in done.stderr
    assert (
        "spot list prices" in answer("cost", "llama-3.1-8b", "--gpus", "1xh100-sxm", *spot[:2])["price"]["source"]
    )


def test_a_model_too_large_for_its_gpus_exits_3():
    done = optimoe("cost", "mixtral-8x7b", "--gpus", "1xh100-sxm")
    assert done.returncode == 3
    assert "memory" in done.stderr


SHEET = '[[price]]\naccelerator = "%s"\nusd_per_gpu_hour = 1.0\n'
COST = ["cost", "mixtral-8x7b", "--gpus", "2xh100-sxm", "--concurrency", "4", "--prices", "p.toml", "--json"]


def test_a_price_sheet_says_its_gaps_and_takes_names_in_any_spelling(tmp_path):
    (tmp_path / "p.toml").write_text(SHEET % "H100_SXM")
    priced = optimoe(*COST, cwd=tmp_path)
    assert (json.loads(priced.stdout)["price"]["usd_per_gpu_hour"], priced.stderr) == (1.0, "")
    (tmp_path / "p.toml").write_text(SHEET % "h200-sxm")
    gap = optimoe(*COST, cwd=tmp_path)
    assert json.loads(gap.stdout)["price"]["usd_per_gpu_hour"] > 1
    assert gap.stderr == "optimoe: --prices: the price sheet has no row for h100-sxm; its list price is taken\n"


def test_a_price_sheet_with_a_name_that_no_gpu_has_is_one_line_and_exit_2(tmp_path):
    (tmp_path / "p.toml").write_text(SHEET % "h100-sxl")
    plan = ["plan", "--train-flops", "1e21", "--serve-tokens", "100B", "--prices", "p.toml", "--quick", "--json"]
    for asked in (COST, plan):
        refused = optimoe(*asked, cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "price sheet: accelerator: unknown name 'h100-sxl' (nearest: h100-" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_an_engine_file_that_is_none_is_one_line_and_exit_2(tmp_path):
    (tmp_path / "mine.toml").write_text("host.front_s = 80\nprefill_first = false\nkv_of = {}\nsource = 'me'\n")
    asked = ["cost", "mixtral-8x7b", "--gpus", "2xh100-sxm", "--engine", "mine.toml"]
    done = optimoe(*asked, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == "optimoe: mine.toml: front_s: must be in seconds, from 0 to below 60, got 80.0\n"


def test_cost_takes_the_price_sheet_and_the_lengths_that_plan_takes(tmp_path):
    (tmp_path / "own.toml").write_text('[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 1.0\n')
    (tmp_path / "trace.csv").write_text("input_tokens,output_tokens\n100,50\n300,150\n")
    asked = ("cost", "llama-3.1-8b", "--gpus", "1xh100-sxm", "--prices", "own.toml")
    traced = answer(*asked, "--trace", "trace.csv", cwd=tmp_path)
    assert traced["price"]["usd_per_gpu_hour"] == 1.0
    assert traced["workload"]["input_tokens"] == 200
    stated = answer(*asked, "--input-percentiles", "50=800,90=3000", cwd=tmp_path)
    assert stated["workload"]["input_tokens"] == 1362


def test_the_whole_question_may_stand_in_a_file(tmp_path):
    (tmp_path / "request.json").write_text('{"model": "llama-3.1-8b", "gpus": "1xh100-sxm", "concurrency": 16}')
    filed = answer("cost", "--config", "request.json", cwd=tmp_path)
    lined = answer("cost", "llama-3.1-8b", "--gpus", "1xh100-sxm", "--concurrency", 16)
    made, typed = filed.pop("made"), lined.pop("made")
    assert filed == lined
    assert (made["command"], typed["command"]) == (
        "optimoe cost --config request.json --json",
        "optimoe cost llama-3.1-8b --gpus 1xh100-sxm --concurrency 16 --json",
    )


def test_answers_of_one_token_are_said_in_requests_and_prompt_tokens_without_a_tpot():
    asked = ("cost", "llama-3.1-8b", "--gpus", "1xh100-sxm", "--concurrency", "64", "--output-tokens", "1")
    said = answer(*asked)
    assert (said["tpot_s"], said["tpot_low_s"], said["tpot_high_s"]) == (None, None, None)
    assert said["input_tokens_per_s"] == 1024 * said["requests_per_s"] == 1024 * said["tokens_per_s"]
    assert "TPOT – (answers have one token)" in optimoe(*asked).stdout
    done = optimoe(*asked, "--tpot", "50ms")
    assert done.returncode == 2
    assert done.stderr.startswith("optimoe: tpot: must be left out where answers have one token")
