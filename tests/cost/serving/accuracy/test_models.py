from optimoe.arch.catalog import find_model
from optimoe.cost.serving.accuracy.models import measured_model


def test_a_model_is_known_by_its_parts_and_active_size():
    mixtral = measured_model("mixtral", find_model("mixtral-8x7b"))
    assert (mixtral.mixers, mixtral.ffns) == (("attention",), ("moe",))
    assert 12e9 < mixtral.params_active < 13.5e9
    deepseek = measured_model("deepseek", find_model("deepseek-v3"))
    assert (deepseek.mixers, deepseek.ffns) == (("latent attention",), ("dense ffn", "moe"))
