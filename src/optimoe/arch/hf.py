"""``config.json`` of the Hugging Face format, in and out.

A family is a table of field names; reading never guesses: a field that changes a count and is missing is an
error, unless the family's own code defines its default (which is then the one used here).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optimoe.arch.spec import UNLIMITED_WINDOW, ArchSpec, Attention, DenseFFN, FeedForward, LayerGroup, MoE
from optimoe.core.config import load_json
from optimoe.core.errors import ConfigError, UnknownNameError

_WHEN_ABSENT: dict[str, dict[str, int]] = {
    "llama": {},
    "mistral": {"num_key_value_heads": 8, "sliding_window": 4096},
    "mixtral": {"num_key_value_heads": 8, "sliding_window": UNLIMITED_WINDOW},
}
"""What the configuration class of each family in ``transformers`` (4.40 and 5) takes for an absent field."""

FAMILIES = tuple(_WHEN_ABSENT)


def load_config(path: Path) -> ArchSpec:
    """Read a ``config.json``, or the one in a folder.

    Raises:
        ConfigError: It cannot be read, or a field is missing, of the wrong type or out of limits.
        UnknownNameError: A ``model_type`` that is not known.
    """
    path = path / "config.json" if path.is_dir() else path
    name = path.parent.name if path.name == "config.json" else path.stem
    return from_config(load_json(path), name=name)


def from_config(config: Mapping[str, Any], name: str) -> ArchSpec:
    """The architecture that a ``config.json`` describes.

    Raises:
        ConfigError: A field is missing, of the wrong type or out of limits.
        UnknownNameError: A ``model_type`` that is not known.
    """
    fields = _Fields(config)
    family = fields.text("model_type")
    if family not in FAMILIES:
        raise UnknownNameError("model_type", family, FAMILIES)
    group = LayerGroup(
        num_layers=fields.count("num_hidden_layers"),
        attention=_attention(fields, family),
        ffn=_ffn(fields, family),
    )
    return ArchSpec(
        name=name,
        vocab_size=fields.count("vocab_size"),
        d_model=fields.count("hidden_size"),
        layers=(group,),
        tied_embeddings=fields.flag("tie_word_embeddings"),
    )


def to_config(arch: ArchSpec) -> dict[str, Any]:
    """The ``config.json`` of a uniform stack: Mixtral when it routes, Mistral with a window, else Llama.

    Raises:
        ConfigError: The design has what these families lack (several layer kinds, shared experts, plain FFN).
    """
    if len(arch.layers) != 1:
        raise ConfigError(f"layers: config.json of {FAMILIES} has one kind of layer, got {len(arch.layers)}")
    (group,) = arch.layers
    attention, ffn = group.attention, group.ffn
    if not ffn.gated:
        raise ConfigError(f"gated: must be true for a config.json of {FAMILIES}, got False")
    config: dict[str, Any] = {
        "vocab_size": arch.vocab_size,
        "hidden_size": arch.d_model,
        "num_hidden_layers": group.num_layers,
        "num_attention_heads": attention.num_heads,
        "num_key_value_heads": attention.num_kv_heads,
        "head_dim": attention.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": arch.tied_embeddings,
    }
    window = None if attention.window_tokens == UNLIMITED_WINDOW else attention.window_tokens
    if isinstance(ffn, MoE):
        if ffn.num_shared_experts:
            raise ConfigError(f"num_shared_experts: must be 0 for mixtral, got {ffn.num_shared_experts}")
        return _without_biases(arch) | {
            "architectures": ["MixtralForCausalLM"],
            "model_type": "mixtral",
            **config,
            "intermediate_size": ffn.d_expert,
            "num_local_experts": ffn.num_experts,
            "num_experts_per_tok": ffn.top_k,
            "sliding_window": window,
        }
    if window:
        return _without_biases(arch) | {
            "architectures": ["MistralForCausalLM"],
            "model_type": "mistral",
            **config,
            "intermediate_size": ffn.d_ff,
            "sliding_window": window,
        }
    if attention.qkv_bias != attention.output_bias:
        raise ConfigError("qkv_bias: must equal output_bias for llama")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **config,
        "intermediate_size": ffn.d_ff,
        "attention_bias": attention.qkv_bias,
        "mlp_bias": ffn.bias,
    }


def _without_biases(arch: ArchSpec) -> dict[str, Any]:
    (group,) = arch.layers
    biased = group.attention.qkv_bias or group.attention.output_bias or getattr(group.ffn, "bias", False)
    if biased:
        raise ConfigError("qkv_bias, output_bias, bias: must be false for mistral and mixtral")
    return {}


def _attention(fields: "_Fields", family: str) -> Attention:
    num_heads = fields.count("num_attention_heads")
    bias = family == "llama" and fields.flag("attention_bias")
    absent = _WHEN_ABSENT[family]
    return Attention(
        num_heads=num_heads,
        num_kv_heads=fields.count(
            "num_key_value_heads", num_heads, absent=absent.get("num_key_value_heads", num_heads)
        ),
        head_dim=fields.count("head_dim") if fields.has("head_dim") else _even_head_dim(fields, num_heads),
        qkv_bias=bias,
        output_bias=bias,
        window_tokens=UNLIMITED_WINDOW
        if family == "llama"
        else fields.count("sliding_window", UNLIMITED_WINDOW, absent=absent["sliding_window"]),
    )


def _even_head_dim(fields: "_Fields", num_heads: int) -> int:
    d_model = fields.count("hidden_size")
    if d_model % num_heads:
        raise ConfigError(
            f"head_dim: missing, and hidden_size = {d_model} does not divide by {num_heads} heads"
        )
    return d_model // num_heads


def _ffn(fields: "_Fields", family: str) -> FeedForward:
    width = fields.count("intermediate_size")
    if family == "mixtral":
        return MoE(
            num_experts=fields.count("num_local_experts"),
            top_k=fields.count("num_experts_per_tok"),
            d_expert=width,
        )
    return DenseFFN(d_ff=width, bias=family == "llama" and fields.flag("mlp_bias"))


class _Fields:
    """Typed reading of a JSON object: the error names the field, what it must be and what it is."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def count(self, field: str, null: int = 0, absent: int = 0) -> int:
        """A positive integer, or what the family's code takes for null and for an absent field."""
        if field not in self._config and not absent:
            raise ConfigError(f"{field}: missing")
        value = self._config.get(field, absent)
        if value is None and null:
            return null
        if type(value) is not int or value <= 0:
            raise ConfigError(f"{field}: must be a positive integer, got {value!r}")
        return value

    def has(self, field: str) -> bool:
        """Whether the field is there and not null."""
        return self._config.get(field) is not None

    def flag(self, field: str) -> bool:
        """True or false; false when absent, as these families define it."""
        value = self._config.get(field, False)
        if type(value) is not bool:
            raise ConfigError(f"{field}: must be true or false, got {value!r}")
        return value

    def text(self, field: str) -> str:
        """A string that must be there."""
        value = self._config.get(field)
        if not isinstance(value, str):
            raise ConfigError(f"{field}: must be a string, got {value!r}")
        return value
