from optimoe.cost.published.catalog import find_cost_model


def test_the_printed_model_too_needs_memory():
    inputs = {"model": "gpt-3", "N_gpu": 4.0, "batch": 1.0, "input_len": 0.0}
    assert find_cost_model("erdil2025-paper").evaluate("latency_s", inputs) == float("inf")
