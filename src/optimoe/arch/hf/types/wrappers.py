"""Models of several modalities: where their language model stands, and what they say of it from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Config
from optimoe.core.config import build, load_facts
from optimoe.core.errors import require, shown

PARTS = ("text_config", "llm_config", "thinker_config", "language_config")
"""Tables that hold a language model inside another model."""
_TIED = "tie_word_embeddings"
_FORMATS = "quantization_config"
Find = Callable[[str], ConfigFamily | None]
"""From a ``model_type`` to its family."""


@dataclass(frozen=True, kw_only=True)
class Wrapper:
    """A model around a language model, as a row of ``types.toml`` states it.

    Attributes:
        text: The ``model_type`` of the language model where its table does not say.
        part: The table of the language model.
        fixed: Whether no other type may stand there.
        tied: Whether the head is the embedding's transpose where the wrapper does not say.
        tie: Who says so: the wrapper (``outer``); either of the two (``either``); the table (``inner``); the table
            where the wrapper is silent, as in files from before its word counted (``first``); both (``agree``);
            no one, where the head is a matrix of its own (``never``).
        flat: Whether the fields may stand in the wrapper itself.
        taken: Fields that the wrapper sets where the table lacks them.
        head: Whether the shape of an untied head is that of fields in the wrapper.
    """

    text: str
    part: str = "text_config"
    fixed: bool = False
    tied: bool = False
    tie: Literal["outer", "either", "inner", "first", "agree", "never"] = "outer"
    flat: bool = False
    taken: tuple[tuple[str, int], ...] = ()
    head: bool = False

    def inner(self, config: Config, model_type: str, find: Find) -> dict[str, Any]:
        """The configuration of the language model, with what the wrapper states of it.

        Args:
            config: The wrapper's fields.
            model_type: Its type.
            find: The family of a type.

        Raises:
            ConfigError: It is not there, is of another type, or who ties the head is not clear.
        """
        table = config.get(self.part)
        if table is None and self.flat:
            table = {name: value for name, value in config.items() if not isinstance(value, Mapping)}
            table.pop("model_type")
        require(isinstance(table, Mapping), self.part, f"the table of {model_type}'s language model", table)
        inner: dict[str, Any] = {**dict(self.taken), **(table or {})}
        stated = inner.setdefault("model_type", self.text)
        if self.fixed and isinstance(stated, str):
            where = f"{self.part}.model_type"
            same = stated == self.text or (find(stated) is not None and find(stated) is find(self.text))
            require(same, where, f"{self.text} in {model_type}", shown(stated))
        if _FORMATS in config:
            inner.setdefault(_FORMATS, config[_FORMATS])
        family = find(stated) if isinstance(stated, str) else None
        tied = self._tied(config.get(_TIED), inner.get(_TIED), family.defaults.get(_TIED) if family else None)
        for name in ("hidden_size", "vocab_size") if self.head and not tied else ():
            require(
                config.get(name) == inner.get(name),
                name,
                f"that of {self.part}, which the head has",
                config.get(name),
            )
        return inner if tied is None else inner | {_TIED: tied}

    def _tied(self, outer: Any, own: Any, otherwise: Any) -> Any:
        """Whether the head is the embedding's transpose; none where the table's own class says.

        Args:
            outer: What the wrapper states, if it does.
            own: What the table states, if it does.
            otherwise: What the class of the table takes, where it takes anything.
        """
        if self.tie == "never":
            require(not outer, _TIED, "false: the wrapper's class ties no head", outer)
            return False
        if self.tie == "inner":
            return own
        if self.tie == "agree":
            require(None in (own, outer) or own == outer, _TIED, f"one value, in {self.part} too", outer)
        if self.tie in ("first", "agree"):
            return own if outer is None else outer
        taken = self.tied if outer is None else outer
        if self.tie == "either":
            return taken or own
        if outer is None:
            said = otherwise if own is None else own
            limit = f"stated beside {self.part}: the two classes differ in it"
            require(said is None or said == self.tied, _TIED, limit, None)
        return taken


@cache
def wrappers() -> dict[str, Wrapper]:
    """The wrappers that are known, by ``model_type``."""
    rows = load_facts("optimoe.arch", "types.toml")["wrappers"]
    return {name: build(Wrapper, row, f"types.toml: {name}") for name, row in rows.items()}


def left_out(config: Config, model_type: str) -> str:
    """What stands around the language model and is not counted, in words."""
    tables = [name for name, value in config.items() if isinstance(value, Mapping) and name.endswith("_config")]
    others = [name for name in tables if name not in (*PARTS, _FORMATS)]
    return f"the language model of {model_type} alone, without {', '.join(others) or 'what is around it'}"


def inner_part(config: Config) -> tuple[str, str]:
    """The table of a language model inside a model that is not known, and its type; empty where there is none."""
    for part in PARTS:
        table = config.get(part)
        if isinstance(table, Mapping) and isinstance(table.get("model_type"), str):
            return part, table["model_type"]
    return "", ""


def within(part: str, error: Exception) -> str:
    """The text of an error in the table of a language model, which names the table."""
    return f"{part}.{error}"
