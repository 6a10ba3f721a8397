"""Which family of Hugging Face checkpoints is which architecture of llama.cpp, and what that always computes."""

from dataclasses import dataclass

from optimoe.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class EngineFamily:
    """How llama.cpp computes a family.

    What is listed here is fixed in its code, whatever a file states.

    Attributes:
        arch: Its word for the family.
        paired: Whether the two channels that turn together stand beside each other, and not half a head apart.
        normalised: Whether the gates of a token are divided by their sum; none where the file says so.
        groups: Whether experts may be chosen by the two best of groups.
        biases: Matrices that may have a bias.
        leading_dense: Whether the first layers may be dense and the others routed.
        grouped: Whether several heads may share a key.
        shared: Whether routed layers add a shared expert in any case.
    """

    arch: str
    paired: bool = False
    normalised: bool | None = None
    groups: bool = False
    biases: tuple[str, ...] = ()
    leading_dense: bool = False
    grouped: bool = True
    shared: bool = False


_QKV = ("q_proj", "k_proj", "v_proj")
_LLAMA = EngineFamily(
    arch="llama", paired=True, normalised=True, biases=(*_QKV, "o_proj", "gate_proj", "up_proj", "down_proj")
)
_DEEPSEEK = EngineFamily(arch="deepseek2", paired=True, groups=True, leading_dense=True, shared=True)

ENGINE_FAMILIES: dict[str, EngineFamily] = {
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "mixtral": _LLAMA,
    "qwen2": EngineFamily(arch="qwen2", biases=_QKV),
    "qwen3": EngineFamily(arch="qwen3"),
    "qwen2_moe": EngineFamily(arch="qwen2moe", normalised=False, biases=_QKV, shared=True),
    "qwen3_moe": EngineFamily(arch="qwen3moe", normalised=True),
    "olmoe": EngineFamily(arch="olmoe", normalised=False, grouped=False),
    "deepseek_v2": _DEEPSEEK,
    "deepseek_v3": _DEEPSEEK,
    "glm4_moe": EngineFamily(arch="glm4moe", groups=True, biases=_QKV, leading_dense=True, shared=True),
    "minimax_m2": EngineFamily(arch="minimax-m2", normalised=True),
    "granitemoe": EngineFamily(arch="granitemoe", paired=True, normalised=True),
}
"""By ``model_type``, as ``src/models`` of llama.cpp computes them."""


def find_engine_family(model_type: str) -> EngineFamily:
    """How llama.cpp computes a family.

    Raises:
        ConfigError: It is none that is written here.
    """
    if model_type not in ENGINE_FAMILIES:
        raise ConfigError(f"family: must be one of {', '.join(ENGINE_FAMILIES)} in GGUF, got {model_type}")
    return ENGINE_FAMILIES[model_type]
