"""Greedy generation beside that of transformers, with the same weights and both with their caches, in turns.

Tokens per second of the whole call: a prompt of 32 tokens and 128 new ones, of small routed models.

    python benchmarks/generation.py [--rounds 5] [--device cuda] [--families mixtral deepseek_v3] [--batches 1 16]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from optimoe.models.convert.hf import load_hf
from optimoe.models.inference.generate import generate
from optimoe.models.inference.sampling import Sampling

PROMPT, NEW, VOCAB = 32, 128, 1024
COMMON = {
    "vocab_size": VOCAB,
    "hidden_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_experts_per_tok": 2,
    "initializer_range": 0.1,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
}
LATENT = {"q_lora_rank": 128, "kv_lora_rank": 64, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32}
GROUPS = {"n_group": 1, "topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 0}
FAMILIES = {
    "mixtral": {"num_key_value_heads": 2, "intermediate_size": 512, "num_local_experts": 8},
    "deepseek_v3": {"num_key_value_heads": 8, "moe_intermediate_size": 512, "n_routed_experts": 8}
    | LATENT
    | GROUPS,
}


def seconds(run: Callable[[], object], device: str) -> float:
    """How long one call takes, with what it leaves to the device."""
    start = time.perf_counter()
    run()
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(family: str, asked: argparse.Namespace) -> None:
    """One line for each batch: theirs, ours, and the median ratio of the rounds."""
    theirs = AutoModelForCausalLM.from_config(AutoConfig.for_model(family, **COMMON, **FAMILIES[family])).eval()
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = load_hf(Path(folder)).eval().to(asked.device)
    theirs = theirs.to(asked.device)
    greedy = Sampling(max_new_tokens=asked.new, temperature=0.0)
    for rows in asked.batches:
        ids = torch.randint(0, VOCAB, (rows, PROMPT), device=asked.device)
        given = {"attention_mask": torch.ones_like(ids), "max_new_tokens": asked.new, "do_sample": False}

        def run_theirs(ids: Tensor = ids, given: dict = given) -> Tensor:
            return theirs.generate(ids, **given)[:, PROMPT:]

        def run_ours(ids: Tensor = ids) -> list[list[int]]:
            return generate(ours, ids, greedy).ids

        same = run_theirs().tolist() == run_ours()  # which also warms both up
        rounds = [
            (seconds(run_theirs, asked.device), seconds(run_ours, asked.device)) for _ in range(asked.rounds)
        ]
        one, other = (rows * asked.new / median(times) for times in zip(*rounds, strict=True))
        ratio = median(their_s / our_s for their_s, our_s in rounds)
        print(
            f"{family:12} batch {rows:3}   transformers {one:7,.0f} tok/s   optimoe {other:7,.0f} tok/s   "
            f"{ratio:.2f}×   {'the same tokens' if same else 'other tokens'}",
            flush=True,
        )


def main(words: Sequence[str]) -> None:
    """Print tokens per second and ratios."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--batches", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--new", type=int, default=NEW)
    asked = parser.parse_args(words)
    torch.manual_seed(0)
    for family in asked.families:
        compare(family, asked)


if __name__ == "__main__":
    main(sys.argv[1:])
