"""The example goes through its loop: trains, serves, measures, calibrates, and holds the others against it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from optimoe.core.latency import load_latency_records
from optimoe.cost.calibration import find_calibration

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "close-the-loop"
SMALL = {"hidden_size": "256", "num_hidden_layers": "8", "head_dim": "32"}


def smaller(text):
    """The models of the example, so small that all are trained in seconds."""
    for name, value in SMALL.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)
    return re.sub(
        r"^intermediate_size = (\d+)$",
        lambda found: f"intermediate_size = {int(found[1]) // 2}",
        text,
        flags=re.M,
    )


def test_the_loop_ends_in_predictions_and_goes_on_where_it_was_interrupted(tmp_path):
    pytest.importorskip("xllamacpp")
    (tmp_path / "models.toml").write_text(smaller((EXAMPLE / "models.toml").read_text(encoding="utf-8")))
    load = "--concurrency 1,4,16 --requests 4 --input-tokens 32 --output-tokens 32"
    words = ["made", "--models", "models.toml", "--engines", "llamacpp", "--load", load]
    command = [sys.executable, EXAMPLE / "loop.py", *words]
    subprocess.run(command, cwd=tmp_path, check=True)
    made = tmp_path / "made"
    assert len(list(made.glob("llamacpp/*.jsonl"))) == 7  # six models, and what was calibrated on
    assert [record.concurrency for record in load_latency_records(made / "llamacpp/moe-fine.jsonl")] == [1, 4, 16]
    assert find_calibration(str(made / "llamacpp/calibration.toml")).records == 9
    assert "measured latencies beside their predictions" in (made / "llamacpp/unseen.html").read_text()
    (made / "llamacpp/all.html").unlink()
    again = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert again.stdout.count("$ optimoe") == 1 and (made / "llamacpp/all.html").is_file()
