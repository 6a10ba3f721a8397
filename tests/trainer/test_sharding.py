"""What ranks hold and send: shards from the first weight on, each gathered in the type that it is used in."""

import ctypes
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode

from optimoe.core.run import RunLayout
from optimoe.trainer.parallel.deferred import defer
from optimoe.trainer.parallel.ranks import joined
from optimoe.trainer.parallel.sharding import spread_model
from optimoe.trainer.setup import make_model, untrained_model
from tests.models.world import on_ranks
from tests.trainer.test_ranks import Trained
from tests.trainer.world import ARCHITECTURE, HEADS, OWN, make_run

CPU = torch.device("cpu")
RUNS = {
    "all kinds of weights": (make_run(architecture=OWN, seed=3), RunLayout(zero=3)),
    "tied embeddings": (make_run(architecture=ARCHITECTURE | {"tie_word_embeddings": True}), RunLayout()),
    "a table": (make_run(router={"kind": "hash"}), RunLayout(zero=0)),
    "dealt experts": (make_run(seed=5), RunLayout(dp=2, ep=2, zero=3)),
}
_FFN = {"kind": "moe", "num_experts": 8, "top_k": 2, "d_expert": 512}
LARGE = OWN | {"d_model": 256, "layers": [{"num_layers": 8, "mixer": HEADS, "ffn": _FFN}]}
LAYOUTS = ({"zero": 1}, {"zero": 3}, {"zero": 3, "dp": 2, "ep": 2, "recompute": True})
SLACK = 4e6
"""Bytes of everything else that a process touches meanwhile."""


def placed(run, layout):
    """A model over the ranks, drawn there."""
    with joined("cpu") as ranks:
        pass
    torch.manual_seed(run.seed)
    deferred = defer(lambda: untrained_model(run))
    spread_model(deferred.model, ranks, layout)
    deferred.fill(ranks.device)
    return deferred.model


def whole_tensors(model):
    tensors = {**dict(model.named_buffers()), **model.state_dict()}
    return {name: one.full_tensor() if isinstance(one, DTensor) else one for name, one in tensors.items()}


def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def memory_of_a_large_model():
    """Bytes: the most that were resident beyond what was before, this rank's shards, the largest weight, all."""
    ctypes.CDLL(None).mallopt(-3, 1 << 16)  # M_MMAP_THRESHOLD: what is freed goes back to the system
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    model = placed(make_run(architecture=LARGE), RunLayout(zero=3))
    sizes = [parameter.nbytes for parameter in model.parameters()]
    shards = sum(parameter.to_local().nbytes for parameter in model.parameters())
    return resident("VmHWM") - before, shards, max(sizes), sum(sizes)


class Sent(TorchDispatchMode):
    """Bytes of what a rank gives to gathers and to sums that are scattered, by type."""

    def __init__(self):
        super().__init__()
        self.bytes = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        for name in ("_allgather_base_", "_reduce_scatter_base_"):
            if func.__name__.startswith(name):
                self.bytes[name.strip("_"), args[1].dtype] += args[1].nbytes
        return func(*args, **(kwargs or {}))


def steps_of(products, **layout):
    trained = Trained(products=products, **layout)
    with Sent() as sent:
        values = trained.steps()
    return values, trained.state(), sent.bytes


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """By rank: initial weights by run, memory, steps by layout, in one start of two processes."""

    def work(rank, group):
        weights = {name: whole_tensors(placed(*run)) for name, run in RUNS.items()}
        in_bf16 = [steps_of(torch.bfloat16, **layout) for layout in LAYOUTS]
        return weights, memory_of_a_large_model(), in_bf16, steps_of(torch.float32, zero=3)

    return on_ranks(work, tmp_path_factory.mktemp("ranks"))


@pytest.mark.parametrize("name", RUNS)
def test_ranks_draw_the_initial_weights_of_one_process_bit_for_bit(ranks, name):
    run, _ = RUNS[name]
    model = make_model(run, CPU, 257)
    want = {**dict(model.named_buffers()), **model.state_dict()}
    for weights, *_ in ranks:
        assert weights[name].keys() == want.keys()
        assert all(torch.equal(weights[name][tensor], value) for tensor, value in want.items())


def test_a_rank_never_holds_more_than_its_shards_and_one_weight(ranks):
    for _, (peak, shards, largest, whole), *_ in ranks:
        assert peak < shards + largest + SLACK < 0.65 * whole


def apart(found, reference):
    """‖found − reference‖ / ‖reference‖, the largest over values of steps and over first moments."""
    (values, state, _), (want, theirs, _) = found, reference
    pairs = [(state[name], theirs[name]) for name in theirs if name.endswith("exp_avg")]
    moments = [float((one - other).norm() / other.norm()) for one, other in pairs]
    return float(((values - want) / want).abs().max()), max(moments)


def test_ranks_learn_in_bfloat16_what_one_process_learns_in_it(ranks):
    """Passes are cut otherwise, so gradients are rounded elsewhere: less than half of what bfloat16 does."""
    alone, in_float32 = steps_of(torch.bfloat16), steps_of(torch.float32)
    most = apart(in_float32, alone)
    assert 1e-4 < most[0] < 1e-3 and 0.02 < most[1] < 0.2
    for _, _, in_bf16, _ in ranks:
        for found in in_bf16:
            assert all(one < limit / 2 for one, limit in zip(apart(found, alone), most, strict=True))


def test_matrices_are_gathered_in_the_type_of_their_products_and_gradients_summed_in_float32(ranks):
    gather, scatter = "allgather_base", "reduce_scatter_base"
    for _, _, (_, (_, _, mixed), _), (_, _, whole) in ranks:
        assert whole.keys() == {(gather, torch.float32), (scatter, torch.float32)}
        assert mixed[scatter, torch.float32] == whole[scatter, torch.float32]
        in_bf16, in_float32 = mixed[gather, torch.bfloat16], mixed[gather, torch.float32]
        assert in_float32 + 2 * in_bf16 == whole[gather, torch.float32] and in_bf16 > 3 * in_float32
