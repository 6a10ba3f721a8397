"""The designs that the texts of 2022 to 2024 compare: experts of one width, none shared, of every depth."""

from optimoe.planner.problem.space import Space

OF_TEXTS = Space(
    num_experts=(1,),
    top_k=(1,),
    max_active_share=1.0,
    ffn_ratio=(3.0,),
    dense_ffn_ratio=(3.0,),
    num_shared_experts=(0,),
    attention=("mha",),
    first_dense_layers=(0,),
    min_aspect=64.0,
    max_aspect=128.0,
    heads_step=1,
    vocab_size=50_304,
    depth_step=1,
)
"""A key-value head for each head, aspect ratios 64 to 128, a gated feed-forward of 3·d, GPT-2's vocabulary in a
multiple of 64 (Ludziejewski 2025, Sec. 4); each text then states its own experts, widths and heads."""
