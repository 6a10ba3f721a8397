"""A plan that is killed at any moment leaves its files whole or not there at all."""

import json
import random
import signal
import subprocess
import sys
import time
import tomllib

KILLS = 100
WRITING_S = 0.1
"""About what the files take: kills fall between the first and the last of them."""

PLAN = ["plan", "--train-flops", "1e21", "--serve-tokens", "100B", "--experts", "1,8", "--quick", "--out"]
COMMAND = [sys.executable, "-c", "from optimoe.app.main import main; main()", *PLAN]


def check(folder):
    """Read every file that is there; returns how many."""
    files = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    for path in files:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            json.loads(text)
        elif path.suffix == ".toml":
            tomllib.loads(text)
        elif path.suffix == ".html":
            assert text.rstrip().endswith("</html>"), path
        else:
            assert text.endswith("\n"), path
    return len(files)


def test_a_killed_plan_leaves_whole_files(tmp_path):
    chance, seen = random.Random(0), []
    for number in range(KILLS):
        folder = tmp_path / str(number)
        process = subprocess.Popen([*COMMAND, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not folder.exists() and process.poll() is None:  # made just before the first file is written
            time.sleep(0.001)
        time.sleep(chance.uniform(0, WRITING_S))
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        process.wait()
        seen.append(check(folder))
    print(f"{KILLS} kills; files that were there: {sorted(set(seen))}")
    assert len(set(seen)) > 1, "every kill came before the first file or after the last: nothing was tried"
