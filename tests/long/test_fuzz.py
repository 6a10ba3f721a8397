"""A million mutated files over all readers, with figures."""

import os
import time
import warnings
from collections import Counter

from tests.fuzz.readers import readers
from tests.fuzz.run import fuzz

FILES = int(os.environ.get("OPTIMOE_FUZZ_FILES", "100000"))
SEED = os.environ.get("OPTIMOE_FUZZ_SEED", "1")


def test_no_mutated_file_ends_in_a_traceback_a_hang_or_nonsense(tmp_path, capsys):
    failures = Counter()
    with warnings.catch_warnings(), capsys.disabled():
        warnings.simplefilter("ignore")
        print(f"\nseed {SEED}; reader: tried, refused in one line, read, failures, slowest s, s in all")
        for reader in readers():
            begin, each = time.monotonic(), -(-FILES // len(readers()))
            outcome = fuzz(reader, each, SEED, tmp_path)
            failures += Counter({f"{reader.name}: {kind}": times for kind, times in outcome.failures.items()})
            figures = (outcome.tried, outcome.refused, outcome.read, sum(outcome.failures.values()))
            print(f"{reader.name}: {figures} {outcome.slowest_s:.2f} {time.monotonic() - begin:.0f}")
    assert not failures
