"""The formats of a plan's deployment as options of a serving engine, and what must be made before it can serve."""

from collections.abc import Mapping

from optimoe.arch.memory import main_format
from optimoe.cost.engines.formats import format_words
from optimoe.planner.candidate import Candidate

ONLINE = ("fp8",)
"""What engines quantise to while they load a checkpoint in bf16: vLLM docs, Quantization, FP8; SGLang docs, Server
Arguments, ``--quantization``."""

TOOLS = {
    "int8": "llm-compressor, scheme W8A8",
    "int4": "llm-compressor, scheme W4A16",
    "nvfp4": "llm-compressor, scheme NVFP4, or NVIDIA's modelopt",
    "mxfp4": "AMD's Quark",
}
"""What makes a checkpoint in the other formats; engines then read them from its quantization_config."""


def format_options(choice: Candidate, cache_words: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Options of an engine for the formats of weights and cache, and comments on what an option cannot say.

    Args:
        choice: The planned design and its deployment.
        cache_words: The engine's word for ``--kv-cache-dtype`` by format of the cache.
    """
    served, cache = choice.deployment.serves(choice.spec), choice.deployment.cache_format(choice.spec)
    options, comments = list[str](), list[str]()
    weights, words = main_format(served), format_words(served)
    if weights in ONLINE and not any(words.startswith(f"{part} ") for part in ("experts", "attention")):
        options += ["--quantization", weights]
    elif words != "bf16":
        tool = f" ({TOOLS[weights]})" if weights in TOOLS else ""
        comments.append(f"Planned with weights {words}: quantise winner first{tool}, and serve the result.")
    if cache in cache_words:
        options += ["--kv-cache-dtype", cache_words[cache]]
    elif cache != "bf16":
        comments.append(f"Planned with a cache in {cache}, which this engine does not have.")
    return options, comments
