"""Refreshes what the commands print on the pages of docs/texts and docs/understand, and those of the records.

python docs/make_texts.py            # every page
python docs/make_texts.py li2026     # one

In a ``console`` block each line ``$ optimoe …`` is run and the lines below it, up to the next one, become its
output. Blocks with a file's name at their head are files that the commands find in their folder.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

DOCS = Path(__file__).resolve().parent
PAGES = [
    *sorted((DOCS / "texts").glob("*.md")),
    *sorted((DOCS / "understand").glob("*.md")),
    DOCS / "close-the-loop.md",
]
PROMPT = "$ "
PAGE = {"COLUMNS": "118"}
"""How wide the output on a page is: as wide as ever, so that a page changes with its numbers alone."""
CONSOLE = re.compile(r"(?<=```console\n)(.*?)(?=```)", re.DOTALL)
NAMED = re.compile(r"```\w+ (\S+\.\w+)\n(.*?)```", re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the lines that stand below it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.splitlines():
        if line.startswith(PROMPT):
            found.append((line.removeprefix(PROMPT), []))
        elif found:
            found[-1][1].append(line)
    return [(command, clean("\n".join(lines))) for command, lines in found]


def clean(output: str) -> str:
    """An output without blanks at the ends of its lines, and without empty lines around it."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")


def refreshed(page: str, run: Callable[[str], str]) -> str:
    """A page with the output of each command as it is now; its other lines as they were.

    Args:
        page: The page.
        run: What a command prints.
    """

    def block(match: re.Match[str]) -> str:
        done = [f"{PROMPT}{command}\n{clean(run(command))}" for command, _ in steps(match[1])]
        return "\n\n".join(done) + "\n" if done else match[1]

    return CONSOLE.sub(block, page)


def printed(command: str, folder: Path) -> str:
    """What a command prints in a folder; ends this program with its complaint where it fails."""
    words = shlex.split(command)
    assert words[0] == "optimoe", f"only optimoe's own commands are run here: {command}"
    script = "from optimoe.app.main import main; main()"
    command_line, environment = [sys.executable, "-c", script, *words[1:]], os.environ | PAGE
    done = subprocess.run(command_line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{command}\n{done.stderr}")
    return done.stdout


def main(names: list[str]) -> None:
    """Rewrite the pages in place, those of some names or all."""
    for path in PAGES:
        if names and path.stem not in names:
            continue
        page = path.read_text(encoding="utf-8")
        with TemporaryDirectory() as folder:
            (Path(folder) / "examples").symlink_to(DOCS.parent / "examples")
            for name, text in NAMED.findall(page):
                (Path(folder) / name).write_text(text, encoding="utf-8")
            fresh = refreshed(page, lambda command, folder=Path(folder): printed(command, folder))
        if fresh != page:
            path.write_text(fresh, encoding="utf-8")
        print(f"{path.name}: {'refreshed' if fresh != page else 'as it was'}")


if __name__ == "__main__":
    main(sys.argv[1:])
