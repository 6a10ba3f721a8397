"""The same design and the same budget under every law: what each says and where it was fitted.

Losses of two papers are on different corpora: what can be compared is the difference to each law's own
dense model, and what each law would decide.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from optimoe.arch.design import dense_twin
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import ConfigError, InputError, require
from optimoe.laws.catalog import find_law, law_names
from optimoe.laws.domain import ALIASES, decades_outside
from optimoe.laws.effective_size import EffectiveSize, effective_size
from optimoe.laws.law import Bound, Decision, Law
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.prediction import unstated_inputs
from optimoe.laws.rules.serving import ServingFacts

RATIO_QUESTION = "expert_attention_ratio_at_"
"""Begins the questions on r, which has no best value without a sparsity; asked at those of Li's runs."""
QUESTIONS = {
    "num_experts": "best number of experts per layer, of 1 to 64",
    "granularity": "best granularity 4·d/d_expert",
    "tokens_per_param_dense": "best training tokens per parameter of a dense model",
    "tokens_per_param": "best training tokens per active parameter of a MoE",
    "active_experts": "best number of active experts",
    "active_share": "best active share of all parameters",
    f"{RATIO_QUESTION}3_of_17": "best FLOPs of experts over attention with 3 of 17 experts active (S 0.824)",
    f"{RATIO_QUESTION}3_of_65": "best FLOPs of experts over attention with 3 of 65 experts active (S 0.954)",
    f"{RATIO_QUESTION}3_of_129": "best FLOPs of experts over attention with 3 of 129 active (S 0.977)",
}
AGREE_WITHIN = 1.5
"""Answers that differ by a smaller factor are one answer."""


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """A loss of a design under one law. Numbers, or arrays over a grid of designs.

    Attributes:
        law: Its name; ``source`` and ``status`` as in its row.
        loss: Nats per token on that law's own corpus.
        low, high: 90 % of the loss, by the law's scatter and draws; NaN when neither is known.
        fit: The verdict of the fit behind it and what it is about; empty for a published law.
        baseline: The law that gives the dense loss (the same, or one of the same paper); empty when none.
        dense_loss: Of the dense model of equal active size on as many tokens; NaN when there is none.
        difference: ``loss − dense_loss``: comparable between laws.
        worth: The dense model of equal loss on as many tokens.
        decades_beyond: How far outside the fitted range, |log10| by symbol.
        inside: Whether everything is stated and nothing is outside.
        assumed: Whether the law reads the design by a mapping.
        reading: How, with its source; empty where it needs none.
        concerns: What no run behind the law had.
        unstated: What is not known of them.
    """

    law: str
    source: str
    status: str
    loss: Values
    low: Values
    high: Values
    fit: str
    baseline: str
    dense_loss: Values
    difference: Values
    worth: EffectiveSize
    decades_beyond: dict[str, Values]
    inside: Flags
    assumed: Flags
    reading: str
    concerns: tuple[str, ...]
    unstated: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a law without a loss says about a design.

    Attributes:
        law: Its name; ``source`` as in its row.
        inputs: The design in the law's own variables, by symbol.
        outputs: By symbol, such as EL, r_star or lr.
        decades_beyond: How far inputs and outputs lie outside the fitted range, |log10| by symbol; 0 inside.
        unstated: Inputs whose range nobody stated.
        concerns: What no run behind the law had.
    """

    law: str
    source: str
    inputs: dict[str, Values]
    outputs: dict[str, Values]
    decades_beyond: dict[str, Values]
    unstated: tuple[str, ...]
    concerns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NotApplicable:
    """A law that does not apply to a design, with the reason."""

    law: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One law's answer to one question.

    Attributes:
        law: Its name.
        value: The answer.
        decades_beyond: How far outside the fitted range the law's own optimum lies, |log10| by symbol.
        unstated: Symbols of that optimum whose range nobody stated.
        evidence: The data set behind the law, or its paper: laws of one count once.
        bound: ``at least`` or ``at most`` where the law's search ended there: a bound and no best value.
    """

    law: str
    evidence: str
    value: float
    decades_beyond: dict[str, float]
    unstated: tuple[str, ...]
    bound: Bound = ""


