"""The forward and backward pass of a model never wait for a GPU; with one, it computes what a CPU does."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from optimoe.arch.parts import MoE
from optimoe.models.config import LossConfig, ModelConfig
from optimoe.models.decoder import build
from optimoe.models.inference.generate import generate
from optimoe.models.inference.sampling import Sampling
from optimoe.models.losses import Balancer, training_loss
from optimoe.models.routers import TopK
from optimoe.models.routing import coactivation, report
from tests.models.build import ROUTERS, VOCAB, make_arch, top_k_of
from tests.models.shapes import ARCHS

SILENT = [name for name, router in ROUTERS.items() if router.kind not in ("base", "expert_choice")]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def make_model(router, num_layers=2):
    torch.manual_seed(0)
    balances = 0.01 * (router.kind in ("top_k", "expert_choice", "policy_gradient"))
    losses = LossConfig(balance=balances, z=0.01 * (router.kind != "hash"))
    part = MoE(num_experts=8, top_k=top_k_of(router), d_expert=16, num_shared_experts=1, d_shared=16)
    return build(
        make_arch(part, num_layers=num_layers, d_model=32), ModelConfig(router=router, losses=losses, init_std=0.2)
    )


def make_ids():
    return torch.randint(0, VOCAB, (4, 17), generator=torch.Generator().manual_seed(0))


def step(model, ids_BS, call=None):
    """A training step's forward and backward pass, and its report."""
    output = (call or model)(ids_BS[:, :-1])
    training_loss(output, ids_BS[:, 1:], model.config.losses).total.backward()
    if model.config.router.balanced_by_bias and call is None:
        balancer = Balancer(model, 1e-3)
        balancer.add(output)
        balancer.step()
    return output, [(report(routing), coactivation(routing)) for routing in output.routings.values()]


def step_without_data(router, training):
    """The step on tensors that have shapes and no data: reading a number or a mask from one fails."""
    model = make_model(router, num_layers=1).bfloat16().train(training)  # any layer would wait
    for block in model.blocks:
        block.ffn.experts.kernel = "grouped"  # as on a GPU
    with FakeTensorMode() as mode:
        state = {k: mode.from_tensor(v) for k, v in (*model.named_parameters(), *model.named_buffers())}
        ids_BS = torch.empty(4, 17, dtype=torch.int64)
        step(model, ids_BS, lambda ids: torch.func.functional_call(model, state, (ids,)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", SILENT)
def test_no_step_reads_from_the_device(name, training):
    if training or ROUTERS[name].causal:
        step_without_data(ROUTERS[name], training)


@needs_gpu
@pytest.mark.parametrize("name", SILENT)
def test_a_gpu_is_never_waited_for(name):
    model, ids_BS = make_model(ROUTERS[name]).cuda().bfloat16(), make_ids().cuda()
    step(model, ids_BS)  # what is set up once may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        step(model, ids_BS)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_gpu
@pytest.mark.parametrize("name", [name for name in ROUTERS if name not in ("policy gradient", "noise")])
def test_a_gpu_computes_what_a_cpu_does(name):
    model, ids_BS = make_model(ROUTERS[name]).double(), make_ids()
    other = make_model(ROUTERS[name]).double().cuda()
    (one, _), (two, _) = step(model, ids_BS), step(other, ids_BS.cuda())
    torch.testing.assert_close(two.logits_BSV.cpu(), one.logits_BSV, rtol=1e-9, atol=1e-9)
    for layer, routing in one.routings.items():
        assert torch.equal(two.routings[layer].dispatched_TK.cpu(), routing.dispatched_TK)
    for ours, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(theirs.grad.cpu(), ours.grad, rtol=1e-8, atol=1e-9)


@needs_gpu
@pytest.mark.parametrize("name", ["several groups", "mixer window and sinks", "mixer chunks", "learned positions"])
def test_a_gpu_generates_what_a_cpu_does(name):
    prompts = [[3, 1, 4, 1, 5], [9], [2, 6, 5]]
    for sampling in (
        Sampling(max_new_tokens=8, temperature=0.0),
        Sampling(max_new_tokens=8, top_k=5, stop_ids=(3,)),
    ):
        model = build(ARCHS[name], ModelConfig(init_std=0.3)).double()
        assert generate(model, prompts, sampling).ids == generate(model.cuda(), prompts, sampling).ids


@needs_gpu
def test_half_precision_on_a_gpu_is_near_double_on_a_cpu():
    model, ids_BS = make_model(TopK()), make_ids()
    want = model.double()(ids_BS).logits_BSV
    got = make_model(TopK()).cuda().bfloat16()(ids_BS.cuda()).logits_BSV
    error = (got.cpu().double() - want).norm() / want.norm()
    assert error < 0.1  # a token near a tie may take another expert


def test_logits_are_finite_in_low_precision():
    model = make_model(TopK(score="sigmoid", balanced_by_bias=True)).bfloat16()
    assert torch.isfinite(model(make_ids()).logits_BSV).all()
