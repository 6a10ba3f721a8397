"""Every check-value of the published cost models."""

import pytest

from optimoe.core.errors import InputError
from optimoe.cost.published.catalog import find_cost_model, published_cost_checks


@pytest.mark.parametrize(
    "row", published_cost_checks(), ids=lambda row: f"{row['law']}-{row['output']}-{row['inputs']}"
)
def test_published_value(row):
    inputs = {name: value if isinstance(value, str) else float(value) for name, value in row["inputs"].items()}
    ours = find_cost_model(row["law"]).evaluate(row["output"], inputs)
    assert abs(ours - row["value"]) <= row["tolerance_rel"] * abs(row["value"])


@pytest.mark.parametrize(
    ("name", "output", "inputs", "words"),
    [
        ("epoch2024", "P_eq", {"P": "abc", "E": 16.0, "A": 2.0}, "P: must be a number"),
        ("erdil2025-code", "params_total", {"model": 5.0}, "model: must be a name"),
        ("erdil2025-code", "params_total", {"model": "llama-3-7b"}, "nearest"),
        ("epoch2024", "layers", {"model": "gpt-5"}, "nearest"),
        ("epoch2024", "group_size", {"model": "deepseek-v3"}, "must have grouped heads"),
        ("yun2024-cost", "total_ratio", {"E": -1.0}, "E: must be positive"),
    ],
)
def test_an_input_of_the_wrong_kind_is_named(name, output, inputs, words):
    with pytest.raises(InputError, match=words):
        find_cost_model(name).evaluate(output, inputs)
