"""A valid file made into one that people, programs or an attacker may hand over instead."""

import re

NUMBERS = (
    "nan", "NaN", "inf", "-inf", "Infinity", "-1", "0", "-0.0", "1e400", "-1e308", "1e308", "1e-320", "1.5",
    "0x10", "9" * 20, "1" + "0" * 70, "9" * 400, "9" * 5000, "1,5", "1.234.567", "45.6B", "1_000", "½", "²", "٣",
    "true", "null", '""', '"text"', "[]", "{}", "[1, 2]", "[[[]]]", '{"a": 1}', "", " ", "2026-11-29", "-", "=1+1",
)  # fmt: skip
"""What stands in place of a number."""
TEXTS = (
    b"", b" ", b"\0", b"\xff", b"\xed\xa0\x80", b"\x1b[31m", b"\r", b"\n", b"\r\n", b"\t", b";", b",", b"|", b'"',
    b"'", b"\\", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"[", b"]", b"{", b"}", b"[" * 2000, b'{"a":' * 200, b"=", b"#",
    b"x" * 300, "µ×".encode(), b"\\u0000", b"\\ud800", b"../", b"{'a': " * 60, b"(" * 300, b"1/0", b"10**400",
)  # fmt: skip
"""What is put between, or in place of, some bytes."""
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp437")
NUMBER = re.compile(rb"-?\d+\.?\d*(?:e[+-]?\d+)?")


def _number(content, rng):
    found = list(NUMBER.finditer(content))
    if not found:
        return _splice(content, rng)
    at = rng.choice(found)
    return content[: at.start()] + rng.choice(NUMBERS).encode() + content[at.end() :]


def _splice(content, rng):
    first = rng.randint(0, len(content))
    last = min(len(content), first + rng.choice((0, 0, 1, 1, 4, 40)))
    return content[:first] + rng.choice(TEXTS) + content[last:]


def _cut(content, rng):
    return content[: rng.randint(0, len(content))]


def _lines(content, rng):
    lines = content.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(4)
    if way == 0:
        del lines[one]
    elif way == 1:
        lines.insert(one, lines[other])
    elif way == 2:
        lines[one], lines[other] = lines[other], lines[one]
    else:
        lines = lines * rng.choice((2, 3))
    return b"\n".join(lines)


def _word(content, rng):
    """A key or a word twice, renamed or in another case."""
    found = list(re.finditer(rb"[A-Za-z_]{2,}", content))
    if not found:
        return _splice(content, rng)
    at, other = rng.choice(found), rng.choice(found)
    word = rng.choice((other[0], at[0] + b"s", at[0].upper(), at[0] + b" " + at[0], b"x" * 5000, b"true", b"nan"))
    return content[: at.start()] + word + content[at.end() :]


def _encoded(content, rng):
    return content.decode("utf-8", "replace").encode(rng.choice(ENCODINGS), "replace")


def _ends(content, rng):
    return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"")))


def _separated(content, rng):
    return content.replace(b",", rng.choice((b";", b"\t", b"|", b" ", b",,")))


def _bytes(content, rng):
    changed = bytearray(content)
    for _ in range(rng.choice((1, 3, 20))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


WAYS = (_number, _number, _number, _number, _word, _word, _splice, _splice, _cut, _lines, _encoded, _ends)
WAYS = (*WAYS, _separated, _bytes)


def mutated(content, rng):
    """A sample after one to three changes."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        content = rng.choice(WAYS)(content, rng)
    return content
