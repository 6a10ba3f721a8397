"""Field tables and defaults that several families share."""

from dataclasses import replace

from optimoe.arch.hf.ffns import Routed
from optimoe.arch.hf.mixers import Gqa

TIED, UNTIED = {"tie_word_embeddings": True}, {"tie_word_embeddings": False}
BIAS = {"attention_bias": False}
MHA = {"num_key_value_heads": None}  # absent as null: as many as heads
QWEN_WINDOW = {"use_sliding_window": False, "max_window_layers": 28, "sliding_window": 4096}
SPARSE_STEP = {"decoder_sparse_step": 1, "mlp_only_layers": []}
BIASED = Gqa(qkv_bias="attention_bias", output_bias="attention_bias")
BIASED_MHA = replace(BIASED, null_kv=True)
NORMED = Gqa(qkv_bias="attention_bias", output_bias="attention_bias", qk_norm="head")
LOCAL = Routed(experts=("num_local_experts",), width=("intermediate_size",))
ALIASED = replace(LOCAL, experts=("num_local_experts", "num_experts"))
DEEPSEEK = Routed(experts=("n_routed_experts", "num_local_experts"), shared_count="n_shared_experts")
EXPERTS = ("num_experts", "num_local_experts")
QWEN_SHARED = Routed(shared_width="shared_expert_intermediate_size", shared_gate=True)
MTP = "num_nextn_predict_layers"
