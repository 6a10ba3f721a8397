"""Every router against plain loops, and what each promises."""

import json
import sys
from dataclasses import replace

import pytest
import torch

from optimoe.arch.params import count_params
from optimoe.arch.parts import MoE
from optimoe.core.config import to_table
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.models.config import LossConfig, ModelConfig, count_extra_params
from optimoe.models.decoder import build
from optimoe.models.losses import training_loss
from optimoe.models.moe import FeedForward
from optimoe.models.routers import TopK, find_router, read_router, router_kinds
from optimoe.models.routers.causality import future_leak
from optimoe.models.routing import report
from tests.models.build import ROUTERS, VOCAB, ids_of, make_arch, make_layer
from tests.models.comparison import D, close, compare, inputs


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ROUTERS)
def test_outputs_and_gradients_are_those_of_plain_loops(name, training):
    layer = make_layer(ROUTERS[name]).train(training)
    compare(layer, *inputs())


def test_one_expert_is_the_dense_layer():
    layer = make_layer(TopK(), num_experts=1, top_k=1)
    dense = FeedForward(D, 5, True, "silu").double()
    dense.w_in.weight.data.copy_(layer.experts.w_in[0].T)
    dense.w_out.weight.data.copy_(layer.experts.w_out[0].T)
    x_BSD, _ = inputs()
    y_BSD, routing = layer(x_BSD)
    assert torch.equal(routing.weight_TK, torch.ones_like(routing.weight_TK))
    torch.testing.assert_close(y_BSD, dense(x_BSD), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "name", [name for name, router in ROUTERS.items() if "groups" not in name and "null" not in name]
)
def test_permuting_experts_changes_nothing(name, training):
    if training and name in ("noise", "policy gradient"):
        return  # draws are not permuted
    layer, order = make_layer(ROUTERS[name]).train(training), torch.tensor([2, 0, 3, 1])
    permuted = make_layer(ROUTERS[name]).train(training)
    for tensor in (permuted.experts.w_in, permuted.experts.w_out):
        tensor.data = tensor.data[order]
    router = permuted.router
    if not ROUTERS[name].learned:
        router.table_VK = order.argsort()[router.table_VK]
    else:
        router.weight.data = router.weight.data[order]
    if ROUTERS[name].kind == "s_base":
        router.potential_E = router.potential_E[order]
    if ROUTERS[name].balanced_by_bias:
        router.balance_bias_E = router.balance_bias_E[order]
    x_BSD, ids_BS = inputs()
    close(layer(x_BSD, ids_BS)[0], permuted(x_BSD, ids_BS)[0])


@pytest.mark.parametrize("name", [name for name in ROUTERS if "capacity" not in name])
def test_no_token_is_lost_without_a_capacity(name):
    router = ROUTERS[name]
    x_BSD, ids_BS = inputs(3, 8)
    _, routing = make_layer(router)(x_BSD, ids_BS)
    seen = report(routing)
    assert seen.dropped == 0
    if router.kind != "expert_choice":
        assert routing.kept_TK.all() and (seen.unrouted == 0 or "null" in name)


def test_a_router_computes_in_float32_below_bfloat16_weights_and_autocast():
    layer = make_layer(TopK()).to(torch.bfloat16)
    y_BSD, routing = layer(inputs()[0].to(torch.bfloat16))
    assert y_BSD.dtype == torch.bfloat16 and routing.logits_TE.dtype == torch.float32
    layer = make_layer(TopK()).float()
    x_BSD = inputs()[0].float()
    with torch.autocast("cpu", torch.bfloat16):
        inside = layer.router(x_BSD).logits_TE
    assert torch.equal(inside, layer.router(x_BSD).logits_TE)


CONFIGS = {kind: find_router(kind)() for kind in router_kinds()}


