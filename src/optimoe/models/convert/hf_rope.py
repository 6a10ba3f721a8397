"""Rotary positions as a ``config.json`` states them: base, share of the channels, scaling."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from optimoe.arch.hf.fields import rope_kind, stated_rope
from optimoe.core.errors import ConfigError, require
from optimoe.models.attention.rope import SCALINGS, RopeScaling, Rotary
from optimoe.models.convert.hf_families import Names

_THEIRS = {"original_positions": "original_max_position_embeddings"}
_PLAIN = ("rope_type", "type", "rope_theta", "partial_rotary_factor")


def read_rotary(config: Mapping[str, Any], names: Names) -> Rotary:
    """Rotary positions of a configuration, in the words of ``transformers`` 5 (``rope_parameters``) or before.

    Raises:
        ConfigError: The base is missing, or the positions are of a kind that is not built here.
    """
    rope = stated_rope(config.get) or {}
    require(isinstance(rope, Mapping), "rope_parameters", "a table", rope)
    theta = rope.get("rope_theta", config.get("rope_theta"))
    if not isinstance(theta, int | float):
        raise ConfigError(f"rope_theta: must be given, got {theta}")
    require(config.get("rope_interleave", True), "rope_interleave", "true", False)
    return Rotary(theta=float(theta), share=_read_share(config, rope, names), scaling=_read_scaling(config, rope))


def _read_share(config: Mapping[str, Any], rope: Mapping[str, Any], names: Names) -> float:
    stated = rope.get("partial_rotary_factor", config.get("partial_rotary_factor"))
    if stated is None and config.get("rotary_dim") is not None:  # MiniMax counts channels
        stated = config["rotary_dim"] / config["head_dim"]
    if not names.rotary_share:
        require(stated in (None, 1.0), "partial_rotary_factor", "left out", stated)
    return float(stated or names.rotary_share or 1.0)


def _read_scaling(config: Mapping[str, Any], rope: Mapping[str, Any]) -> RopeScaling:
    kind = rope_kind(rope)
    if kind == "default":
        kind = "none"
    require(kind in SCALINGS, "rope_type", f"one of default, {', '.join(list(SCALINGS)[1:])}", kind)
    found = {name: value for name, value in rope.items() if name not in _PLAIN and value is not None}
    options: dict[str, Any] = {}
    for field in fields(SCALINGS[kind]):
        name = _THEIRS.get(field.name, field.name)
        if name in found:
            options[field.name] = field.type(found.pop(name)) if field.type in (int, float) else found.pop(name)
    if "original_positions" in SCALINGS[kind].__dataclass_fields__:
        outer = config.get("original_max_position_embeddings") or config.get("max_position_embeddings")
        options.setdefault("original_positions", outer)
    if found:
        raise ConfigError(f"rope_parameters: {', '.join(sorted(found))} is not understood beside rope_type {kind}")
    require("factor" in options or kind == "none", "rope_parameters: factor", f"given beside {kind}", None)
    return SCALINGS[kind](**options)


def written_rotary(rotary: Rotary, names: Names, model_type: str) -> dict[str, Any]:
    """The fields of ``config.json`` that state rotary positions.

    Raises:
        ConfigError: The family turns whole heads, and the model does not.
    """
    scaling = rotary.scaling
    share = bool(names.rotary_share) or rotary.share == 1
    require(share, "rotary: share", f"1 in {model_type}", rotary.share)
    rope: dict[str, Any] = {"rope_type": "default" if scaling.kind == "none" else scaling.kind}
    rope["rope_theta"] = rotary.theta
    if names.rotary_share:
        rope["partial_rotary_factor"] = rotary.share
    if scaling.kind != "none":
        stated = {_THEIRS.get(one.name, one.name): getattr(scaling, one.name) for one in fields(scaling)}
        rope |= {name: value for name, value in stated.items() if value or value is False}  # 0.0: left out
    return {"rope_theta": rotary.theta, "rope_parameters": rope}
