"""Every field of a configuration is checked, and what does not apply is refused."""

import importlib
import math
import pkgutil
import tomllib
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

import optimoe.models
from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.config import to_table, to_toml
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.models.attention.rope import Llama3Scaling, YarnScaling
from optimoe.models.config import LayerRouter, LossConfig, ModelConfig, count_extra_params
from optimoe.models.convert.hf import to_hf
from optimoe.models.convert.lifelong import Growth
from optimoe.models.convert.lora import Lora
from optimoe.models.convert.upcycle import Upcycling
from optimoe.models.decoder import build
from optimoe.models.experts.layer import Experts
from optimoe.models.moe import MoELayer
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import ExpertChoice, Hash, TopK, find_router, read_router
from tests.models.build import VOCAB, make_arch, make_dense
from tests.models.comparison import D
from tests.models.shapes import MIXERS, ROUTED, with_mixer


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"capacity_factor": 0}, "capacity_factor"),
        ({"kind": "s_base", "capacity_factor": 1.0}, "capacity_factor"),
        ({"kind": "policy_gradient", "score": "sigmoid"}, "score"),
        ({"kind": "hash", "balanced_by_bias": True}, "balanced_by_bias"),
        ({"score": "softmax_after", "normalised": False}, "normalised"),
        ({"num_groups": 2, "top_groups": 3}, "top_groups"),
        ({"choice_group": "position"}, "choice_group"),
    ],
)
def test_what_a_router_would_not_read_is_refused(fields, word):
    with pytest.raises(InputError, match=word):
        read_router({"kind": "top_k"} | fields)


@pytest.mark.parametrize(
    ("part", "fields", "word"),
    [
        ({"num_experts": 4, "top_k": 2}, {"kind": "base"}, "top_k"),
        ({"num_experts": 4, "top_k": 2}, {"num_groups": 3}, "num_groups"),
        ({"num_experts": 4, "top_k": 3}, {"num_groups": 4, "top_groups": 2}, "top_k"),
        ({"num_experts": 4, "top_k": 1}, {"kind": "hash", "token_counts": (1, 2)}, "token_counts"),
    ],
)
def test_a_router_that_does_not_fit_its_experts_is_refused(part, fields, word):
    with pytest.raises(ConfigError, match=word):
        MoELayer(MoE(d_expert=4, **part), D, VOCAB, ModelConfig(router=read_router({"kind": "top_k"} | fields)))


@pytest.mark.parametrize(("kind", "loss"), [("s_base", "balance"), ("hash", "z"), ("base", "importance")])
def test_a_loss_that_does_not_apply_is_refused(kind, loss):
    with pytest.raises(ConfigError, match=loss):
        ModelConfig(router=find_router(kind)(), losses=LossConfig(**{loss: 0.1}))


def configurations():
    """Every dataclass of the package that is a request: options, flags and numbers that somebody chooses."""
    names = [m.name for m in pkgutil.walk_packages(optimoe.models.__path__, "optimoe.models.")]
    classes = {
        value
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and is_dataclass(value) and value.__module__ == name
    }
    return sorted((c for c in classes if c.__hash__ and c.__name__ not in NO_REQUEST), key=lambda c: c.__name__)


NO_REQUEST = {  # results, weights and descriptions that the package makes itself
    *(
        "Activation",
        "EngineFamily",
        "Entry",
        "Evaluation",
        "ExpertWeights",
        "Forgetting",
        "Generated",
        "LayerLosses",
        "LazyTensor",
        "ModuleCount",
        "Names",
        "Output",
        "PEERStats",
        "Provided",
        "Routes",
    ),
    *(
        "NumValid",
        "PolicyRouting",
        "Routing",
        "RoutingReport",
        "RoutingSummary",
        "RoutingSums",
        "Seen",
        "Slice",
        "TableRow",
    ),
    "TrainingLoss",
    *("RouterConfig", "LearnedRouterConfig", "BalancedRouterConfig"),  # what routers share
}
GIVEN = {
    Growth: {"num_new_experts": 1},
    LayerRouter: {"layers": (0,), "router": TopK()},
    Lora: {"rank": 1},
    Llama3Scaling: {"factor": 8.0, "original_positions": 64},
    YarnScaling: {"factor": 8.0, "original_positions": 64},
}
CASES = [(cls, field.name) for cls in configurations() for field in fields(cls)]


