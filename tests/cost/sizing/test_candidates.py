import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.core.grid import broadcast, take
from optimoe.cost.layers.layout import DEGREES, as_column, divides, undivided
from optimoe.cost.sizing.candidates import every_layout, likely_layouts
from tests.cost.cases import DEEPSEEK, LLAMA, MIXTRAL, SCOUT, deployment


def degrees(layouts):
    wide = broadcast(layouts)
    return set(zip(*(getattr(wide, name).tolist() for name in DEGREES), strict=True))


@pytest.mark.parametrize("arch", [MIXTRAL, DEEPSEEK, LLAMA, SCOUT], ids=lambda arch: arch.name)
@pytest.mark.parametrize("num_gpus", [1, 3, 8, 16])
def test_likely_layouts_that_divide_the_model_are_among_all_of_them(arch, num_gpus):
    asked = deployment(num_gpus)
    every, likely = every_layout(arch, asked), likely_layouts(arch, asked)
    dividing = take(broadcast(likely), np.broadcast_to(divides(arch, likely), np.shape(likely.tp)))
    assert degrees(dividing) <= degrees(every)
    assert (np.asarray(every.num_gpus) == num_gpus).all()
    assert all(undivided(arch, take(broadcast(every), row)) == "" for row in range(np.size(every.tp)))


def test_degrees_that_are_given_stand():
    fixed = every_layout(MIXTRAL, deployment(8), {"tp": 4, "ep": 4})
    assert degrees(fixed) == {(4, 4, 1, 2, 1), (4, 4, 2, 1, 1)}


@pytest.mark.parametrize(
    ("num_gpus", "fixed", "words"),
    [
        (8, {"tp": 3}, "tp: must be a divisor of the 8 GPUs, got 3"),
        (8, {"tp": 4, "dp": 4}, "tp × dp: must be a divisor of the 8 GPUs, got 4 × 4"),
        (6, {"tp": 6}, "tp: must be a divisor of num_heads = 32 (nearest: 4 and 8), got 6"),
        (8, {"ep": 3}, "ep: must be a divisor"),
        (8, {"pp": 0}, "pp: must be positive, got 0"),
    ],
)
def test_degrees_that_no_layout_has_are_refused_with_what_would_do(num_gpus, fixed, words):
    with pytest.raises(ConfigError) as caught:
        every_layout(MIXTRAL, deployment(num_gpus), fixed)
    assert words in str(caught.value)


def test_layouts_stand_on_the_last_axis_but_one():
    column = as_column(every_layout(MIXTRAL, deployment(8)))
    assert np.shape(column.tp)[1:] == (1,)
    assert degrees(take(column, (slice(None), 0))) == degrees(every_layout(MIXTRAL, deployment(8)))
