"""The page of an experiment from a finished sweep: its records, bare, its figures, and what every command says.

    python examples/yun2024/analyse.py yun                # docs/experiment.md
    python examples/yun2024/analyse.py routers routers    # docs/routers.md, which has no figures

Writes examples/NAME/measured/records.jsonl, the figures and the page, each of whose commands may be given by hand.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"yun2024": "experiment", "routers": "routers"}


def main(words: list[str]) -> int:
    """Keep the records of a store and refresh its page; the exit status of the step that failed, or 0."""
    store, name = [*words, "yun2024"][:2] if words else ("", "")
    if not store or name not in PAGES or len(words) > 2:
        print("analyse.py: must be given the folder of a sweep, and routers where it is that", file=sys.stderr)
        return 2
    folder = ROOT / "examples" / name
    steps = [
        ["-m", "optimoe", "sweep", "export", store, str(folder / "measured" / "records.jsonl"), "--bare"],
        *([str(path)] for path in (folder / "figures.py",) if path.exists()),
        [str(ROOT / "docs" / "make_texts.py"), PAGES[name]],
    ]
    for step in steps:
        if status := subprocess.run([sys.executable, *step], check=False).returncode:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
