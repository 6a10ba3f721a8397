"""Peak rate and batch of a run by published rules, named by their law or its paper."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from optimoe.arch.hf import from_config
from optimoe.arch.spec import ArchSpec
from optimoe.core.errors import ConfigError, UnknownNameError, require
from optimoe.core.run import AskedRun, RunSpec
from optimoe.core.run.asked import BATCH, PEAK_RATE
from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.domain.reach import symbol_words
from optimoe.laws.law import Law
from optimoe.laws.prediction.predict import reach_of

OUTPUTS = {PEAK_RATE: "lr", BATCH: "batch_tokens"}
"""What laws call the numbers that they may give a run."""


@dataclass(frozen=True, kw_only=True)
class RuleValue:
    """A number that a published rule gives.

    Attributes:
        value: The number.
        source: Paper and place.
        at: What the rule was asked at, by its own symbols.
        careful: What lies outside of its runs, or is not known of them.
    """

    value: float
    source: str
    at: dict[str, float]
    careful: tuple[str, ...]

    @property
    def words(self) -> str:
        """Where the number is from, in a line."""
        at = ", ".join(f"{symbol} = {symbol_words(symbol, number)}" for symbol, number in self.at.items())
        careful = f". Careful: {'; '.join(self.careful)}" if self.careful else ""
        return f"{self.source}, at {at}{careful}"


def rule_value(field: str, name: str, arch: ArchSpec, tokens: int, batch_tokens: int = 0) -> RuleValue:
    """The peak rate or the batch of a run by a rule.

    Args:
        field: Of a run, a key of :data:`OUTPUTS`.
        name: Of the rule's law, such as ``deepseek2024-hparams``, or the beginning of one name: ``deepseek``.
        arch: What is trained.
        tokens: D.
        batch_tokens: Of the run; 0 where it is what is asked for.

    Raises:
        UnknownNameError: No such rule; the text lists the nearest.
        ConfigError: The name is that of several, or the rule has no number for such a model.
    """
    law, symbol = _rule(field, name), OUTPUTS[field]
    plain = {"D": tokens, "d_model": arch.d_model, "batch_tokens": batch_tokens}
    needed = law.required(symbol)
    known = plain if set(needed) <= plain.keys() else law.arch_inputs(arch, tokens)
    at = {one: float(known[one]) for one in needed}
    value = float(law.evaluate(symbol, at))
    require(0 < value < math.inf, f"{field} by {law.name}", "positive and finite", value)
    reach = reach_of(law, symbol, at, value)
    unstated = f"its runs' {' and '.join(reach.unstated)} not stated" if reach.unstated else ""
    careful = (*(one.words for one in reach.beyond), *law.row.domain.judge(arch, ()).concerns, unstated)
    return RuleValue(value=value, source=law.row.source, at=at, careful=tuple(filter(None, careful)))


def settled(asked: AskedRun, say: Callable[[str], None] = lambda _: None) -> RunSpec:
    """The run that is asked for, with the numbers of its rules, and in its notes where they are from.

    The batch comes first, in whole sequences and at most the run's tokens, as some rates depend on it.

    Args:
        asked: Which.
        say: Is told each number and where it is from.

    Raises:
        UnknownNameError: No such rule; the text lists the nearest.
        ConfigError: The name is that of several, or the rule has no number for such a model.
    """
    run, told = asked.run, []
    arch = from_config(run.architecture, run.name) if asked.batch_rule or asked.rate_rule else None
    if arch is not None and asked.batch_rule:
        found = rule_value(BATCH, asked.batch_rule, arch, run.tokens)
        batch = max(1, round(min(found.value, run.tokens) / run.seq_len)) * run.seq_len
        run = replace(run, batch_tokens=batch)
        told.append(f"Batch of {batch:,} tokens by {found.words}.")
    if arch is not None and asked.rate_rule:
        found = rule_value(PEAK_RATE, asked.rate_rule, arch, run.tokens, run.batch_tokens)
        run = replace(run, schedule=replace(run.schedule, peak_rate=found.value))
        told.append(f"Peak rate {found.value:.3g} by {found.words}.")
    for line in told:
        say(f"{run.name}: {line}")
    return replace(run, notes=" ".join(filter(None, (run.notes, *told))))


def _rule(field: str, name: str) -> Law:
    """The law of a rule.

    Raises:
        UnknownNameError: There is none.
        ConfigError: There are several.
    """
    known = [law for law in law_names() if OUTPUTS[field] in find_law(law).outputs]
    found = [name] if name in known else [law for law in known if law.startswith(name)]
    if not found:
        raise UnknownNameError(field, name, known)
    if len(found) > 1:
        raise ConfigError(f"{field}: must be one rule, got {name!r}, with which {', '.join(found)} begin")
    return find_law(found[0])
