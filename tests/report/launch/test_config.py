import json
from dataclasses import replace

import numpy as np
import pytest

from optimoe.planner.plan import plan
from optimoe.planner.problem.goal import LowestLoss
from optimoe.planner.problem.space import Space
from optimoe.report.launch.config import winner_config
from tests.planner.asked import problem

ROUTED = {"num_experts": (8,), "top_k": (2,)}
WINDOWS = {"attention": ("gqa-swa",), "window_tokens": (16,)}
LINEAR = {"attention": ("gqa-gdn",), "num_shared_experts": (1,)}
SPACES = {
    "dense": {"num_experts": (1,)},
    "routed": ROUTED,
    "shared": ROUTED | {"num_shared_experts": (1,)},
    "first dense": ROUTED | {"num_shared_experts": (1,), "first_dense_layers": (1,)},
    "every second": ROUTED | {"moe_every": (2,)},
    "latent": ROUTED | {"num_shared_experts": (1,), "first_dense_layers": (1,), "attention": ("mla",)},
    "latent dense": {"num_experts": (1,), "attention": ("mla",)},
    "windows": ROUTED | WINDOWS,
    "windows, shared, first dense": ROUTED | WINDOWS | {"num_shared_experts": (1,), "first_dense_layers": (1,)},
    "windows, every second": ROUTED | WINDOWS | {"moe_every": (2,)},
    "windows dense": {"num_experts": (1,)} | WINDOWS,
    "linear": ROUTED | LINEAR,
    "linear, first dense": ROUTED | LINEAR | {"first_dense_layers": (1,)},
    "linear dense": {"num_experts": (1,)} | LINEAR,
}


def winner(kind, **stated):
    small = Space(max_width=512, head_dim=64, num_kv_heads=(4,), vocab_size=512, **SPACES[kind])
    asked = problem(1e18, goal=LowestLoss(), space=small, serve_tokens=1e9)
    return plan(replace(asked, **stated))


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")  # a family's shared experts, none of them
@pytest.mark.parametrize("kind", SPACES)
def test_transformers_loads_a_winner_and_it_runs(kind, tmp_path):
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    result = winner(kind)
    (tmp_path / "config.json").write_text(json.dumps(winner_config(result)))
    loaded = transformers.AutoConfig.from_pretrained(tmp_path)
    model = transformers.AutoModelForCausalLM.from_config(loaded, dtype=torch.float32)
    named = model.named_parameters()  # biases by which a family balances its load are no part of a plan's design
    counted = sum(weights.numel() for name, weights in named if not name.endswith("e_score_correction_bias"))
    assert counted == result.choice.params.total
    with torch.no_grad():
        logits = model(torch.arange(32)[None]).logits
    assert logits.shape == (1, 32, 512)
    assert np.isfinite(logits.numpy()).all()
    assert loaded.max_position_embeddings == 4096
    assert loaded.rope_parameters["rope_theta"] == 10_000


def test_a_model_for_long_requests_has_their_positions():
    config = winner_config(winner("dense", max_context=131_072))
    assert (config["max_position_embeddings"], config["rope_theta"]) == (131_072, 500_000)
