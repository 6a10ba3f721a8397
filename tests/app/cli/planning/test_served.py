"""A plan's serving costs exactly what ``optimoe cost`` says of its winner, through the command line."""

import json

import pytest

from tests.app.run import answer, optimoe

DESIGNS = (
    "--experts",
    "1,8",
    "--top-k",
    "2",
    "--first-dense-layers",
    "0",
    "--attention",
    "gqa",
    "--shared",
    "0",
    "--active-ffn-ratio",
    "3",
    "--max-width",
    3072,
)
BOXES = "1xh100-sxm,2xh100-sxm,4xh100-sxm"
ASKED = ("plan", "--train-flops", "3e20", *DESIGNS, "--serve-gpus", BOXES, "--quick")


@pytest.mark.parametrize(
    ("rate", "limits", "precision"),
    [
        ("0.01", ["--tpot", "40ms"], "bf16"),
        ("40", ["--tpot", "40ms", "--ttft", "1s"], "fp8"),
        ("40", ["--tpot", "p99:40ms", "--ttft", "p95:1s"], "bf16"),
    ],
)
def test_a_rate_costs_in_a_plan_what_a_fleet_costs(tmp_path, rate, limits, precision):
    traffic = ["--requests-per-s", rate, *limits, "--precision", precision]
    done = optimoe(*ASKED, *traffic, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    choice = json.loads((tmp_path / "plan.json").read_text())["choice"]
    found = answer("cost", "fleet", "winner", "--gpu", "h100-sxm", "--most-gpus", 4, *traffic, cwd=tmp_path)[
        "fleets"
    ]
    cheapest = min(found, key=lambda one: one["usd_per_hour"])
    fleet = choice["fleet"]
    assert fleet["usd_per_hour"] == cheapest["usd_per_hour"]
    assert choice["serve_usd"] == pytest.approx(cheapest["usd_per_hour"] * 24 * 365, rel=1e-12)
    assert (fleet["deployments"], fleet["num_gpus"]) == (cheapest["num_deployments"], cheapest["num_gpus"])
    assert fleet["utilisation"] == pytest.approx(cheapest["utilisation"], rel=1e-12)
    assert choice["tpot_s"] == pytest.approx(cheapest["tpot_s"], rel=1e-12)