def conform(config):
    """What every router keeps, a user's too; its configuration is what a run file holds of it."""
    assert read_router(json.loads(json.dumps(to_table(config)))) == config
    part = MoE(num_experts=4, top_k=1, d_expert=5)
    torch.manual_seed(0)
    router = config.build(part, D, VOCAB)
    counted = part.num_experts * D
    assert sum(p.numel() for p in router.parameters()) == counted + config.extra_params(part, D)
    x_BSD, ids_BS = inputs(4, VOCAB // 2)
    ids_BS = torch.arange(ids_BS.numel()).view_as(ids_BS) % VOCAB
    for training in (True, False):
        routing = router.train(training)(x_BSD, ids_BS)
        T, K = routing.expert_TK.shape
        assert x_BSD[..., 0].numel() == T and routing.expert_TK.dtype == torch.int64
        assert routing.weight_TK.shape == routing.kept_TK.shape == (T, K)
        assert routing.score_TE.shape == routing.logits_TE.shape == (T, part.num_experts)
        assert routing.expert_TK.min() >= -1 and routing.expert_TK.max() < part.num_experts
        assert (routing.weight_TK[~routing.kept_TK] == 0).all()
        assert not routing.kept_TK[routing.expert_TK < 0].any()
        close(routing.score_TE.sum(1), torch.ones_like(routing.score_TE[:, 0]))
        if config.sums_gates(part.top_k):
            close(routing.weight_TK.sum(1), torch.full_like(routing.weight_TK[:, 0], config.scale))
        if training and config.balanced_by_routing:
            assert report(router(x_BSD + 3, ids_BS)).load_imbalance < 2  # one expert would be best for nearly all
    causal_label(config)
    stays_whole(config, part)
    trains(config, part)


def causal_label(config):
    """The labels are what a probe finds; where evaluation is not causal the remedy is a field that exists."""
    layer = make_layer(config, top_k=1)
    one, other = (inputs(3, 8, seed)[0] for seed in (1, 2))
    for training, label in ((True, config.causal_training), (False, config.causal)):
        layer.train(training)
        if label:
            assert future_leak(lambda x_BSD: layer(x_BSD, ids_of(3, 8))[0], one, other) < 1e-12
            assert future_leak(lambda ids: layer(one, ids)[0], ids_of(3, 8, 1), ids_of(3, 8, 2)) < 1e-12
    if not config.causal:
        name, _, word = config.causal_remedy.partition("=")
        assert replace(config, **{name: word.strip('"')}).causal


def stays_whole(config, part):
    """The same weights and tables after the meta device, and in a checkpoint."""
    direct = config.build(part, D, VOCAB)
    torch.manual_seed(1)
    direct.reset_parameters()
    with torch.device("meta"):
        router = config.build(part, D, VOCAB)
    router.to_empty(device="cpu")
    torch.manual_seed(1)
    router.reset_parameters()
    for name, tensor in direct.state_dict().items():
        assert torch.equal(router.state_dict()[name], tensor), name
    router.load_state_dict(direct.state_dict())


def trains(config, part):
    """A whole model with it has a finite loss and gradients, and as many parameters as are counted."""
    model_config = ModelConfig(router=config)
    assert ModelConfig.from_table(json.loads(json.dumps(to_table(model_config)))) == model_config
    arch = make_arch(part, num_layers=1)
    model = build(arch, model_config)
    extra = count_extra_params(arch, model_config)
    assert sum(p.numel() for p in model.parameters()) == count_params(arch).total + extra
    loss = training_loss(model(ids_of()), ids_of(), model_config.losses)
    loss.total.backward()
    assert torch.isfinite(loss.total)
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in model.parameters())