@pytest.mark.parametrize(("cls", "name"), CASES, ids=[f"{cls.__name__}.{name}" for cls, name in CASES])
def test_every_field_of_every_configuration_is_checked(cls, name):
    """A word that is no option, and a value of another type, are refused by the field's name."""
    given, hint = GIVEN.get(cls, {}), get_type_hints(cls)[name]
    words, optional = get_args(hint) if get_origin(hint) is Literal else (), type(None) in get_args(hint)
    wrong = ["no such word", *(f"{word}s" for word in words), [], 10**400 if hint is bool else object()]
    wrong = wrong if optional else [*wrong, None]
    for value in wrong:
        with pytest.raises(UnknownNameError if words else InputError, match=name):
            cls(**given | {name: value})
    for word in words:
        if not (cls is Growth or word == "softmax_after"):
            assert getattr(cls(**{name: word}), name) == word
    if hint in (int, float):
        for value in (math.nan, True, -1):
            with pytest.raises(ConfigError, match=name):
                cls(**given | {name: value})
    if hint is float and not name.endswith("capacity_factor"):
        with pytest.raises(ConfigError, match=name):
            cls(**given | {name: math.inf})


def test_the_configurations_are_those_that_a_run_chooses():
    names = {cls.__name__ for cls in configurations()}
    routers = {"TopK", "ExpertChoice", "SBase", "Base", "Hash", "PolicyGradient"}
    positions = {"Rotary", "RopeScaling", "LinearScaling", "Llama3Scaling", "YarnScaling"}
    others = {"Growth", "LayerRouter", "Lora", "LossConfig", "ModelConfig", "Multipliers", "Sampling", "Upcycling"}
    assert names == routers | positions | others
    assert all(field.default is not MISSING or cls is Growth for cls in (Upcycling, Hash) for field in fields(cls))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TopK(score="sigmoids"), "score: .*nearest: sigmoid"),
        (lambda: TopK(drop="prob"), "drop: .*position"),
        (lambda: find_router("topk"), "router: kind: .*nearest: top_k"),
        (lambda: ModelConfig(activation="swilu"), "activation: .*nearest: silu"),
        (lambda: Experts(2, 4, 4, True, "silu", kernel="looped"), "kernel: .*nearest: loop"),
        (lambda: PEERLayer(4, num_keys=2, num_heads=1, top_k=1, d_key=2, gates="sigmoids"), "nearest: sigmoid"),
        (lambda: PEERLayer(4, num_keys=2, num_heads=1, top_k=1, d_key=2, query_norm="layer"), "layernorm"),
        (lambda: LossConfig(scope="sequences"), "scope: .*nearest: sequence"),
    ],
)
def test_a_wrong_word_names_the_nearest(make, words):
    with pytest.raises(UnknownNameError, match=words):
        make()


def test_a_model_configuration_is_a_table_and_reads_back():
    config = ModelConfig(
        router=TopK(score="sigmoid", balanced_by_bias=True, capacity_factor=1.25),
        losses=LossConfig(z=1e-3, scope="global"),
        activation="gelu",
    )
    table = to_table(config)
    assert table["router"]["kind"] == "top_k" and table["router"]["capacity_factor"] == 1.25
    assert "eval_capacity_factor" not in table["router"]  # infinite, as by default
    assert ModelConfig.from_table(table) == config
    assert ModelConfig.from_table({}) == ModelConfig()
    hashed = ModelConfig(router=Hash(token_counts=(3, 2, 1)))
    assert ModelConfig.from_table(to_table(hashed)) == hashed


FIRST_HASHED = ModelConfig(
    router=TopK(score="sigmoid"),
    layer_routers=(LayerRouter(layers=(0, 1), router=Hash(seed=3)),),
    losses=LossConfig(balance=0.1, z=0.1),
)


def test_routers_of_some_layers_stand_in_a_file_and_read_back():
    text = """
    router = {kind = "top_k", score = "sigmoid"}
    losses = {balance = 0.1, z = 0.1}
    [[layer_routers]]
    layers = [0, 1]
    router = {kind = "hash", seed = 3}
    """
    assert ModelConfig.from_table(tomllib.loads(text)) == FIRST_HASHED
    assert ModelConfig.from_table(tomllib.loads(to_toml(to_table(FIRST_HASHED)))) == FIRST_HASHED


