"""What each extra takes on disk, with all that it brings, and how long pip takes for it.

python docs/make_sizes.py                     # sizes, of what this environment has installed
python docs/make_sizes.py --timed core web    # seconds in a fresh environment each; "core" is no extra

A size is that of the files of every distribution that an extra needs and the core does not. Times are those of pip
with its downloads at hand, byte-compiling and the core included: how much work an installation is, not how fast a
network. Seconds of the processor stand beside those of the clock: what else a machine does disturbs them little.
"""

import os
import subprocess
import sys
import time
import tomllib
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MB = 1e6


def brought(requirements: list[str]) -> tuple[set[str], set[str]]:
    """Names of the distributions that requirements bring, those that are installed here and those that are not."""
    here, missing, seen = set[str](), set[str](), set[tuple[str, str]]()
    todo = [(Requirement(text), "") for text in requirements]
    while todo:
        one, of = todo.pop()
        name = one.name.lower().replace("_", "-")
        if one.marker is not None and not one.marker.evaluate({"extra": of}):
            continue
        for extra in ("", *one.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                todo += [(Requirement(text), extra) for text in metadata.requires(name) or []]
                here.add(name)
            except metadata.PackageNotFoundError:
                missing.add(name)
    return here, missing


def size(names: set[str]) -> int:
    """Bytes of the files of some distributions."""
    places = [Path(str(file.locate())) for name in names for file in metadata.files(name) or []]
    return sum(path.stat().st_size for path in places if path.is_file())


def seconds(extra: str) -> tuple[float, float]:
    """Seconds of the processor and of the clock that pip takes for an extra in a fresh environment."""
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        wanted = str(ROOT) if extra == "core" else f"{ROOT}[{extra}]"
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        began, before = time.perf_counter(), os.times()
        subprocess.run([*pip, "--constraint", str(ROOT / "constraints.txt"), wanted], check=True)
        spent = os.times()
        own = spent.children_user + spent.children_system - before.children_user - before.children_system
        return own, time.perf_counter() - began


def main(words: list[str]) -> None:
    """Print the table of docs/install.md, or the seconds of some extras."""
    if words[:1] == ["--timed"]:
        for extra in words[1:]:
            own, clock = seconds(extra)
            print(f"{extra}: {own:.0f} s of the processor, {clock:.0f} s in all", flush=True)
        return
    core, _ = brought(PROJECT["dependencies"])
    print("| extra | packages beyond the core | on disk, MB |\n|---|---|---|")
    print(f"| core | {len(core)} | {size(core) / MB:,.0f} |")
    for extra, requirements in PROJECT["optional-dependencies"].items():
        here, missing = brought(requirements)
        shown = f"{size(here - core) / MB:,.0f}" if not missing else f"not here: {', '.join(sorted(missing))}"
        print(f"| `{extra}` | {len((here | missing) - core)} | {shown} |")


if __name__ == "__main__":
    main(sys.argv[1:])
