"""The result: a plan and its parts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optimoe.arch.spec import ArchSpec
from optimoe.core.provenance import Assumption
from optimoe.core.results.shown import Drawn, view_of
from optimoe.planner.candidate import Candidate
from optimoe.planner.labs import Lab
from optimoe.planner.problem.family import Family
from optimoe.planner.problem.kinds import Searched
from optimoe.planner.problem.problem import Problem
from optimoe.planner.problem.training import BUDGET_TOLERANCE


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """The cheapest design of a family at the choice's loss.

    Attributes:
        family: The family.
        candidate: The design; None where nothing keeps the limits, or the law may rank none.
        not_ranked: Why the law may rank none of the family; empty where it may.
    """

    family: Family
    candidate: Candidate | None
    not_ranked: str = ""


@dataclass(frozen=True, kw_only=True)
class LocalMove:
    """One change of a scored design, scored again: what it would bring.

    Attributes:
        words: The change: ``E 128 → 256``.
        spec: The changed design.
        candidate: It at the choice's loss, as in :class:`Scored`; None where it is not feasible.
        in_budget: It on the whole budget; None likewise, and without a budget.
        gain_usd: Dollars that the change saves at the choice's loss; NaN where either has none.
        gain_gpu_hours: GPU hours that it saves there, of training and serving; NaN likewise.
        gain_nats: Nats that it saves on the whole budget; NaN likewise.
    """

    words: str
    spec: ArchSpec
    candidate: Candidate | None
    in_budget: Candidate | None
    gain_usd: float
    gain_gpu_hours: float
    gain_nats: float


@dataclass(frozen=True, kw_only=True, repr=False)
class Scored(Drawn):
    """A model of one's own beside the plan's designs, by the same code.

    Attributes:
        spec: The model.
        family: What it shares with designs of other widths and depths, as near as a family says it.
        candidate: The model trained to the choice's loss, whatever that takes; None where it cannot be served
            within the limits or trained, does not reach that loss, or the law may not rank it.
        in_budget: The model trained on the whole budget; None likewise, and without a budget.
        at_tokens: The model trained on the tokens that its owner states, whatever that takes; None likewise, and
            where none are stated.
        not_ranked: Why the law may not rank it, or tell it from the choice; empty where it may.
        concerns: What no run behind the law had, of a model that it may rank.
        why: Where its gap to the choice comes from, in sentences.
        moves: Changes of one thing each, what brings most first.
    """

    spec: ArchSpec
    family: Family
    candidate: Candidate | None
    in_budget: Candidate | None
    at_tokens: Candidate | None = None
    not_ranked: str
    concerns: tuple[str, ...]
    why: tuple[str, ...] = ()
    moves: tuple[LocalMove, ...] = ()

    def __repr__(self) -> str:
        """The model and what it reaches in one line."""
        if self.not_ranked:
            return f"Scored({self.spec.name}, not ranked)"
        losses = [f"loss {one.loss.value:.3f}" for one in (self.in_budget or self.candidate,) if one is not None]
        return f"Scored({', '.join([self.spec.name, *losses])})"


@dataclass(frozen=True, kw_only=True)
class LabReference:
    """What a lab trained with about the compute of a plan, scored under its question: no part of the choice.

    Attributes:
        lab: The published facts.
        scored: The lab's design on the lab's own tokens.
    """

    lab: Lab
    scored: Scored


@dataclass(frozen=True, kw_only=True)
class LawView:
    """The loss-optimal design of one law within the same budget and limits.

    Attributes:
        law, source: Name of the law and where it was published.
        num_experts: Its best E (1 is dense); ``routed`` says whether it may choose between numbers of experts.
        params_active, tokens, tokens_per_param: The size and data it asks for.
        loss: Nats per token on that law's own corpus: not comparable between laws.
        decades_beyond: How far outside its fitted range.
        assumed: Whether the law reads the design by a mapping.
    """

    law: str
    source: str
    num_experts: int
    params_active: int
    tokens: float
    tokens_per_param: float
    loss: float
    routed: bool
    decades_beyond: dict[str, float]
    assumed: bool


@dataclass(frozen=True, kw_only=True)
class LawChoice:
    """What one law answers to the whole question: its choice, at its own loss.

    Attributes:
        law, source: Name of the law and where it was published.
        candidate: The design; None where it has none.
        reason: Why it has none; empty where it has.
    """

    law: str
    source: str
    candidate: Candidate | None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """How the choice was found, and what was not looked at. A point is a design on one of the deployments.

    Attributes:
        searched: The whole space, or the designs near an earlier plan alone.
        space: Designs of the space.
        deployments: Ways to serve.
        listed: Designs whose loss was computed: all, or a coarse list of every family and all around the best.
        whole: Whether every point was priced, and the choice so the best of the space.
        priced_points: Points that were priced, each in every likely layout at its largest batch.
        priced_designs: Designs of these.
        estimated_points: Points of the listed designs whose price is an estimate.
        promising: Designs that may, by these estimates and their margins, still be better than the choice by more
            than the search takes for a difference; 0 where all of them are bounded away.
        best: What is minimised, dollars or nats.
    """

    searched: Searched
    space: int
    deployments: int
    listed: int
    whole: bool
    priced_points: int
    priced_designs: int
    estimated_points: int
    promising: int
    best: float

    @property
    def points(self) -> int:
        """Points of the space."""
        return self.space * self.deployments

    @property
    def not_looked_at(self) -> int:
        """Designs of the space of which nothing was computed."""
        return max(0, self.space - self.listed)


@dataclass(frozen=True, kw_only=True)
class Plan(Drawn):
    """What to train, beside what, why, and what it rests on.

    Attributes:
        problem: The question.
        choice: The answer.
        lowest_loss: The lowest loss that the whole budget reaches within the limits; none without a budget.
        best_dense: The dense model of the lowest loss within the budget; none without a budget or dense designs.
        alternatives: Every family at the choice's loss, or of many families the best of each E.
        front: Loss against serving price of designs trained on the whole budget.
        scored: The models of one's own that were named.
        labs: What labs trained with about this compute, as reference.
        laws: What each law would train.
        by_law: The plan's own law and each that was asked beside it, with its choice; empty where none was.
        reasons: Why this and not another, in words.
        warnings: What to be careful about.
        assumptions: Every number that it rests on, with its source.
        trace: How it was found.
    """

    problem: Problem
    choice: Candidate
    lowest_loss: Candidate | None
    best_dense: Candidate | None
    alternatives: tuple[Alternative, ...]
    front: tuple[Candidate, ...]
    scored: tuple[Scored, ...]
    laws: tuple[LawView, ...]
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    assumptions: tuple[Assumption, ...]
    trace: Trace
    labs: tuple[LabReference, ...] = ()
    by_law: tuple[LawChoice, ...] = ()

    def __repr__(self) -> str:
        """The choice and how much it stands beside, in one line."""
        beside = f"{len(self.alternatives)} families, {len(self.front)} on the front, {len(self.laws)} laws"
        return f"Plan({self.choice!r}, {beside}, {len(self.warnings)} warnings)"

    def save(self, folder: str | Path = ".", robustness: Any = None, *, force: bool = False) -> list[Path]:
        """Write plan.html, plan.json and winner/ as the command does, and say which files those are.

        Args:
            folder: Where to; it is made where it is not there.
            robustness: How sure the plan is, of :func:`optimoe.planner.confidence.robust.assess`.
            force: Whether files that are not from here, or were changed since, are overwritten.

        Raises:
            InputError: The folder cannot be written, or holds such a file.
        """
        files: list[Path] = view_of(self).save(Path(folder), robustness, force)
        return files

    def score(self, design: Any, tokens: float | None = None) -> Scored:
        """A model of one's own beside the choice, by the same code and under the same question.

        Args:
            design: Catalog name, path of a ``config.json`` or its folder, its content, or an ``ArchSpec``.
            tokens: Its training tokens; left out, it is trained to the choice's loss and on the whole budget.

        Raises:
            UnknownNameError: No such model; lists the nearest.
            ConfigError: The model's file cannot be used.
        """
        scored: Scored = view_of(self).score(design, tokens)
        return scored

    def over_budget(self, candidate: Candidate) -> bool:
        """Whether a design takes more training than the budget holds."""
        training = self.problem.training
        params, mfu = candidate.params, candidate.training.mfu
        most = training.affordable_tokens(params.active, mfu, params.router)
        return bool(candidate.tokens > most * (1 + BUDGET_TOLERANCE))
