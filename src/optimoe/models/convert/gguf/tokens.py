"""A ``tokenizer.json`` as the fields of a GGUF file, where llama.cpp comes to the same ids."""

from collections.abc import Mapping
from typing import Any

from optimoe.core.errors import require

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5
"""Types of tokens, by GGUF's numbers: text, no text, text that is found whole, no token."""

_SPLIT = {"add_prefix_space": False, "use_regex": True}
"""Byte-level text cut as GPT-2 cuts it, which llama.cpp calls gpt-2."""


def token_fields(tokenizer: Mapping[str, Any], vocab_size: int, end_of_text: int) -> dict[str, Any]:
    """The fields of a byte-level BPE tokenizer, by name.

    Args:
        tokenizer: The content of its ``tokenizer.json``.
        vocab_size: Rows of the model's embedding; those beyond the tokenizer's are of no token.
        end_of_text: The id that ends a text and is put before it.

    Raises:
        ConfigError: It is no byte-level BPE, or cuts text in another way than GPT-2's: ids would differ.
    """
    model, cut = tokenizer["model"], tokenizer.get("pre_tokenizer") or {}
    require(model.get("type") == "BPE", "tokenizer: model", "BPE in GGUF", model.get("type"))
    gpt_2 = cut.get("type") == "ByteLevel" and {key: cut.get(key, True) for key in _SPLIT} == _SPLIT
    gpt_2 &= not tokenizer.get("normalizer") and not model.get("ignore_merges")
    require(gpt_2, "tokenizer: pre_tokenizer", "ByteLevel as GPT-2's in GGUF, without a normalizer", cut)
    tokens = [f"[UNUSED{number}]" for number in range(vocab_size)]
    types = [UNUSED] * vocab_size
    for token, number in model["vocab"].items():
        tokens[number], types[number] = token, NORMAL
    for added in tokenizer.get("added_tokens", []):
        tokens[added["id"]] = added["content"]
        types[added["id"]] = CONTROL if added["special"] else USER_DEFINED
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    never = f"{tokens[end_of_text]} {tokens[end_of_text]}"  # llama.cpp asks for one merge at the least
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.merges": merges or [never],
        "tokenizer.ggml.bos_token_id": end_of_text,
        "tokenizer.ggml.eos_token_id": end_of_text,
        "tokenizer.ggml.add_bos_token": True,
    }
