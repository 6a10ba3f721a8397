"""Files that are damaged, hostile or another's end in one line or in the right result: seeded mutations of all."""

import warnings

import pytest

from tests.fuzz.readers import readers
from tests.fuzz.run import fuzz

FILES = 300
"""Mutated files a reader: 20 seconds in all. ``make fuzz`` tries a million."""


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: reader.name)
def test_a_valid_file_is_read_and_makes_sense(reader, tmp_path):
    for name, content in reader.samples.items():
        path = tmp_path / f"f.{name.rpartition('.')[2]}"
        path.write_bytes(content)
        assert list(reader.nonsense(reader.read(path))) == []


@pytest.mark.parametrize("reader", readers(), ids=lambda reader: reader.name)
def test_a_mutated_file_is_one_line_or_makes_sense(reader, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what overflows on the way is judged by what comes of it
        outcome = fuzz(reader, FILES, 0, tmp_path)
    assert not outcome.failures, [(kind, outcome.examples[kind][:300]) for kind in outcome.failures]
    assert outcome.refused + outcome.read == FILES