@dataclass(frozen=True, kw_only=True)
class LawVerdict:
    """One question at a budget.

    Attributes:
        question: A key of :data:`QUESTIONS`.
        answers: By law, smallest first.
        agree: Whether all lie within a factor of 1.5, and none is the end of a search.
        words: The same as a sentence.
    """

    question: str
    answers: tuple[Answer, ...]
    agree: bool
    words: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A design under every law, and the decisions of a budget.

    Attributes:
        arch: Name of the design.
        tokens: Training tokens.
        train_flops: 6·N_act·D, the budget of the verdicts (the largest of a grid).
        opinions: Losses.
        advice: Outputs of laws without a loss.
        silent: Laws that do not apply to it.
        verdicts: Decisions.
    """

    arch: str
    tokens: Values
    train_flops: float
    opinions: tuple[Opinion, ...]
    advice: tuple[Advice, ...]
    silent: tuple[NotApplicable, ...]
    verdicts: tuple[LawVerdict, ...]


def compare(arch: ArchSpec, tokens: Values, laws: Iterable[str] = ()) -> Comparison:
    """Put one design (or a grid, such as ``with_num_experts(arch, experts)``) before every law.

    Args:
        arch: The design.
        tokens: Training tokens.
        laws: Names or law files; all of :func:`comparable_laws` when empty.

    Raises:
        ConfigError: Tokens are not positive.
        InputError: A law that was asked for is unusable.
    """
    require(np.all(np.asarray(tokens) > 0), "tokens", "positive", tokens)
    asked = [find_law(name) for name in laws or comparable_laws()]
    said = [_say(law, arch, tokens) for law in asked]
    train_flops = float(np.max(TRAIN_FLOPS_PER_PARAM_TOKEN * count_params(arch).active * np.asarray(tokens)))
    return Comparison(
        arch=arch.title,
        tokens=tokens,
        train_flops=train_flops,
        opinions=tuple(statement for statement in said if isinstance(statement, Opinion)),
        advice=tuple(statement for statement in said if isinstance(statement, Advice)),
        silent=tuple(statement for statement in said if isinstance(statement, NotApplicable)),
        verdicts=_verdicts(train_flops, asked),
    )


def compare_decisions(train_flops: float, laws: Iterable[str] = ()) -> tuple[LawVerdict, ...]:
    """What each law would build with a budget, question by question.

    Args:
        train_flops: Training FLOPs.
        laws: Names or law files; all of :func:`comparable_laws` when empty.

    Raises:
        ConfigError: The budget is not positive.
        InputError: A law that was asked for is unusable.
    """
    require(train_flops > 0, "train_flops", "positive", train_flops)
    return _verdicts(train_flops, [find_law(name) for name in laws or comparable_laws()])


def comparable_laws() -> tuple[str, ...]:
    """Laws of the library with usable coefficients, each coefficient set in its best digits only."""
    laws = [find_law(name) for name in law_names()]
    return tuple(
        law.row.name
        for law in laws
        if law.row.status in ("verified", "transcribed", "fitted")
        and not law.row.better_digits
        and not isinstance(law, ServingFacts)
    )


def _say(law: Law, arch: ArchSpec, tokens: Values) -> Opinion | Advice | NotApplicable:
    if not isinstance(law, ArchLaw):
        return _advise(law, arch, tokens)
    standing = law.judge(arch)
    law.require_usable()
    if not np.any(standing.applicable):
        return NotApplicable(law=law.row.name, reason=standing.reason)
    twin, dense = dense_twin(arch), law.dense_law()
    has_twin = dense.judge(twin).answer == "applicable"
    grid = np.zeros(np.broadcast_shapes(np.shape(tokens), np.shape(count_params(arch).total)))[()]
    loss = law.arch_loss(arch, tokens) + grid
    dense_loss = (dense.arch_loss(twin, tokens) if has_twin else np.nan) + grid
    beyond = {symbol: value + grid for symbol, value in law.decades_beyond(arch, tokens).items()}
    unstated = law.unstated(arch)
    low, high = law.band(loss, arch, tokens)
    return Opinion(
        law=law.row.name,
        source=law.row.source,
        status=law.row.status,
        loss=loss,
        low=low + grid,
        high=high + grid,
        fit=law.row.evidence.words,
        baseline=dense.row.name if has_twin else "",
        dense_loss=dense_loss,
        difference=loss - dense_loss,
        worth=effective_size(law, arch, tokens),
        decades_beyond=beyond,
        inside=(sum(beyond.values(), grid) == 0) & standing.applicable & (not unstated),
        assumed=standing.assumed,
        reading=law.reading(arch),
        concerns=standing.concerns,
        unstated=unstated,
    )


def _advise(law: Law, arch: ArchSpec, tokens: Values) -> Advice | NotApplicable:
    standing = law.row.domain.judge(arch, ())
    if not np.any(law.row.domain.models_of(arch)):
        return NotApplicable(law=law.row.name, reason=standing.reason)
    try:
        inputs = law.arch_inputs(arch, tokens)
        outputs = {
            symbol: law.evaluate_arch(symbol, arch, tokens)
            for symbol, needed in law.outputs.items()
            if needed and set(needed) <= inputs.keys()
        }
    except ConfigError as error:
        return NotApplicable(law=law.row.name, reason=str(error).removeprefix(f"law {law.row.name}: "))
    return Advice(
        law=law.row.name,
        source=law.row.source,
        inputs=inputs,
        outputs=outputs,
        decades_beyond=law.decades_outside(law.placed_inputs(inputs) | outputs),
        unstated=unstated_inputs(law, inputs),
        concerns=standing.concerns,
    )


def _decision(law: Law, train_flops: float) -> Decision:
    """What the law would build; a law whose optimum is no number, as one without slopes, says so.

    Raises:
        InputError: It has none.
    """
    try:
        with np.errstate(all="ignore"):  # what comes out is looked at instead
            decision = law.decide(train_flops)
    except (ZeroDivisionError, OverflowError) as error:
        raise InputError(f"law {law.row.name}: no optimum with these coefficients ({error})") from None
    require(
        np.isfinite(list(decision.answers.values())).all(), f"law {law.row.name}: its optimum", "finite", "none"
    )
    return decision


def _verdicts(train_flops: float, laws: Iterable[Law]) -> tuple[LawVerdict, ...]:
    answers: dict[str, list[Answer]] = {question: [] for question in QUESTIONS}
    for law in laws:
        law.require_consistent()
        decision = _decision(law, train_flops)
        beyond = {symbol: float(value) for symbol, value in law.decades_outside(decision.at).items()}
        unstated = _without_range(law, decision)
        for question, value in decision.answers.items():
            far = dict(beyond)
            if question.startswith("tokens_per_param") and law.row.domain.tokens_per_param:
                far |= {"tokens_per_param": float(decades_outside(value, *law.row.domain.tokens_per_param))}
            if question.startswith(RATIO_QUESTION):
                far |= {"r_star": float(law.decades_outside({"r_star": value})["r_star"])}
            answers[question].append(
                Answer(
                    law=law.row.name,
                    evidence=law.row.behind,
                    value=value,
                    decades_beyond=far,
                    unstated=unstated,
                    bound=law.bound_of(question, value),
                )
            )
    return tuple(
        _verdict(question, train_flops, sorted(given, key=lambda answer: answer.value))
        for question, given in answers.items()
        if given
    )


def _without_range(law: Law, decision: Decision) -> tuple[str, ...]:
    """Symbols of a law's own optimum that neither its range nor its domain bounds."""
    bounded = {symbol for name, symbol in ALIASES.items() if getattr(law.row.domain, name)}
    return tuple(symbol for symbol in decision.at if symbol not in law.row.range and symbol not in bounded)


