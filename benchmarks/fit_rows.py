"""A law from a table of many rows: seconds and peak memory of ``optimoe laws fit``, from the file to the answer.

The table has the columns run, params, tokens, val_loss and cluster; its runs lie on Besiroglu's law with 1 % of
noise. Each size is written once and fitted in a process of its own, so that the peak is that of one command.

    python benchmarks/fit_rows.py [--rows 10000,100000,1000000] [--out fit_rows.json] [--words "--resamples 0"]
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from optimoe.laws.catalog import find_law

NOISE = 0.01
WRITTEN_ROWS = 50_000
"""Rows that are formatted at once."""
COMMAND = "from optimoe.app.main import main; main()"


def write_table(path, num_rows, seed=0):
    """Runs on Besiroglu's law with normal noise on ln L, sizes and tokens over two and a half decades."""
    law, rng = find_law("besiroglu2024"), np.random.default_rng(seed)
    with path.open("w") as stream:
        stream.write("run,params,tokens,val_loss,cluster\n")
        for first in range(0, num_rows, WRITTEN_ROWS):
            rows = min(WRITTEN_ROWS, num_rows - first)
            params, tokens = np.exp(rng.uniform(17, 23, rows)), np.exp(rng.uniform(21, 27, rows))
            loss = law.loss(N=params, D=tokens) * np.exp(NOISE * rng.standard_normal(rows))
            stream.writelines(
                f"run-{first + row},{params[row]:.0f},{tokens[row]:.0f},{loss[row]:.5f},{row % 7}\n"
                for row in range(rows)
            )


def timed(path, words):
    """Seconds, processor seconds, peak bytes and the answer of one command."""
    arguments = ["laws", "fit", str(path), "--family", "chinchilla", "--json"]
    arguments += ["--columns", "N=params,D=tokens,loss=val_loss", *words]
    begin = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = json.loads(done.stdout)
    return {
        "seconds": time.perf_counter() - begin,
        "processor_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_bytes": after.ru_maxrss * 1024,  # of the largest child so far: sizes grow
        "verdict": answer["verdict"],
        "coefficients": answer["coefficients"],
        "intervals": answer["intervals"],
    }


def main(words: Sequence[str]):
    """Print one line a size, and write all figures as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", default="10000,100000,1000000")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--words", default="", help="Further words of the command.")
    options = parser.parse_args(words)
    truth = find_law("besiroglu2024").row.coefficients
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for num_rows in sorted(map(int, options.rows.split(","))):
            path = Path(folder) / "runs.csv"
            write_table(path, num_rows)
            result = {"rows": num_rows, "file_bytes": path.stat().st_size} | timed(path, options.words.split())
            result["cores"], result["load"] = os.cpu_count(), os.getloadavg()[0]
            results.append(result)
            held = {
                name: interval["low"] <= truth[name] <= interval["high"]
                for name, interval in result["intervals"].items()
            }
            print(
                f"{num_rows:>10,} rows {result['seconds']:6.1f} s ({result['processor_s']:.1f} s of processor, "
                f"load {result['load']:.1f} on {result['cores']} cores)  {result['peak_bytes'] / 1e9:.2f} GB  "
                f"{result['verdict']}  alpha {result['coefficients']['alpha']:.4f}  "
                f"truth in {sum(held.values())} of {len(held)} intervals",
                flush=True,
            )
    if options.out:
        options.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
