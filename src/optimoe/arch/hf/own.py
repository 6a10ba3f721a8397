"""An architecture as plain values, for what no family of ``config.json`` expresses: ``model_type = "optimoe"``.

The fields are those of :class:`~optimoe.arch.spec.ArchSpec` without its name, ``layers`` a list of groups from the
input up, mixer and feed-forward tables by ``kind``; what is as by default is left out. As TOML::

    model_type = "optimoe"
    vocab_size = 257
    d_model = 64
    [[layers]]
    num_layers = 4
    mixer = { kind = "attention", num_heads = 4, num_kv_heads = 2, head_dim = 16 }
    ffn = { kind = "peer", num_keys = 32, num_heads = 2, top_k = 8, d_key = 16 }

A table ``model`` beside them is for who builds the model: its function, which no count depends on.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar, get_type_hints

from optimoe.arch.ends.parts import EndMatrix, EndTable
from optimoe.arch.hf.fields import Config
from optimoe.arch.parts import BESIDE, FEED_FORWARDS, MIXERS, STREAMS, DenseFFN, read_part
from optimoe.arch.precision.parts import CheckpointPrecisions, LayerPrecisions
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.config import build, convert, stated_table
from optimoe.core.errors import require, require_choice

OWN = "optimoe"
"""The ``model_type`` of this form."""

FUNCTION = "model"
"""The table beside the architecture's fields."""

_ENDS: dict[str, type] = {"tables": EndTable, "projections": EndMatrix}
"""Lists of what stands beside the layers."""

Part = TypeVar("Part")


def own_config(arch: ArchSpec) -> dict[str, Any]:
    """The plain values of one design, which :func:`read_own` reads back equal."""
    table = {name: value for name, value in stated_table(arch).items() if name not in ("name", "layers", *_ENDS)}
    for name in _ENDS:
        table |= {name: ends} if (ends := [stated_table(end) for end in getattr(arch, name)]) else {}
    return {"model_type": OWN, **table, "layers": [_written(group) for group in arch.layers]}


def _written(group: LayerGroup) -> dict[str, Any]:
    tables = (MIXERS, FEED_FORWARDS, BESIDE, STREAMS)  # of which two have a kind "none"
    kinds = {part: kind for table in tables for kind, part in table.items()}
    table = stated_table(group)
    for name in ("mixer", "ffn"):
        table[name] = {"kind": kinds[type(getattr(group, name))], **table[name]}
    if group.streams is not None:
        table["streams"] = {"kind": kinds[type(group.streams)], **table["streams"]}
    if group.beside:
        table["beside"] = [{"kind": kinds[type(part)], **stated_table(part)} for part in group.beside]
    return table


def read_own(config: Config, name: str) -> ArchSpec:
    """The architecture of plain values.

    Args:
        config: Fields by name, ``model_type`` and ``model`` passed over.
        name: What to call it.

    Raises:
        ConfigError: A field is missing, has the wrong type or is out of its limits.
        UnknownNameError: No such field, kind or option; the text names the nearest.
    """
    table = {field: value for field, value in config.items() if field not in ("model_type", FUNCTION)} | {
        "name": name
    }
    layers = table.get("layers")
    listed = isinstance(layers, list | tuple) and len(layers) > 0
    require(listed, "layers", "a list of tables, one or more", layers)
    groups = tuple(_group(group, f"layers {number}") for number, group in enumerate(layers or (), 1))
    parts: dict[str, Any] = {"layers": groups}
    if "precisions" in table:
        parts["precisions"] = build(CheckpointPrecisions, table["precisions"], "precisions")
    for name, end in _ENDS.items():
        listed = isinstance(table.get(name, []), list | tuple)
        require(listed, name, "a list of tables", table.get(name))
        parts |= {name: tuple(build(end, row, name) for row in table[name])} if name in table else {}
    return _made(ArchSpec, table, parts, "architecture")


def _group(table: Any, where: str) -> LayerGroup:
    require(isinstance(table, Mapping), where, "a table", table)
    parts: dict[str, Any] = {}
    for name, kinds in (("mixer", MIXERS), ("ffn", FEED_FORWARDS)):
        if name in table:
            parts[name] = read_part(kinds, table[name], f"{where}: {name}")
    if "beside" in table:
        listed = isinstance(table["beside"], list | tuple)
        require(listed, f"{where}: beside", "a list of tables", table["beside"])
        parts["beside"] = tuple(read_part(BESIDE, part, f"{where}: beside") for part in table["beside"])
    if "streams" in table:
        require(isinstance(table["streams"], Mapping), f"{where}: streams", "a table", table["streams"])
        parts["streams"] = read_part(STREAMS, table["streams"], f"{where}: streams")
    plain: dict[str, type] = {"residual": DenseFFN, "precisions": LayerPrecisions}
    for name, part in plain.items():
        if name in table:
            require(isinstance(table[name], Mapping), f"{where}: {name}", "a table", table[name])
            parts[name] = build(part, table[name], f"{where}: {name}")
    return _made(LayerGroup, table, parts, where)


def _made(cls: type[Part], table: Mapping[str, Any], parts: Mapping[str, Any], where: str) -> Part:
    """A dataclass of plain fields, and of those that are read already."""
    known, hints = fields(cls), get_type_hints(cls)  # type: ignore[arg-type]
    for name in table:
        require_choice(name, f"{where}: field", [field.name for field in known])
    for field in known:
        there = field.name in table or field.default is not MISSING or field.default_factory is not MISSING
        require(there, f"{where}: {field.name}", "given", None)
    plain = {name: value for name, value in table.items() if name not in parts}
    return cls(**parts, **{name: convert(value, hints[name], f"{where}: {name}") for name, value in plain.items()})
