"""From text to calibrated predictions, on this machine: train, serve, measure, calibrate, predict the others.

::

    python examples/close-the-loop/loop.py [FOLDER]

Every command is printed before it runs. What is done already is not done again, so that an interrupted loop goes
on. Nothing else should run: two engines' latencies are measured on all cores. ``page.py`` makes the page.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

from optimoe.core.latency import load_latency_records, save_latency_records

HERE = Path(__file__).parent
MODELS = HERE / "models.toml"
ENGINES = {"llamacpp": "", "transformers": "--dtype float32"}
"""With what they are served besides."""

LEVELS, REQUESTS = (1, 2, 4, 8, 16), 32
INPUT_TOKENS, OUTPUT_TOKENS = 256, 64

CALIBRATED_MODELS, CALIBRATED_LEVELS = ("dense-s", "dense-l", "moe"), (1, 4, 16)
"""What calibration sees; dense-m, moe-total, moe-fine and the loads of 2 and 8 it does not."""


def main(folder: Path) -> None:
    """Go through the loop in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    once(folder / "here.toml", "hardware probe --out {}")
    once(
        folder / "runs/records.jsonl", f"train {MODELS} --evaluations 0 --eval-tokens 4000 --out {folder / 'runs'}"
    )
    names = [run["name"] for run in tomllib.loads(MODELS.read_text(encoding="utf-8"))["run"]]
    for engine, words in ENGINES.items():
        for name in names:
            load = f"--concurrency {','.join(map(str, LEVELS))} --requests {REQUESTS}"
            lengths = f"--input-tokens {INPUT_TOKENS} --output-tokens {OUTPUT_TOKENS}"
            once(
                folder / engine / f"{name}.jsonl",
                f"measure --serve {folder / 'runs' / name} --engine {engine} {words} "
                f"--gpu {folder / 'here.toml'} --precision fp32 {load} {lengths} --out {{}}",
            )
        calibrate(folder, engine)


def calibrate(folder: Path, engine: str) -> None:
    """Fit the cost model to some models and loads of an engine."""
    chosen = folder / engine / "calibrated-on.jsonl"
    known = [load_latency_records(folder / engine / f"{name}.jsonl") for name in CALIBRATED_MODELS]
    save_latency_records(
        chosen, [one for records in known for one in records if one.concurrency in CALIBRATED_LEVELS]
    )
    once(folder / engine / "calibration.toml", f"cost calibrate {chosen} --out {{}}")


def once(made: Path, words: str) -> None:
    """Run a command of optimoe that makes a file, where it is not there yet."""
    if made.exists():
        return
    made.parent.mkdir(parents=True, exist_ok=True)
    command = words.format(made)
    print(f"$ optimoe {command}", flush=True)
    subprocess.run([sys.executable, "-m", "optimoe", *command.split()], check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "close-the-loop"))
