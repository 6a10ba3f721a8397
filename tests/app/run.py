"""The command line as scripts see it: what it prints, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

from tests.forks import Done
from tests.forks import run_command as optimoe

FEW_DESIGNS = (
    "--top-k", "1", "--active-ffn-ratio", "3", "--shared", "0", "--attention", "gqa", "--first-dense-layers", "0",
    "--serve-gpus", "8xh100-sxm",
)  # fmt: skip
"""One family of each number of experts, on one box: many designs and boxes are looked at elsewhere."""

QUESTION = [
    "plan", "--train-gpus", "64xh100-sxm", "--train-days", "30", "--mfu", "0.4", "--serve-tokens", "5T",
    "--precision", "bf16", "--experts", "1,8", *FEW_DESIGNS,
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


def process(*arguments, cwd="."):
    """The installed command in a process that starts from nothing."""
    command = [Path(sys.executable).with_name("optimoe"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    return Done(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


def answer(*arguments, cwd="."):
    done = optimoe(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
