"""The designs that a plan chooses from, as they are stated."""

import pytest

from optimoe.core.errors import ConfigError, InputError
from optimoe.inputs.groups.designs import DesignChoice
from tests.planner.asked import problem


def space(**stated):
    return DesignChoice(experts="1,4", top_k="2", attention="mha", shared="0", **stated).space(problem().training)


def test_models_narrower_than_the_first_step_of_widths_may_be_asked_for():
    small = space(max_width=128, width_step=32, head_dim=16, min_aspect=8, max_aspect=32)
    assert list(small.widths) == [32, 64, 96, 128]
    shapes = small.every()
    assert set(shapes.d_model.tolist()) == {32, 64, 96, 128}
    assert len(shapes.d_model) > 4  # several depths of a width
    with pytest.raises(ConfigError, match="max_width: must be at least the smallest width, 256"):
        space(max_width=128)


@pytest.mark.parametrize(
    ("stated", "line"),
    [
        ({"head_dim": 2}, "head_dim: must be 4 to 4,096 wide"),
        ({"width_step": 16.5}, "width_step: must be a whole"),
    ],
)
def test_a_width_that_is_none_is_one_line(stated, line):
    with pytest.raises((ConfigError, InputError), match=line):
        space(**stated)
