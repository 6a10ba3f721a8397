"""Which layers of a stack route and which attend to everything."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from optimoe.planner.problem.shapes import LayerPattern

PATTERNS = [
    LayerPattern(routes=routes, moe_every=every, first_dense_layers=first - first % every, full_every=full)
    for routes, every, first, full in product((True, False), (1, 2, 3), (0, 1, 2, 3, 5), (1, 2, 3, 4, 6))
]


def test_counts_of_kinds_of_layers_are_those_of_the_stack_layer_by_layer():
    for pattern in PATTERNS:
        for depth in range(1, 40):
            counts = pattern.counts(np.array([depth]))
            counted = {kind: int(number[0]) for kind, number in counts.items() if number[0]}
            assert counted == Counter(pattern.cells(depth)), (pattern, depth)


def test_patterns_side_by_side_count_like_each_alone():
    routed = [pattern for pattern in PATTERNS if pattern.routes]
    names = ("moe_every", "first_dense_layers", "full_every")
    columns = {name: np.array([getattr(pattern, name) for pattern in routed]) for name in names}
    together = LayerPattern(routes=True, **columns).counts(np.full(len(routed), 24))
    for place, pattern in enumerate(routed):
        assert {kind: together[kind][place] for kind in together} == pattern.counts(24)


def test_kinds_stand_in_the_order_of_the_last_layer_of_each_and_the_last_layer_is_the_last():
    for pattern in PATTERNS:
        for depth in range(int(pattern.period), 61, int(pattern.period)):
            stack = pattern.cells(depth)
            last = {kind: place for place, kind in enumerate(stack)}
            if set(last) == set(pattern.kinds):
                assert sorted(last, key=last.get) == list(pattern.kinds)


@pytest.mark.parametrize(
    ("pattern", "stack"),
    [
        (LayerPattern(routes=True, full_every=2), "eE eE eE"),
        (LayerPattern(routes=True, first_dense_layers=1, full_every=3), "deE eeE"),
        (LayerPattern(routes=True, moe_every=2, full_every=4), "dedE dedE"),
        (LayerPattern(routes=False, full_every=3), "ddD ddD"),
    ],
)
def test_the_last_layer_of_each_period_attends_to_everything(pattern, stack):
    """D and E attend to everything, d and e do not; e and E route."""
    kinds = {"d": (False, False), "D": (False, True), "e": (True, False), "E": (True, True)}
    layers = [kinds[letter] for letter in stack.replace(" ", "")]
    assert pattern.cells(len(layers)) == layers
