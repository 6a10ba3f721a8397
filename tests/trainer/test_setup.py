"""What a run states becomes the model that is trained: a shape, a whole ``config.json``, or plain values."""

import json

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from optimoe.arch.flops import FrozenShares, frozen_flops_per_token, train_flops_per_token
from optimoe.arch.hf import from_config
from optimoe.arch.params import count_params
from optimoe.core.errors import InputError
from optimoe.core.run import load_runs, save_runs
from optimoe.models.convert.named import read_model
from optimoe.models.routers import Hash, TopK
from optimoe.trainer.results.record import RunCounts
from optimoe.trainer.setup import DEFAULT_ROUTER, make_model, model_config, run_arch, spelled_out
from tests.trainer.world import ARCHITECTURE, HEADS, OWN, make_run

CPU = torch.device("cpu")
GRANITE = ARCHITECTURE | {
    "model_type": "granitemoe",
    "rms_norm_eps": 1e-5,
    "rope_theta": 1e4,
    "hidden_act": "silu",
    "embedding_multiplier": 12.0,
    "attention_multiplier": 0.2,
    "residual_multiplier": 0.22,
    "logits_scaling": 6.0,
}
QWEN = {
    **{name: value for name, value in ARCHITECTURE.items() if name != "num_local_experts"},
    "model_type": "qwen3_moe",
    "num_experts": 4,
    "moe_intermediate_size": 16,
    "norm_topk_prob": False,
    "rms_norm_eps": 1e-5,
    "rope_theta": 1e6,
    "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
}


def test_a_shape_has_the_default_function_and_another_field_makes_it_a_whole_configuration():
    assert model_config(make_run()).router == DEFAULT_ROUTER
    assert model_config(make_run(architecture=ARCHITECTURE | {"max_position_embeddings": 64})).norm_eps == 1e-6
    with pytest.raises(InputError, match="rms_norm_eps: must be given"):
        model_config(make_run(architecture=ARCHITECTURE | {"rope_theta": 1e6}))
    whole = make_run(architecture=ARCHITECTURE | {"rope_theta": 1e6, "rms_norm_eps": 1e-5})
    assert model_config(whole).rotary.theta == 1e6


@pytest.mark.parametrize("fields", [GRANITE, QWEN], ids=["granite", "qwen"])
def test_a_whole_configuration_is_trained_as_its_function(fields, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(fields))
    _, config = read_model(tmp_path)
    trained = make_model(make_run(architecture=fields), CPU, 257).config
    for name in ("router", "activation", "rotary", "norm_eps", "multipliers"):
        assert getattr(trained, name) == getattr(config, name), name
    own = make_model(make_run(architecture=fields, router={"kind": "hash"}), CPU, 257).config
    assert own.router == Hash() and own.multipliers == config.multipliers


def test_a_configuration_that_is_not_built_here_is_refused():
    fields = ARCHITECTURE | {"model_type": "phimoe", "rms_norm_eps": 1e-5, "router_jitter_noise": 0.01}
    with pytest.raises(InputError, match="phimoe is counted but not converted"):
        model_config(make_run(architecture=fields))


def test_plain_values_hold_a_model_whole(tmp_path):
    run = make_run(architecture=OWN)
    for name in ("run.toml", "run.json"):
        save_runs(tmp_path / name, [run])
        assert load_runs(tmp_path / name) == (run,)
    model = make_model(run, CPU, 257)
    assert [type(block.ffn).__name__ for block in model.blocks] == ["MoELayer", "MoELayer", "PEERLayer"]
    assert [router.config for router in model.routers.values()] == [TopK(score="softmax"), DEFAULT_ROUTER]
    assert model.positions is not None and model.config.norm_eps == 1e-5 and model.config.activation == "gelu"
    assert make_model(spelled_out(run), CPU, 257).config == model.config
    counts = RunCounts.of(run)
    arch = from_config(OWN, "own")
    assert counts.params.total == count_params(arch).total == sum(p.numel() for p in model.parameters())
    assert counts.flops_per_token[0] == train_flops_per_token(arch, run.seq_len)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"router": {"kind": "hash"}}, "architecture.model: field: unknown name 'router'"),
        ({"activation": "gelo"}, r"activation: unknown name 'gelo' \(nearest: gelu"),
        ({"layer_routers": [{"layers": [2], "router": {"kind": "hash"}}]}, "of routed layers"),
        ([], "architecture.model: must be a table"),
    ],
)
def test_a_wrong_function_of_plain_values_is_named(table, words):
    with pytest.raises(InputError, match=words):
        make_model(make_run(architecture=OWN | {"model": table}), CPU, 257)


@pytest.mark.parametrize(
    ("router", "balance"),
    [
        ({"kind": "top_k"}, 0.01),
        ({"kind": "top_k", "balanced_by_bias": True}, 1e-4),
        ({"kind": "policy_gradient"}, 0.01),
        ({"kind": "hash"}, 0),
    ],
)
def test_losses_that_nobody_states_are_those_of_what_balances(router, balance):
    assert spelled_out(make_run(router=router)).losses["balance"] == balance


SHARING = {"kind": "moe", "num_experts": 4, "top_k": 2, "d_expert": 8, "num_shared_experts": 1, "d_shared": 8}
FROZEN = {
    "mixers": ("mixer.query", "mixer.key", "mixer.value", "mixer.output"),
    "router": ("router",),
    "shared_experts": ("shared",),
    "routed_experts": ("experts.w",),
    "unembedding": ("unembedding",),
}


@pytest.mark.parametrize("part", FROZEN)
def test_what_frozen_weights_save_is_what_pytorch_counts_less(part):
    run = make_run(architecture=OWN | {"layers": [{"num_layers": 2, "mixer": HEADS, "ffn": SHARING}], "model": {}})
    model = make_model(run, torch.device("cpu"), 257)
    for block in model.blocks:
        block.ffn.experts.kernel = "loop"  # the others multiply padding too
    ids_BS = torch.randint(0, 257, (2, 32), generator=torch.Generator().manual_seed(0))

    def counted():
        with FlopCounterMode(display=False) as counter:
            model(ids_BS).logits_BSV.sum().backward()
        return counter.get_total_flops()

    whole = counted()
    frozen = [p for name, p in model.named_parameters() if any(word in name for word in FROZEN[part])]
    for parameter in frozen:
        parameter.requires_grad_(False)
    saved = frozen_flops_per_token(run_arch(run), FrozenShares(**{part: 1.0}))
    assert frozen and whole - counted() == 64 * saved > 0
