"""Parts refuse what is out of limits."""

import pytest

from optimoe.arch.parts import PEER, Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Attention(num_heads=0, num_kv_heads=1, head_dim=1), "num_heads"),
        (lambda: Attention(num_heads=6, num_kv_heads=4, head_dim=1), "num_kv_heads"),
        (lambda: DenseFFN(d_ff=-1), "d_ff"),
        (lambda: MoE(num_experts=2, top_k=3, d_expert=1), "top_k"),
        (lambda: MoE(num_experts=2, top_k=1, d_expert=1, num_shared_experts=1), "d_shared"),
        (lambda: PEER(num_keys=4, num_heads=1, top_k=5, d_key=2), "top_k"),
        (lambda: PEER(num_keys=4, num_heads=1, top_k=1, d_key=3), "d_key"),
        (lambda: ArchSpec(name="x", vocab_size=1, d_model=1, layers=()), "layers"),
    ],
)
def test_a_part_out_of_limits_names_its_field(make, words):
    with pytest.raises(ConfigError, match=words):
        make()
