"""In which formats the weights of a served model are stored: by part, and in a few words."""

from collections.abc import Iterable, Mapping

from optimoe.arch.memory import weight_formats
from optimoe.arch.precision.formats import PLAIN_FORMAT
from optimoe.arch.spec import ArchSpec

NAMES = {
    "routed_experts": "experts",
    "shared_experts": "shared experts",
    "dense_ffn": "feed-forward",
    "attention": "attention",
    "recurrent": "recurrent layers",
    "router": "router",
    "embedding": "embedding",
    "unembedding": "head",
}
"""Parts of a model in words, what is most often quantised first; norms are bf16 always and not spoken of."""

SPOKEN = {
    "nvfp4": "nvfp4",
    "mxfp4": "mxfp4",
    "fp8": "fp8",
    "awq": "int4",
    "gptq": "int4",
    "int4": "int4",
    "w8a8": "int8",
}
"""What the name of a checkpoint says of its weights, by the word in it."""


def format_warning(served: ArchSpec) -> str:
    """What a reader must know of the formats of a model as it is served; empty where that is nothing.

    What was left out in reading its checkpoint; or that its name says a format which its files do not state.
    """
    if served.precisions.warning or served.precisions.source:
        return served.precisions.warning
    word = next((word for word in SPOKEN if word in served.name.lower()), "")
    if not word:
        return ""
    return (
        "no formats are stated (no quantization_config, no hf_quant_config.json beside it), "
        f"taken as {PLAIN_FORMAT}; --precision {SPOKEN[word]} takes the name at its word"
    )


def format_words(arch: ArchSpec) -> str:
    """The formats of a model's weights in a few words: ``experts mxfp4, rest bf16``, or one where all are of it.

    Where all products of the layers are of one quantised format it stands first: ``fp8; embedding, head bf16``. A
    part whose exceptions stay bf16 is ``fp8/bf16``, the format of most of it first.
    """
    formats = weight_formats(arch)
    parts = {part: "/".join(formats[part]) for part in NAMES if part in formats}
    words = set(parts.values())
    if len(words) == 1:
        return words.pop()
    quantised = {part: word for part, word in parts.items() if word != PLAIN_FORMAT}
    plain = [part for part in parts if part not in quantised]
    if set(plain) <= {"router", "embedding", "unembedding"} and len(set(quantised.values())) == 1:
        return f"{next(iter(quantised.values()))}; {_named(plain)} {PLAIN_FORMAT}"
    said = ", ".join(f"{_named(same)} {word}" for word, same in _grouped(quantised).items())
    return f"{said}, rest {PLAIN_FORMAT}" if plain else said


def _grouped(parts: Mapping[str, str]) -> dict[str, list[str]]:
    """Parts by their word, in order."""
    return {word: [part for part, own in parts.items() if own == word] for word in dict.fromkeys(parts.values())}


def _named(parts: Iterable[str]) -> str:
    return ", ".join(NAMES[part] for part in parts)
