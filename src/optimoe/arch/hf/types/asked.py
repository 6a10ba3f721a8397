"""An unknown type read as a known family, because its user says so: nothing is taken for granted."""

from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Config, Fields
from optimoe.core.errors import ConfigError, shown

_NO_COUNT = {
    "_attn_implementation", "_name_or_path", "architectures", "attn_implementation", "auto_map", "dtype",
    "gradient_checkpointing", "initializer_range", "max_position_embeddings", "model_type", "name_or_path",
    "original_max_position_embeddings", "output_attentions", "output_hidden_states", "output_router_logits",
    "pretraining_tp", "quantization_config", "rope_interleave", "rope_theta", "router_aux_loss_coef",
    "router_jitter_noise", "torch_dtype", "transformers_version", "use_cache",
}  # fmt: skip
"""Fields that change no count in any family that has them."""
_NO_COUNT_ENDS = ("_token_id", "_dropout", "_pdrop")
"""Ends of the names of such fields."""
_OFF = {"layer_types": None, "sliding_window": None, "use_sliding_window": False}
"""Values by which a field that would change the layers says that it does not."""
_GATED = {"hidden_act": "silu", "hidden_activation": "gelu_pytorch_tanh"}
"""The activation of gated feed-forwards by the field that states it, where a family has no other one."""
_UNGATED = ("gelu", "gelu_fast", "gelu_new", "gelu_pytorch_tanh", "relu", "relu2")
"""Activations of feed-forwards of two matrices."""
_EPS = {"rms": ("rms_norm_eps",)}
"""The field that every file of a family has by the kind of its norms."""
_OTHER_EPS = ("layer_norm_eps", "norm_eps", "layer_norm_epsilon")
_MOST = 4
"""Fields that an error line lists."""


def require_understood(
    config: Config, fields: Fields, family: ConfigFamily, model_type: str, as_family: str
) -> None:
    """Refuse a reading that would rest on anything but what the file states.

    Whether feed-forwards are gated stands in the activation, the kind of the norms in the name of their epsilon;
    biases, head widths, tied embeddings and whatever else the family would take for an absent field must be there;
    and a field that the family does not read may mean a part of its own.

    Args:
        config: The file's fields.
        fields: What the family asked of them.
        family: The family.
        model_type: The type that the file states.
        as_family: The family's name.

    Raises:
        ConfigError: A field is absent, or means something else or nothing there; the text names it.
    """
    act, acts, eps = family.dense.activation, _activations(family), _epsilons(family)
    whole = f"to read {shown(model_type, 30)} as {as_family}"
    strange = not_understood(config, fields.asked, family)
    if strange:
        raise ConfigError(f"{listed(strange)}: not understood {whole}")
    absent = sorted(fields.assumed)
    for names in (acts, eps):
        absent += [] if any(name in config for name in names) else [names[0]]
    if absent:
        raise ConfigError(f"{listed(absent)}: must be stated {whole}, nothing is taken for granted")
    usual = (family.fixed[act],) if act in family.fixed else (_GATED[act],) if family.dense.gated else _UNGATED
    stated = next(config[name] for name in acts if name in config)
    if stated not in usual:
        raise ConfigError(f"{act}: must be {' or '.join(usual)} {whole}, got {shown(str(stated), 30)}")


def not_understood(config: Config, asked: set[str], family: ConfigFamily) -> list[str]:
    """The fields of a file that may mean a part that a family has not, in order.

    Args:
        config: The file's fields.
        asked: Those that the family reads.
        family: The family.
    """
    off = {name for name, value in _OFF.items() if config.get(name, value) == value}
    known = asked | set(family.only) | _NO_COUNT | off | {*_epsilons(family), *_activations(family)}
    return sorted(name for name in config if name not in known and not name.endswith(_NO_COUNT_ENDS))


def listed(names: list[str], most: int = _MOST) -> str:
    """The first of some fields, and how many more there are."""
    some = ", ".join(shown(name, 30) for name in names[:most])
    return some if len(names) <= most else f"{some} and {len(names) - most} more"


def _activations(family: ConfigFamily) -> list[str]:
    """The names of the field that states the activation."""
    act = family.dense.activation
    return [act, *(alias for alias, name in family.aliases.items() if name == act)]


def _epsilons(family: ConfigFamily) -> tuple[str, ...]:
    """The names of the field that states the norms' epsilon."""
    return _EPS.get(family.norm, _OTHER_EPS)