def test_a_model_routes_layer_by_layer_as_its_configuration_says():
    dense, routed = make_dense().layers[0], make_arch(num_layers=1).layers[0]
    arch = make_arch(layers=(dense, replace(routed, num_layers=3)))
    one, other = LayerRouter(layers=(4,), router=ExpertChoice()), LayerRouter(layers=(2,), router=Hash())
    config = ModelConfig(layer_routers=(one, other))
    model = build(arch, config)
    kinds = {layer: router.config.kind for layer, router in model.routers.items()}
    assert kinds == {2: "hash", 3: "top_k", 4: "expert_choice"} and model.leaky_layers == (4,)
    extra = count_extra_params(arch, config)
    assert sum(p.numel() for p in model.parameters()) == count_params(arch).total + extra and extra < 0


@pytest.mark.parametrize(
    ("router", "words"),
    [
        (Hash(), "kind: must be top_k in qwen3_moe, got hash"),
        (TopK(normalised=False), "layer_routers: must be left out in qwen3_moe, got another router of layer 1"),
    ],
)
def test_a_family_with_one_router_refuses_another_in_some_layer(router, words):
    arch = with_mixer(MIXERS["norm per head"], MoE(**ROUTED))
    model = build(arch, ModelConfig(layer_routers=(LayerRouter(layers=(1,), router=router),)))
    with pytest.raises(ConfigError, match=words):
        to_hf(model, "qwen3_moe")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"layer_routers": (LayerRouter(layers=(2,), router=Hash()),)}, r"of routed layers \(0–1 of 2\), got 2"),
        ({"layer_routers": FIRST_HASHED.layer_routers, "losses": LossConfig(z=0.1)}, "z: must be 0 beside hash"),
    ],
)
def test_a_router_without_a_layer_and_a_loss_without_a_router_are_refused(config, words):
    with pytest.raises(ConfigError, match=words):
        build(make_arch(), ModelConfig(**config))


def _hashes(*layers):
    return {"layers": list(layers), "router": {"kind": "hash"}}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"router": {}}, "model: router: kind: must be a name, got None"),
        ({"router": "top_k"}, "model: router: must be a table, got 'top_k'"),
        ({"router": {"kind": "topk"}}, "router: kind: unknown name 'topk' (nearest: top_k)"),
        ({"router": {"kind": "hash", "score": "sigmoid"}}, "model: router: field: unknown name 'score' ("),
        ({"losses": {"balence": 0.1}}, "model: losses: field: unknown name 'balence' (nearest: balance"),
        ({"losses": 3}, "model: losses: must be a table, got 3"),
        ({"layer_routers": {"layers": [0]}}, "model: layer_routers: must be a list of tables"),
        (
            {"layer_routers": [{"router": {"kind": "hash"}}]},
            "model: layer_routers: layers: must be given, got None",
        ),
        ({"layer_routers": [{"layer": [0]}]}, "layer_routers: field: unknown name 'layer' (nearest: layers"),
        (
            {"layer_routers": [_hashes(0), _hashes(1, 0)]},
            "layer_routers: must be each layer once, got [0] more often",
        ),
        ({"layer_routers": [_hashes(-1)]}, "layers: must be numbers from 0, got -1"),
        ({"layer_routers": [_hashes("first")]}, "model: layer_routers: layers: Expected `int`, got `str`"),
        ({"layer_routers": [_hashes()]}, "layers: must be one or more, got none"),
        ({"loses": {}}, "model: field: unknown name 'loses' (nearest: losses"),
        ({"activation": 3}, "model: Expected `str`, got `int` - at `activation`"),
        ({"router": {"kind": "hash"}, "losses": {"z": 0.1}}, "z: must be 0 beside hash routing"),
    ],
)
def test_a_wrong_table_of_a_model_is_one_line(table, words):
    with pytest.raises(InputError) as caught:
        ModelConfig.from_table(table)
    assert words in str(caught.value) and "\n" not in str(caught.value)