def _verdict(question: str, train_flops: float, answers: list[Answer]) -> LawVerdict:
    low, high = answers[0], answers[-1]
    bounds, near = [answer for answer in answers if answer.bound], high.value <= low.value * AGREE_WITHIN
    agree = near and not bounds
    start = f"{QUESTIONS[question]} at {train_flops:.3g} FLOP:"
    voices = len({answer.evidence for answer in answers})
    votes = "" if voices == len(answers) else f", of {voices} papers or data sets,"
    if len(bounds) == len(answers):
        words = f"{start} no law{votes} finds one before its search ends: {_by_value(answers)}"
    elif len(answers) == 1:
        words = f"{start} {_by_value(answers)}; no other law answers"
    elif agree:
        words = f"{start} the {len(answers)} laws that answer{votes} agree: {_by_value(answers)}"
    elif near:
        words = f"{start} the laws{votes} do not tell: {_by_value(answers)}"
    else:
        words = f"{start} the laws{votes} disagree: {_by_value(answers)}"
    return LawVerdict(question=question, answers=tuple(answers), agree=agree, words=words)


def _by_value(answers: list[Answer]) -> str:
    """Laws grouped by what they say to three digits; those beyond their range, or without one, are marked.

    The end of a search is said as the bound that it is.
    """
    groups: dict[str, list[str]] = {}
    for answer in answers:
        decades = max(answer.decades_beyond.values(), default=0.0)
        mark = " [its range is not wholly stated]" if answer.unstated else ""
        mark = f" [{decades:.1f} decades beyond its range]" if decades >= 0.05 else mark
        bounded = f"{answer.bound} {answer.value:.3g}, where the search ends"
        groups.setdefault(bounded if answer.bound else f"{answer.value:.3g}", []).append(answer.law + mark)
    return "; ".join(f"{value} ({', '.join(laws)})" for value, laws in groups.items())