def test_the_probe_of_balance_finds_a_router_that_does_not_balance():
    torch.manual_seed(0)
    router = TopK().build(MoE(num_experts=4, top_k=1, d_expert=5), D, VOCAB)
    assert report(router(inputs(4, VOCAB // 2)[0] + 3)).load_imbalance > 2


@pytest.mark.parametrize("kind", CONFIGS)
def test_every_built_in_router_conforms(kind):
    conform(CONFIGS[kind])


MODULE = """
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from optimoe.models.routers import Router, RouterConfig
from optimoe.models.routing import Routing


@dataclass(frozen=True, kw_only=True)
class Stripes(RouterConfig):
    kind: ClassVar[str] = "stripes"
    balanced_by_routing: ClassVar[bool] = True
    order: Literal["forward", "backward"] = "forward"
    causal_training = causal = True

    def sums_gates(self, top_k):
        return True

    def build(self, part, d_model, vocab_size, layer=0):
        return StripesRouter(part, self)

    def extra_params(self, part, d_model):
        return -d_model * part.num_experts


class StripesRouter(Router):
    def reset_parameters(self, std=0.02):
        pass

    def forward(self, x_BSD, ids_BS=None, valid_BS=None, replay=None):
        B, S, _ = x_BSD.shape
        place_T = torch.arange(S, device=x_BSD.device).repeat(B)
        expert_TK = (place_T[:, None] + torch.arange(self.top_k)) % self.num_experts
        share_TK = torch.full(expert_TK.shape, 1 / self.top_k, dtype=x_BSD.dtype)
        logits_TE = x_BSD.new_zeros(len(expert_TK), self.num_experts)
        return Routing(
            expert_TK=expert_TK,
            weight_TK=share_TK * self.config.scale,
            score_TE=logits_TE.scatter(1, expert_TK, share_TK),
            logits_TE=logits_TE,
            kept_TK=torch.ones_like(expert_TK, dtype=torch.bool),
        )
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A package of a user's that states routers, installed on the path for one test."""

    def put(module, **stated):
        (tmp_path / "striped_moe.py").write_text(module)
        info = tmp_path / "striped_moe-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: striped-moe\nVersion: 1.0\n")
        lines = [f"{name} = {value}" for name, value in stated.items()]
        (info / "entry_points.txt").write_text("\n".join(["[optimoe.routers]", *lines, ""]))
        monkeypatch.syspath_prepend(tmp_path)

    yield put
    sys.modules.pop("striped_moe", None)


def test_a_router_of_an_installed_package_is_found_by_its_kind_and_conforms(install):
    install(MODULE, stripes="striped_moe:Stripes")
    assert router_kinds() == (*CONFIGS, "stripes")
    config = read_router({"kind": "stripes", "order": "backward", "scale": 2})
    assert (config.kind, config.order, config.scale) == ("stripes", "backward", 2)
    conform(config)
    for table, words in (
        ({"kind": "stripe"}, "nearest: stripes"),
        ({"kind": "stripes", "order": "backwards"}, "router: order: .*nearest: backward"),
        ({"kind": "stripes", "orders": "forward"}, "nearest: order"),
    ):
        with pytest.raises(UnknownNameError, match=words):
            read_router(table)
    with pytest.raises(ConfigError, match="stripes routing, which balances by itself"):
        ModelConfig(router=config, losses=LossConfig(balance=0.1))


@pytest.mark.parametrize(
    ("module", "stated", "words"),
    [
        ("import no_such_module", "striped_moe:Stripes", "stripes = striped_moe:Stripes of striped-moe cannot be"),
        ("x = 1", "striped_moe:Stripes", "stripes = striped_moe:Stripes of striped-moe cannot be loaded"),
        ("def f(:", "striped_moe:Stripes", "stripes = striped_moe:Stripes of striped-moe cannot be loaded"),
        ("Stripes = 1", "striped_moe:Stripes", "optimoe.routers: stripes: must be a dataclass"),
        (MODULE.replace('"stripes"', '"strips"'), "striped_moe:Stripes", "a router of kind stripes, got strips"),
    ],
)
def test_a_stated_router_that_is_none_is_one_line_that_names_it(install, module, stated, words):
    install(module, stripes=stated)
    with pytest.raises(ConfigError, match=words) as caught:
        find_router("stripes")
    assert "\n" not in str(caught.value)


def test_a_package_does_not_replace_a_built_in_router(install):
    install(MODULE, top_k="striped_moe:Stripes")
    assert find_router("top_k") is TopK and router_kinds() == tuple(CONFIGS)
