"""The lowest versions that are allowed and the newest that exist give the numbers of the pinned ones."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "arch mixtral-8x7b",
    "cost mixtral-8x7b --gpus 2xh100-sxm --concurrency 16",
    "laws predict --law ludziejewski2025 --set N_act=1B --set D=20B --set E=8",
    "plan --train-flops 1e22 --serve-tokens 1T --quick",
    "reproduce epoch2024",
)


def numbers(value):
    """Every number of a JSON value, in order."""
    if isinstance(value, dict):
        return [number for item in value.values() for number in numbers(item)]
    if isinstance(value, list):
        return [number for item in value for number in numbers(item)]
    return [value] if isinstance(value, int | float) and not isinstance(value, bool) else []


def answers(python):
    """What each command prints under an interpreter, as JSON."""
    run = [str(python), "-c", "from optimoe.app.main import main; main()"]
    texts = [
        subprocess.run([*run, *command.split(), "--json"], check=True, capture_output=True, text=True).stdout
        for command in COMMANDS
    ]
    return [json.loads(text) for text in texts]


@pytest.mark.parametrize("which", ["lowest", "newest"])
def test_other_versions_give_the_same_numbers(which, tmp_path):
    required = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    pins = [re.sub(r">=([\d.]+).*", r"==\1.*", line) if which == "lowest" else line for line in required]
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pins, str(ROOT)], check=True)
    for ours, theirs in zip(answers(sys.executable), answers(python), strict=True):
        assert numbers(theirs) == pytest.approx(numbers(ours), rel=1e-9, abs=1e-12)
