"""From text to calibrated predictions, on this machine: train, serve, measure, calibrate, predict the others.

::

    python examples/close-the-loop/loop.py [FOLDER]

Every command is printed before it runs. What is done already is not done again, so that an interrupted loop goes
on. Nothing else should run meanwhile: an engine has one core, the client that times it the other.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from optimoe.core.latency import load_latency_records, save_latency_records
from optimoe.core.run import load_runs

MODELS = Path(__file__).parent / "models.toml"
ENGINES = {"llamacpp": "", "transformers": "--dtype float32"}
"""With what they are served besides."""

LOAD = "--concurrency 1,2,4,8,16 --requests 20 --input-tokens 128 --output-tokens 32"

CALIBRATED_MODELS, CALIBRATED_LEVELS = ("dense-s", "dense-l", "moe"), (1, 4, 16)
"""What calibration sees; the other models, and loads of 2 and 8, it does not."""


def loop(folder: Path, models: Path, engines: Sequence[str], load: str) -> None:
    """Go through the loop in a folder."""
    here, runs, exported = folder / "here.toml", folder / "runs", folder / "models"
    names = [run.name for run in load_runs(models)]
    once(here, "hardware probe --threads 1 --out {}")
    once(runs / "records.jsonl", f"train {models} --evaluations 0 --eval-tokens 4000 --out {runs}")
    for name in names:
        once(exported / name, f"export {runs / name} {{}} --to hf")
    for engine in engines:
        measured = {name: folder / engine / f"{name}.jsonl" for name in names}
        served = f"--engine {engine} {ENGINES[engine]} --gpu {here} --precision fp32"
        for name, records in measured.items():
            once(records, f"measure --serve {runs / name} --model {exported / name} {served} {load} --out {{}}")
        calibration, known = folder / engine / "calibration.toml", folder / engine / "calibrated-on.jsonl"
        seen = [one for name in CALIBRATED_MODELS for one in load_latency_records(measured[name])]
        save_latency_records(known, [record for record in seen if record.concurrency in CALIBRATED_LEVELS])
        once(calibration, f"cost calibrate {known} --out {{}}")
        others = listed(records for name, records in measured.items() if name not in CALIBRATED_MODELS)
        once(folder / engine / "unseen.html", f"cost check {others} --calibration {calibration} --page {{}}")
        once(folder / engine / "all.html", f"cost check {listed(measured.values())} --page {{}}")


def listed(paths: Iterable[Path]) -> str:
    """Paths as words of a command."""
    return " ".join(map(str, paths))


def once(made: Path, words: str) -> None:
    """Run a command of optimoe that makes a file, where it is not there yet."""
    if made.exists():
        return
    made.parent.mkdir(parents=True, exist_ok=True)
    command = words.format(made)
    print(f"$ optimoe {command}", flush=True)
    subprocess.run([sys.executable, "-m", "optimoe", *command.split()], check=True)


def main(words: Sequence[str]) -> None:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("close-the-loop"))
    parser.add_argument("--models", type=Path, default=MODELS, help="a file of runs")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--load", default=LOAD, help="as optimoe measure takes it")
    asked = parser.parse_args(words)
    loop(asked.folder, asked.models, asked.engines, asked.load)


if __name__ == "__main__":
    main(sys.argv[1:])
