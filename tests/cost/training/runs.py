"""Models, runs and layouts that the tests of training share."""

from dataclasses import replace

from hypothesis import strategies as st

from optimoe.arch.catalog import find_model
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.cost.hardware.accelerator import Cluster, find_accelerator
from optimoe.cost.hardware.price import given_price
from optimoe.cost.training.estimate import TrainRun, predict
from optimoe.cost.training.layout import TrainLayout
from optimoe.cost.training.setup import TrainSetup

MIXTRAL = find_model("mixtral-8x7b")


def gpt(d_model=2048, num_layers=24, num_heads=16, vocab_size=51_200, experts=0):
    attention = Attention(num_heads=num_heads, num_kv_heads=num_heads, head_dim=d_model // num_heads)
    dense = DenseFFN(d_ff=4 * d_model, gated=False)
    ffn = MoE(num_experts=experts, top_k=2, d_expert=d_model) if experts else dense
    group = LayerGroup(num_layers=num_layers, mixer=attention, ffn=ffn)
    return ArchSpec(name="gpt", vocab_size=vocab_size, d_model=d_model, layers=(group,), tied_embeddings=True)


def run(gpus=64, gpu="h100-sxm", sequences=512, seq_len=4096, **setup):
    cluster = Cluster(accelerator=find_accelerator(gpu), num_gpus=gpus)
    return TrainRun(
        cluster=cluster,
        batch_tokens=sequences * seq_len,
        seq_len=seq_len,
        setup=TrainSetup(**setup),
        price=given_price(2.0),
    )


def even(arch, layout):
    """The layout with as many layers in each stage, as Megatron-LM deals them unless it is told."""
    return replace(layout, first_layers=arch.num_layers // layout.pp, last_layers=arch.num_layers // layout.pp)


def memory(arch, layout, question):
    return predict(arch, question, layout)[1]


LAYOUTS = st.builds(
    lambda tp, pp, dp, micro, zero, again, parallel: TrainLayout(
        tp=tp, pp=pp, dp=dp, micro_batch=micro, zero=zero, recompute=again, sequence_parallel=parallel
    ),
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([1, 2, 8, 64]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from(["none", "selective", "full"]),
    st.booleans(),
)
ARCHS = st.builds(
    lambda heads, layers, experts: gpt(128 * heads, layers, heads, experts=experts),
    st.sampled_from([8, 16, 40]),
    st.sampled_from([8, 16, 32]),
    st.sampled_from([0, 8, 64]),
)
