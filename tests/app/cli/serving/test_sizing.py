"""``optimoe cost fleet``, ``context`` and ``curves``."""

import pytest

from tests.app.run import answer, optimoe

SCOUT_FLEET = ["cost", "fleet", "llama-4-scout", "--gpu", "h100-sxm", "--requests-per-s", "5"]


def test_the_inverse_questions_have_their_keys(tmp_path):
    load = ("--requests-per-s", 20, "--tpot", "40ms")
    found = answer("cost", "fleet", "mixtral-8x7b", "--gpu", "h100-sxm,h200-sxm", *load)
    assert found["output_tokens_per_s"] == 20 * 1024
    first = found["fleets"][0]
    assert first["num_gpus"] == min(one["num_gpus"] for one in found["fleets"])
    assert first["num_gpus"] == first["num_deployments"] * first["gpus_per_deployment"]
    longest = answer("cost", "context", "llama-3.1-8b", "--gpus", "1xh100-sxm")
    assert (longest["input_tokens"], longest["bound_by"]) == (131_072 - 1024, "trained context")
    page = tmp_path / "cost.html"
    drawn = answer("cost", "curves", "llama-3.1-8b", "--gpus", "1xh100-sxm", "--out", page)
    assert {"frontier", "by_context", "by_batch"} <= set(drawn)
    assert "Price against context" in page.read_text()
    for point in (*drawn["frontier"]["points"], *drawn["by_batch"], *(one for _, one in drawn["by_context"])):
        assert point["tpot_low_s"] < point["tpot_s"] < point["tpot_high_s"]
        rate = point["tokens_per_s_per_gpu"]
        assert point["tokens_low_per_s_per_gpu"] < rate < point["tokens_high_per_s_per_gpu"]
        assert point["parts"][f"{point['bound_by'].replace(' ', '_')}_s"] == max(point["parts"].values())


def test_a_fleet_of_the_stated_most_is_found_by_stages():
    # Three GPUs of 80 GB hold the weights, but not what vLLM's warm-up takes beside them.
    (fleet,) = answer(*SCOUT_FLEET, "--most-gpus", "3", "--memory-share", "0.98")["fleets"]
    assert (fleet["gpus_per_deployment"], fleet["layout"]["pp"]) == (3, 3)


@pytest.mark.parametrize("json_option", [[], ["--json"]])
def test_a_fleet_that_nothing_carries_exits_3_in_one_line(json_option):
    done = optimoe(*SCOUT_FLEET, "--most-gpus", "1", *json_option)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("optimoe: memory: 216 GB of bf16 weights")
    assert done.stderr.count("\n") == 1
