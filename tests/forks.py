"""Commands and code in processes of their own that start at once: forks of a Python that has imported everything.

A fork prints, fails and leaves files like any process, and none of this process's type checks slows it.
"""

import atexit
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PLANNER = (
    "optimoe.app.main",
    "optimoe.app.doors",
    "optimoe.cost.calibration",
    "optimoe.laws.fitting",
    "optimoe.planner.confidence.robust",
    "optimoe.planner.published.ledger",
    "optimoe.report.pages.plan_page",
    "optimoe.report.pages.serving_page",
)
MODELS = ("torch", "optimoe.models.decoder", "optimoe.models.convert.hf")

SERVER = """
import importlib, json, os, sys, traceback

def work(job):
    if "code" in job:
        exec(compile(job["code"], "<page>", "exec"), {"__name__": "__main__"})
    else:
        from optimoe.app.main import main
        main(job["words"])

for name in sys.argv[1:]:
    importlib.import_module(name)
for line in sys.stdin:
    job = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for stream, path in ((1, job["out"]), (2, job["err"])):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(job["cwd"])
            os.environ |= job.get("env", {})
            sys.path.insert(0, job["cwd"])
            work(job)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def run_command(*words, cwd=".", env=None):
    """``optimoe`` with these words, and with these variables beside those of this process."""
    return _run(_server(PLANNER), cwd, words=[str(word) for word in words], env={"COLUMNS": ""} | (env or {}))


def run_python(code, cwd="."):
    """Python code as a script; what uses models finds PyTorch imported."""
    return _run(_server(MODELS if "torch" in code or "optimoe.models" in code else PLANNER), cwd, code=code)


@cache
def _server(modules):
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)  # its input ends, and so does it
    return server


def _run(server, cwd, **job):
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        job |= {"cwd": str(Path(cwd).resolve()), "out": str(out), "err": str(err)}
        server.stdin.write(json.dumps(job) + "\n")
        server.stdin.flush()
        code = int(server.stdout.readline())
        return Done(returncode=code, stdout=out.read_text(), stderr=err.read_text())
