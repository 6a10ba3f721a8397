"""Whatever decides computes in float32, in a model of 16 bits, under autocast, and from a file of 16 bits."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from optimoe.arch.parts import MoE
from optimoe.models.convert.hf import load_hf
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import find_router, router_kinds
from tests.models.build import ROUTERS, VOCAB, ids_of, top_k_of
from tests.models.convert.families import make_theirs

ALL = ROUTERS | {kind: find_router(kind)() for kind in router_kinds()}
FIELDS = ("expert_TK", "weight_TK", "score_TE", "logits_TE", "kept_TK", "baseline_T", "log_prob_T")


def in_type(state, dtype):
    return {key: value.to(dtype) if value.is_floating_point() else value for key, value in state.items()}


def narrow_and_wide(make, around):
    """A module of 16 bits in some way, and one of float32 with the same weights; the type of its inputs."""
    narrow, wide = make(), make()
    dtype = torch.float16 if around == "float16 file" else torch.bfloat16
    if around == "bfloat16":
        narrow = narrow.to(dtype)
    elif around == "float16 file":
        narrow.load_state_dict(in_type(narrow.state_dict(), dtype), assign=True)
    wide.load_state_dict(in_type(narrow.state_dict(), torch.float32))
    return narrow, wide, dtype


AROUND = pytest.mark.parametrize("around", ["bfloat16", "float16 file", "autocast"])


@pytest.mark.parametrize("training", [True, False])
@AROUND
@pytest.mark.parametrize("name", ALL)
def test_every_router_decides_in_float32(name, around, training):
    """The decision of a narrow model is that of float32 from the same narrow input and weights."""
    part = MoE(num_experts=16, top_k=top_k_of(ALL[name]), d_expert=4, router_bias=True)

    def make():
        torch.manual_seed(0)
        router = ALL[name].build(part, 32, VOCAB).train(training)
        router.reset_parameters(0.5)
        return router

    narrow, wide, dtype = narrow_and_wide(make, around)
    x_BSD, ids_BS = torch.randn(4, 16, 32).to(dtype), ids_of(4, 16)
    torch.manual_seed(1)
    with torch.autocast("cpu", dtype, enabled=around == "autocast"):
        got = narrow(x_BSD, ids_BS)
    torch.manual_seed(1)
    want = wide(x_BSD.float(), ids_BS)
    for field in FIELDS:
        if hasattr(want, field):
            assert torch.equal(getattr(got, field), getattr(want, field)), field


@AROUND
@pytest.mark.parametrize("gates", ["softmax", "sigmoid"])
@pytest.mark.parametrize("query_norm", ["layernorm", "batchnorm", "none"])
def test_product_keys_are_retrieved_in_float32(query_norm, gates, around):
    shape = {"num_keys": 16, "num_heads": 3, "top_k": 4, "d_key": 8, "query_norm": query_norm, "gates": gates}

    def make():
        torch.manual_seed(0)
        return PEERLayer(32, **shape)

    narrow, wide, dtype = narrow_and_wide(make, around)
    x_TD = torch.randn(64, 32).to(dtype)
    with torch.autocast("cpu", dtype, enabled=around == "autocast"):
        got = narrow(x_TD)[1]
    want = wide(x_TD.float())[1]
    assert torch.equal(got.expert_THK, want.expert_THK) and torch.equal(got.gate_THK, want.gate_THK)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", ["deepseek_v3", "gpt_oss"])
@torch.no_grad()
def test_a_checkpoint_in_16_bits_decides_in_float32(family, dtype, tmp_path):
    """Scores, balancing bias and gates of a loaded model are those of a float32 router with the file's numbers."""
    make_theirs(family).save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    save_file(in_type(load_file(file), dtype), file, metadata={"format": "pt"})
    model, seen = load_hf(tmp_path).eval(), []
    for router in model.routers.values():
        router.register_forward_hook(lambda router, given, made: seen.append((router, given[0], made)))
    model(ids_of(2, 12))
    assert [router for router, *_ in seen] == list(model.routers.values())
    for router, x_BSD, got in seen:
        assert x_BSD.dtype == router.weight.dtype == dtype
        want = router.float().forward(x_BSD.float())
        for field in FIELDS[:5]:
            assert torch.equal(getattr(got, field), getattr(want, field)), field
