"""JSON of counted models."""

import math
import subprocess
import sys

import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.count import count
from optimoe.arch.parts import MoE
from optimoe.core.records import to_record
from optimoe.report.records.arch import count_record, design_record


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("mixtral-8x7b", {"num_kv_heads": 8, "d_expert": 14336}, {"d_ff", "kv_lora_rank", "num_recurrent_layers"}),
        ("llama-3.1-8b", {"d_ff": 14336, "num_experts": 1, "top_k": 1}, {"d_expert", "num_moe_layers"}),
        ("deepseek-v3", {"kv_lora_rank": 512, "d_ff": 18432, "num_moe_layers": 58}, {"head_dim", "num_kv_heads"}),
    ],
)
def test_a_shape_has_only_what_the_model_has(name, there, absent):
    record = to_record(design_record(find_model(name)))
    assert there.items() <= record.items()
    assert not absent & record.keys()


@pytest.mark.parametrize("name", ["mixtral-8x7b", "deepseek-v3", "llama-3.1-8b"])
def test_parts_sum_to_the_totals(name):
    spec = find_model(name)
    record = count_record(spec, count(spec))
    parts = to_record(record.parts)
    assert sum(parts.values()) - parts["routed_experts_active"] == record.params_total
    assert math.isclose(sum(to_record(record.flops_parts.decode).values()), record.flops_per_token.decode)
    assert record.params_total - record.params_active == parts["routed_experts"] - parts["routed_experts_active"]
    assert record.sparsity == (1 - spec.moe.top_k / spec.moe.num_experts if isinstance(spec.moe, MoE) else 0)


def test_a_guessed_shape_says_whose_guess_it_is_and_a_published_one_nothing():
    assert to_record(design_record(find_model("gpt-4")))["speculated"] == "Epoch AI, December 2024"
    assert "speculated" not in to_record(design_record(find_model("gpt-3")))


def test_a_model_is_counted_without_the_planner_or_numpy():
    code = (
        "import sys; from optimoe.app.main import app; app(['arch', 'mixtral-8x7b', '--json']); "
        "heavy = {'numpy', 'scipy', 'optimoe.planner', 'optimoe.laws', 'optimoe.cost'}; "
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
