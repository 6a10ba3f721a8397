"""``optimoe plan`` as scripts use it: keys, files, traffic, exit codes."""

import json
from dataclasses import replace

import pytest

from optimoe.cost.calibration import find_calibration, save_calibration
from tests.app.run import FEW_DESIGNS, PLAN, QUESTION, answer, optimoe


def test_a_plan_has_the_documented_keys_and_writes_nothing_unasked(tmp_path):
    record = answer(*PLAN, "--quick", cwd=tmp_path)
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
    assert "://" not in page.split("<script>")[0] + page.rsplit("</script>", 1)[1]
    assert json.loads((tmp_path / "plan.json").read_text())["choice"]["tokens"] > 0
    winner = answer("arch", tmp_path / "winner")
    assert (
        winner["params_total"]
        == json.loads((tmp_path / "plan.json").read_text())["choice"]["arch"]["params_total"]
    )
    assert "tokens" in (tmp_path / "winner" / "recipe.toml").read_text()


def test_files_of_others_are_not_overwritten_and_that_is_said_before_the_search(tmp_path):
    (tmp_path / "winner").mkdir()
    (tmp_path / "winner" / "config.json").write_text("my own")
    done = optimoe(*PLAN, "--quick", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "winner/config.json: not overwritten" in done.stderr
    assert (tmp_path / "winner" / "config.json").read_text() == "my own"
    (tmp_path / "taken").write_text("")
    done = optimoe(*PLAN, "--out", "taken/below", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "taken is a file" in done.stderr


def test_the_commands_that_a_plan_names_give_its_numbers_again(tmp_path):
    designs = (
        "--experts",
        "8",
        "--top-k",
        "2",
        "--attention",
        "gqa",
        "--active-ffn-ratio",
        "3",
        "--max-width",
        "3072",
        "--first-dense-layers",
        "0",
    )
    asked = ("plan", "--train-gpus", "12xh100-sxm", "--train-days", "10", "--serve-tokens", "100B", *designs)
    done = optimoe(*asked, "--tpot", "50ms", "--input-tokens", "2000", "--quick", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lines = [line.removeprefix("Check").strip() for line in done.stdout.splitlines()]
    serve, train = (line.split()[1:] for line in lines if line.startswith("optimoe cost"))
    choice = json.loads((tmp_path / "plan.json").read_text())["choice"]
    assert answer(*serve, cwd=tmp_path)["usd_per_mtok"] == pytest.approx(choice["usd_per_mtok"], rel=1e-9)
    assert answer(*train, cwd=tmp_path)["usd"] == pytest.approx(choice["train_usd"], rel=1e-9)


def test_a_quiet_plan_prints_the_sentence_that_decides_and_writes_its_files(tmp_path):
    (tmp_path / "plan.html").write_text("my own")
    done = optimoe(*PLAN, "--quick", "--quiet", "--force", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Train a")
    assert done.stdout.count("\n") == 1
    assert (tmp_path / "plan.html").read_text() != "my own"


def test_the_chain_ends_at_the_total_and_every_link_has_a_basis(tmp_path):
    record = answer(*PLAN, "--explain", "--quick")
    assert [link["name"] for link in record["chain"]][-2:] == ["total", "optimal"]
    assert {"peak", "N_act", "D", "L", "TPOT", "output tokens/s"} <= {link["name"] for link in record["chain"]}
    assert all(link["basis"] and link["value"] for link in record["chain"])
    done = optimoe(*PLAN, "--explain", "--quick", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("Train a")
    assert "[published" in done.stdout
    assert (tmp_path / "plan.html").exists()


def test_a_budget_may_be_dollars_and_lengths_percentiles(tmp_path):
    sheet = tmp_path / "prices.toml"
    sheet.write_text('[[price]]\naccelerator = "h100-sxm"\nusd_per_gpu_hour = 2.0\n')
    found = answer(
        "plan", "--train-usd", "20K", "--prices", sheet, "--experts", "1,8", *FEW_DESIGNS, "--quick",
        "--input-percentiles", "50=800,90=3000", "--output-percentiles", "50=200,90=600",
    )  # fmt: skip
    assert found["choice"]["train_usd"] <= 20e3 * (1 + 1e-9)
    workload = found["problem"]["deployments"][0]["workload"]
    assert (workload["input_tokens"], workload["output_tokens"]) == (1362, 289)


def test_traffic_may_be_a_rate_and_a_trace(tmp_path):
    trace = tmp_path / "trace.csv"
    trace.write_text("input_tokens,output_tokens\n100,50\n300,150\n")
    asked = (
        "plan",
        "--train-flops",
        "1e21",
        "--experts",
        "1,8",
        *FEW_DESIGNS,
        "--quick",
        "--json",
        "--trace",
        trace,
    )
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
    assert answer(*PLAN, *free, "--quick")["choice"]["total_usd"] == 0
    assert optimoe(*PLAN, *free).returncode == 0


def test_an_impossible_limit_exits_3_and_says_what_would_lift_it():
    done = optimoe(*QUESTION, "--tpot", "20us")
    assert done.returncode == 3
    assert "tpot: the limit of 20.0 µs binds" in done.stderr
    assert "would lift it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_plan_takes_the_software_that_cost_takes():
    asked = ("plan", "--train-flops", "1e21", "--serve-tokens", "100B", "--experts", "8", *FEW_DESIGNS, "--quick")
    usual, skewed = answer(*asked), answer(*asked, "--engine", "sglang", "--zipf", "0.8", "--chunk-tokens", "2K")
    engine = skewed["problem"]["deployments"][0]["engine"]
    assert (engine["prefill_first"], engine["routing"]["zipf"], engine["chunk_tokens"]) == (True, 0.8, 2000)
    assert skewed["choice"]["serve_usd"] != usual["choice"]["serve_usd"]


def test_a_calibration_that_held_models_out_and_drafts_reach_the_plan(tmp_path):
    asked = ("plan", "--train-flops", "1e21", "--serve-tokens", "100B", "--experts", "8", *FEW_DESIGNS, "--quick")
    whole = tmp_path / "three_models.toml"
    preset = replace(find_calibration("vllm-unstated-2025-10"), held_out="each model left out in turn")
    save_calibration(preset, whole)
    calibrated = answer(*asked, "--calibration", whole, "--draft-tokens", 2, "--acceptance", 0.5)
    engine = calibrated["problem"]["deployments"][0]["engine"]
    factors = preset.factors
    assert (engine["decode_scale"], engine["front_s"]) == (factors.decode_scale, factors.front_s)
    assert (engine["draft_tokens"], engine["acceptance"]) == (2, 0.5)
    one_model = answer(*asked, "--calibration", "vllm-unstated-2025-10")
    assert one_model["problem"]["deployments"][0]["engine"]["decode_scale"] == 1, "designs are no Llama"
    done = optimoe(*asked, "--calibration", "vllm-unstated-2025")
    assert done.returncode == 2
    assert "nearest: vllm-unstated-2025-10" in done.stderr


def test_a_file_of_options_is_read_and_the_command_line_wins(tmp_path):
    (tmp_path / "request.toml").write_text(
        'train_flops = "1e21"\nserve_tokens = "100B"\nexperts = [1, 8]\ntpot = "50ms"\n'
        'precision = ["bf16", "fp8"]\n'
    )
    asked = ("plan", "--config", "request.toml", *FEW_DESIGNS, "--quick")
    problem = answer(*asked, "--tpot", "60ms", "--precision", "fp8", cwd=tmp_path)["problem"]
    (deployment,) = problem["deployments"]
    assert deployment["limits"]["tpot_s"] == 0.06
    assert deployment["engine"]["precision"] == "fp8"
    assert problem["lifetime_tokens"] == 1e11
    (tmp_path / "request.toml").write_text('serve_token = "1T"\n')
    done = optimoe(*asked, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(
        "optimoe: request.toml: option: unknown name 'serve_token' (nearest: serve_tokens"
    )
    assert done.stderr.count("\n") == 1
