"""Results as plain values."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from optimoe.core.errors import require
from optimoe.core.provenance import Basis
from optimoe.core.records import same_fields, to_json, to_record, to_values


@dataclass(frozen=True, kw_only=True)
class Point:
    width: int
    ratio: float = 1.0

    def __post_init__(self):
        require(self.width > 0, "width", "positive", self.width)


def test_values_keep_infinities_that_a_record_cannot_hold():
    assert to_values({"a": math.inf}) == {"a": math.inf}
    assert to_record({"a": math.inf}) == {"a": None}


def test_records_are_plain_json_and_infinity_is_null():
    record = {"a": np.float64(1.5), "b": np.arange(3), "c": math.inf, "d": Point(width=2), "e": Basis.FITTED}
    assert to_record(record) == {
        "a": 1.5,
        "b": [0, 1, 2],
        "c": None,
        "d": {"width": 2, "ratio": 1.0},
        "e": "fitted",
    }
    assert json.loads(to_json(record))["c"] is None


def test_a_record_takes_the_attributes_of_equal_name():
    assert same_fields(Point, Point(width=3, ratio=2.0), width=4) == Point(width=4, ratio=2.0)
    with pytest.raises(AttributeError, match="ratio"):
        same_fields(Point, object(), width=4)
