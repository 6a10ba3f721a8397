"""Odd values of every numeric option: refused in one line that names the option, or within its plausible range."""

import random
from dataclasses import is_dataclass

import pytest
from cyclopts import CycloptsError

from optimoe.app.main import app, usage_error
from optimoe.core.errors import ConfigError, OptimoeError
from optimoe.core.ranges.table import REQUESTED
from optimoe.inputs.cost import FleetRequest, TrainCostRequest
from optimoe.inputs.groups.designs import DesignChoice, GoalChoice
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.tables import options, read_request

ODD = ("0", "-1", "1e99", "nan", "inf", "-inf", "1e-99", "", "x", "1e400", "٣", "1,", "9" * 400, "1/0", "{}")
COMMANDS = {
    PlanRequest: ["plan"],
    FleetRequest: ["cost", "fleet", "mixtral-8x7b", "--gpu=h100-sxm"],
    TrainCostRequest: ["cost", "train", "mixtral-8x7b", "--gpus=64xh100-sxm", "--tokens=1B"],
}


def asked(words):
    """The request of a command line, and what is refused about it."""
    try:
        _, bound, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    except CycloptsError as error:
        return None, usage_error(error)
    except OptimoeError as error:
        return None, str(error)
    return next(value for value in bound.arguments.values() if is_dataclass(value)), ""


def stated(request, name):
    """The value of an option, in whichever group it stands."""
    for field, value in vars(request).items():
        if field == name:
            return value
        if is_dataclass(value) and (found := stated(value, name)) is not None:
            return found
    return None


def of_table(request_type, **stated):
    """The request of a table with an option, and what is refused about it."""
    least = {"model": "mixtral-8x7b", "gpu": "h100-sxm", "gpus": "8xh100-sxm", "tokens": 1e9}
    known = options(request_type).keys()
    try:
        return read_request(request_type, {key: least[key] for key in known & least.keys()} | stated), ""
    except OptimoeError as error:
        return None, str(error)


def judge(name, value, default, request, refused):
    """Hold an answer against the two that there may be."""
    if request is None:
        assert "\n" not in refused, (name, value)
        assert name in refused or f"--{name.replace('_', '-')}" in refused, (name, value, refused)
        return
    taken = stated(request, name)
    if isinstance(taken, int | float) and taken != default:
        assert REQUESTED[name].holds(taken), (name, value)


@pytest.mark.parametrize("request_type", COMMANDS)
def test_an_odd_number_is_refused_in_one_line_with_its_option_or_is_plausible(request_type):
    draw, (usual, _) = random.Random(7), of_table(request_type)
    numbers = (-1, 0, 1e99, float("nan"), float("inf"), -0.5, None, True, [], {})
    for name in sorted(options(request_type).keys() & REQUESTED.keys()):
        for value in draw.sample((*ODD, *numbers), 7):
            judge(name, value, stated(usual, name), *of_table(request_type, **{name: value}))


@pytest.mark.parametrize("request_type", COMMANDS)
def test_an_odd_number_on_the_command_line_is_too(request_type):
    draw, (usual, _) = random.Random(19), of_table(request_type)
    names = sorted(options(request_type).keys() & REQUESTED.keys())
    for name in draw.sample(names, min(6, len(names))):  # reading a line of a hundred options takes its time
        option, value = f"--{name.replace('_', '-')}", draw.choice(ODD)
        words = [word for word in COMMANDS[request_type] if not word.startswith(f"{option}=")]
        judge(name, value, stated(usual, name), *asked([*words, f"{option}={value}"]))


@pytest.mark.parametrize(
    ("group", "values", "words"),
    [
        (GoalChoice, {"target_loss": 100.0}, "target_loss: must be 0.05 to 20 nats per token"),
        (DesignChoice, {"ffn_ratio": "3,1e9"}, "ffn_ratio: must be 0.01 to 100 "),
        (DesignChoice, {"max_width": 1e6}, "max_width: must be 64 to 65,536 wide"),
        (DesignChoice, {"vocab": 1e19}, "vocab: must be 2 to 1e7 tokens"),
    ],
)
def test_a_number_beyond_its_range_is_refused_where_it_is_stated(group, values, words):
    with pytest.raises(ConfigError) as refused:
        group(**values)
    assert str(refused.value).startswith(words)


def test_what_is_left_out_is_not_judged():
    assert GoalChoice().target_loss is None
    assert DesignChoice().params_total == float("inf")
