"""Every router and every feed-forward on the ways in which PyTorch's users take a model."""

import copy
import io
import pickle
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel
from torch.utils.flop_counter import FlopCounterMode

from optimoe.arch.flops import prefill_flops
from optimoe.arch.parts import MoE
from optimoe.arch.spec import LayerGroup
from optimoe.models.config import ModelConfig
from optimoe.models.decoder import build
from optimoe.models.experts.activations import ACTIVATIONS
from tests.meta import without_storage
from tests.models.build import ROUTERS, VOCAB, ids_of, make_arch, top_k_of
from tests.models.shapes import FFNS, MIXERS
from tests.models.world import one_rank

DESIGNS = {
    **{f"ffn {name}": (make_arch(ffn, num_layers=1), ModelConfig()) for name, ffn in FFNS.items()},
    **{
        f"router {name}": (
            make_arch(MoE(num_experts=4, top_k=top_k_of(router), d_expert=8), num_layers=1),
            ModelConfig(router=router),
        )
        for name, router in ROUTERS.items()
    },
}
B, S = 2, 8


def made(name):
    torch.manual_seed(0)
    return build(*DESIGNS[name])


def logits(model, ids_BS):
    """In training, where every router runs; the same draws each time."""
    torch.manual_seed(1)
    return model(ids_BS).logits_BSV


def by_torch_save(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "spawn": lambda model: pickle.loads(ForkingPickler.dumps(model)),
    "torch.save": by_torch_save,
}


@pytest.mark.parametrize("name", DESIGNS)
def test_a_copy_computes_the_same(name):
    model, ids_BS = made(name), ids_of(B, S)
    want = logits(model, ids_BS)
    for way, copied in COPIES.items():
        assert torch.equal(logits(copied(model), ids_BS), want), way


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("assign", [True, False])
def test_a_state_computes_the_same(name, assign):
    model, ids_BS = made(name), ids_of(B, S)
    torch.manual_seed(2)
    other = build(*DESIGNS[name])
    other.load_state_dict(copy.deepcopy(model.state_dict()), assign=assign)
    assert torch.equal(logits(other, ids_BS), logits(model, ids_BS))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_model_of_every_activation_is_copied(activation):
    plain = () if activation == "clamped_swiglu" else ("plain",)  # it is of two products
    ffns = ("dense", *plain, "shared", "product keys")
    layers = tuple(LayerGroup(num_layers=1, mixer=MIXERS["grouped"], ffn=FFNS[name]) for name in ffns)
    model = build(make_arch(layers=layers), ModelConfig(activation=activation))
    want = logits(model, ids_of(B, S))
    for way, copied in COPIES.items():
        assert torch.equal(logits(copied(model), ids_of(B, S)), want), way


@pytest.mark.parametrize("name", DESIGNS)
def test_shapes_come_without_data(name):
    """On the meta device, and on fake tensors of a CPU, whole steps run."""
    with without_storage():
        model = build(*DESIGNS[name])
    output = model(ids_of(B, S).to("meta"))
    output.logits_BSV.sum().backward()
    with FakeTensorMode():
        fake = build(*DESIGNS[name])
        other = fake(torch.zeros(B, S, dtype=torch.int64))
        other.logits_BSV.sum().backward()
    for each, module in ((output, model), (other, fake)):
        assert each.logits_BSV.shape == (B, S, VOCAB)
        assert all(routing.weight_TK.shape[0] == B * S for routing in each.routings.values())
        assert all(p.grad.shape == p.shape for p in module.parameters() if p.grad is not None)


@pytest.mark.parametrize("name", FFNS)
def test_pytorch_counts_the_flops_that_the_architecture_does(name):
    """Attention's scores apart, which PyTorch does not count on a CPU."""
    arch, config = DESIGNS[f"ffn {name}"]
    with FakeTensorMode():
        model = build(arch, config)
        with FlopCounterMode(display=False) as counter:
            model(torch.zeros(B, S, dtype=torch.int64)).logits_BSV.sum().backward()
    forward = prefill_flops(arch, S)
    assert counter.get_total_flops() == 3 * B * S * (forward.total - forward.attention_scores)


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")  # of a view, which nobody writes to
@pytest.mark.parametrize("name", DESIGNS)
def test_wrappers_for_many_ranks_train(name, tmp_path):
    ids_BS = ids_of(B, S)
    model = made(name)
    logits(model, ids_BS).square().sum().backward()
    with one_rank(tmp_path):
        parallel = DistributedDataParallel(made(name))
        logits(parallel, ids_BS).square().sum().backward()
        for ours, theirs in zip(model.parameters(), parallel.parameters(), strict=True):
            torch.testing.assert_close(theirs.grad, ours.grad)
        sharded = made(name)
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16)
        for block in sharded.blocks:
            fully_shard(block, mp_policy=policy)
        fully_shard(sharded, mp_policy=policy)
        got = logits(sharded, ids_BS)
        got.float().square().sum().backward()
        assert got.dtype == torch.bfloat16 and torch.isfinite(got).all()


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("shape", [(0, S), (B, 0), (0, 0)])
def test_an_empty_batch_passes_every_feed_forward(name, shape):
    layer = made(name).blocks[0].ffn
    x_BSD = torch.zeros(*shape, 16, requires_grad=True)
    args = {"MoELayer": (x_BSD, torch.zeros(shape, dtype=torch.int64)), "PEERLayer": (x_BSD.flatten(0, 1),)}
    y_BSD = layer(*args.get(type(layer).__name__, (x_BSD,)))
    y_BSD = y_BSD[0] if isinstance(y_BSD, tuple) else y_BSD
    y_BSD.sum().backward()
    assert y_BSD.numel() == 0 and y_BSD.shape[-1] == 16
    assert all(not p.grad.any() for p in layer.parameters() if p.grad is not None)


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # PyTorch's attention has no rule for batches
@pytest.mark.parametrize("name", FFNS)
def test_gradients_of_single_sequences_are_those_of_a_loop(name):
    """``torch.func``: per-sample gradients, by one call."""
    model, ids_BS = made(f"ffn {name}"), ids_of(B, S)
    params = {key: p.detach() for key, p in model.named_parameters()}

    def loss(params, ids_S):
        return torch.func.functional_call(model, params, (ids_S[None],)).logits_BSV.square().sum()

    got = torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(params, ids_BS)
    for row, ids_S in enumerate(ids_BS):
        model.zero_grad()
        model(ids_S[None]).logits_BSV.square().sum().backward()
        for key, p in model.named_parameters():
            torch.testing.assert_close(got[key][row], p.grad, rtol=1e-4, atol=1e-5)
