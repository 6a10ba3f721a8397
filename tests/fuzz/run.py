"""Mutated files through a reader: what was refused, read, nonsense, raised or hung."""

import random
import signal
import time
import traceback
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

from optimoe.core.errors import OptimoeError
from tests.fuzz.mutations import mutated

SLOW_S = 10.0
"""A file that takes longer hangs, as far as its user can tell."""
LONGEST = 200
"""Characters of an error line beside the names of files in it."""


class Hung(BaseException):
    """Nothing that a reader may catch."""


@dataclass
class Outcome:
    """Counts of what became of files, and one example of each kind of failure."""

    tried: int = 0
    refused: int = 0
    read: int = 0
    failures: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=dict)
    slowest_s: float = 0.0

    def fail(self, kind, content):
        self.failures[kind] += 1
        self.examples.setdefault(kind, content)


@contextmanager
def alarmed():
    """A limit of time on what is done, where signals can be handled."""

    def ring(*_):
        raise Hung

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SLOW_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def place_of(error):
    """Where an error was raised: the last frame of ours."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "/optimoe/" in one.filename]
    last = frames[-1] if frames else traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{type(error).__name__} at {last.filename.rpartition('/optimoe/')[2]}:{last.lineno} ({str(error)[:80]})"
    )


def line_fault(text, names):
    """What is wrong with an error line: several lines, what a terminal obeys, or too long."""
    for name in names:
        text = text.replace(name, "F")
    if not text.isprintable():
        return "an error line with control characters"
    return f"an error line of {len(text)} characters" if len(text) > LONGEST else ""


def fuzz(reader, number, seed, folder):
    """So many mutated files through one reader."""
    outcome, samples = Outcome(), sorted(reader.samples.items())
    rng = random.Random(f"{reader.name}/{seed}")
    for _ in range(number):
        name, sample = rng.choice(samples)
        content = mutated(sample, rng)
        path = folder / f"f.{name.rpartition('.')[2]}"
        path.write_bytes(content)
        outcome.tried += 1
        begin = time.perf_counter()
        try:
            with alarmed():
                result = reader.read(path)
                for what in reader.nonsense(result):
                    outcome.fail(f"nonsense: {what}"[:100], content)
                    break
            outcome.read += 1
        except OptimoeError as error:
            outcome.refused += 1
            fault = line_fault(str(error), (str(path), str(folder)))
            if fault:
                outcome.fail(f"{fault}: {str(error)[:400]!r}", content)
        except Hung:
            outcome.fail("hung", content)
        except Exception as error:  # noqa: BLE001  what a reader lets through is what is looked for
            outcome.fail(place_of(error), content)
        outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - begin)
    return outcome
