"""Buffers that move by small steps are float32 on every way in which a module comes into being."""

import copy
import io
import pickle
from contextlib import contextmanager

import pytest
import torch
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn.parallel import DistributedDataParallel

from optimoe.arch.parts import MoE
from optimoe.models.config import ModelConfig
from optimoe.models.moe import MoELayer
from optimoe.models.peer.layer import PEERLayer
from tests.models.build import ROUTERS, VOCAB, ids_of, top_k_of
from tests.models.world import one_rank

VALUE = 1.001  # bfloat16 rounds it to 1


def routed(router):
    part = MoE(num_experts=4, top_k=top_k_of(router), d_expert=5)
    return MoELayer(part, 8, VOCAB, ModelConfig(router=router))


def retrieving(norm):
    return PEERLayer(8, num_keys=4, num_heads=2, top_k=2, d_key=4, query_norm=norm)


MAKERS = {name: lambda router=router: routed(router) for name, router in ROUTERS.items()} | {
    f"PEER {norm}": lambda norm=norm: retrieving(norm) for norm in ("layernorm", "batchnorm", "none")
}


def steady_buffers(module):
    return {name: buffer for name, buffer in module.named_buffers() if buffer.is_floating_point()}


HOLDERS = [name for name, make in MAKERS.items() if steady_buffers(make())]


def filled(name):
    module = MAKERS[name]()
    for buffer in steady_buffers(module).values():
        buffer.fill_(VALUE)
    return module


@contextmanager
def default_bfloat16():
    torch.set_default_dtype(torch.bfloat16)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def swapping():
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        yield
    finally:
        torch.__future__.set_swap_module_params_on_conversion(False)


def made_by_default_type(name):
    with default_bfloat16():
        return filled(name)


def made_on_meta(name, cast=lambda module: module):
    with torch.device("meta"):
        module = cast(MAKERS[name]())
    module.to_empty(device="cpu")
    for each in module.modules():
        if hasattr(each, "reset_parameters"):
            each.reset_parameters()
    for buffer in steady_buffers(module).values():
        buffer.fill_(VALUE)
    return module


def loaded(name, state_of, **options):
    module = MAKERS[name]().bfloat16()
    module.load_state_dict(state_of(filled(name)), **options)
    return module


def saved(name):
    file = io.BytesIO()
    torch.save(filled(name).bfloat16(), file)
    file.seek(0)
    return torch.load(file, weights_only=False)


def set_by_hand(name):
    module = filled(name)
    for path, buffer in steady_buffers(module).items():
        owner, _, last = path.rpartition(".")
        setattr(module.get_submodule(owner), last, buffer.double().half())
        module.get_submodule(owner)._buffers[last].fill_(VALUE)
    return module


def swapped(name):
    with swapping():
        return loaded(name, lambda module: module.state_dict(), assign=True).bfloat16()


WAYS = {
    "default type": made_by_default_type,
    "bfloat16": lambda name: filled(name).bfloat16(),
    "half": lambda name: filled(name).half(),
    "to": lambda name: filled(name).to(torch.bfloat16),
    "there and back": lambda name: filled(name).bfloat16().float(),
    "type of another": lambda name: filled(name).to(torch.zeros(1, dtype=torch.float16)),
    "meta": made_on_meta,
    "meta in bfloat16": lambda name: made_on_meta(name, lambda module: module.bfloat16()),
    "state": lambda name: loaded(name, lambda module: module.state_dict()),
    "state by assignment": lambda name: loaded(name, lambda module: module.state_dict(), assign=True),
    "swapped tensors": swapped,
    "deepcopy": lambda name: copy.deepcopy(filled(name).bfloat16()),
    "pickle": lambda name: pickle.loads(pickle.dumps(filled(name).bfloat16())),
    "torch.save": saved,
    "by hand": set_by_hand,
}


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("way", WAYS)
def test_buffers_that_move_by_small_steps_keep_float32_and_their_values(name, way):
    for path, buffer in steady_buffers(WAYS[way](name)).items():
        assert buffer.dtype == torch.float32, path
        assert torch.equal(buffer, torch.full_like(buffer, VALUE)), path


@pytest.mark.parametrize("name", HOLDERS)
@pytest.mark.parametrize("assign", [True, False])
def test_a_state_in_bfloat16_leaves_them_float32(name, assign):
    def state_of(module):
        return {
            key: value.bfloat16() if value.is_floating_point() else value
            for key, value in module.state_dict().items()
        }

    for path, buffer in steady_buffers(loaded(name, state_of, assign=assign)).items():
        assert buffer.dtype == torch.float32, path


@pytest.mark.filterwarnings("ignore:FSDP2-wrapped module")  # of a layer alone, whose output is a view
@pytest.mark.parametrize("name", HOLDERS)
def test_wrappers_in_mixed_precision_leave_them_float32(name, tmp_path):
    with one_rank(tmp_path):
        sharded = filled(name)
        fully_shard(sharded, mp_policy=MixedPrecisionPolicy(param_dtype=torch.bfloat16))
        parallel = DistributedDataParallel(filled(name))
        for module in (sharded, parallel):
            args = (torch.randn(8, 8),) if name.startswith("PEER") else (torch.randn(2, 4, 8), ids_of(2, 4))
            module(*args)[0].float().sum().backward()
            for path, buffer in steady_buffers(module).items():
                assert buffer.dtype == torch.float32, path


@pytest.mark.parametrize("name", HOLDERS)
def test_steps_that_16_bits_would_lose_add_up(name):
    module = filled(name).bfloat16()
    for buffer in steady_buffers(module).values():
        for _ in range(1000):
            buffer += 1e-4
        torch.testing.assert_close(buffer, torch.full_like(buffer, VALUE + 0.1), rtol=1e-4, atol=0)


def test_wider_types_are_kept():
    for name in HOLDERS:
        assert all(buffer.dtype == torch.float64 for buffer in steady_buffers(MAKERS[name]().double()).values())
