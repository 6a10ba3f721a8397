"""The pages of texts are refreshed block by block; ``test_docs`` runs their commands and holds the output."""

import importlib.util
from pathlib import Path

import pytest

TEXTS = Path(__file__).resolve().parents[2] / "docs" / "texts"
SPEC = importlib.util.spec_from_file_location("make_texts", TEXTS.parent / "make_texts.py")
make_texts = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(make_texts)

PAGE = """Words before.

```console
$ optimoe one --json
old
$ optimoe two
```

```python
print("$ optimoe three")
```
"""


def test_each_command_of_a_block_is_followed_by_its_own_output():
    ran = []
    fresh = make_texts.refreshed(PAGE, lambda command: ran.append(command) or f"\n {command[8:]}  \n\n")
    assert ran == ["optimoe one --json", "optimoe two"]
    assert fresh == PAGE.replace("old\n$ optimoe two\n", " one --json\n\n$ optimoe two\n two\n")
    assert make_texts.refreshed(fresh, lambda command: f" {command[8:]}") == fresh


def test_a_block_is_read_as_commands_with_their_output():
    assert make_texts.steps("$ a\n\nfirst \n  second\n\n$ b\n") == [("a", "first\n  second"), ("b", "")]


def test_a_command_that_fails_ends_with_its_complaint(tmp_path):
    with pytest.raises(SystemExit, match="unknown name 'nobody2030'"):
        make_texts.printed("optimoe arch nobody2030", tmp_path)


@pytest.mark.parametrize("page", sorted(TEXTS.glob("*.md")), ids=lambda page: page.name)
def test_every_command_of_a_page_shows_what_it_prints(page):
    blocks = make_texts.CONSOLE.findall(page.read_text(encoding="utf-8"))
    commands = [step for block in blocks for step in make_texts.steps(block)]
    assert commands
    assert [command for command, output in commands if not output] == [], "run docs/make_texts.py"
