"""The command line as scripts see it: what it prints, and its exit code.

In this process it starts at once, but every call of a planner's inner loop is then checked against its types: what
draws laws or resamples is quicker in a process of its own.
"""

import io
import json
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from optimoe.app.main import main

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


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def optimoe(*arguments, cwd="."):
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
    return Done(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def process(*arguments, cwd="."):
    command = [Path(sys.executable).with_name("optimoe"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    return Done(returncode=done.returncode, stdout=done.stdout, stderr=done.stderr)


def answer(*arguments, cwd=".", run=optimoe):
    done = run(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
