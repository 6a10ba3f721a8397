"""Laws held against runs that they have not seen: as they are, on the level of a few others, fitted to all."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from optimoe.core.errors import InputError, require
from optimoe.core.progress import counted
from optimoe.laws.catalog import find_family, find_law
from optimoe.laws.fitting.anchoring.anchor import anchor
from optimoe.laws.fitting.anchoring.prior_fit import fit_with_prior
from optimoe.laws.fitting.fit import fit
from optimoe.laws.fitting.setup.problem import FitOptions
from optimoe.laws.fitting.validation import held_rows
from optimoe.laws.law import LawRow
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.runs import DesignRuns, Observations

Way = Literal["as published", "offset", "anchored", "prior", "fitted"]

ANCHORS = (1, 4, 16)
"""Numbers of runs on which a law is anchored."""
CHOICES = 20
"""Drawn choices of so many runs; of one run alone all, up to as many."""
HIGH = 0.9
"""Of the choices: how bad an unlucky one is."""

Losses = Float[np.ndarray, "choices runs"]
Predict = Callable[[DesignRuns], Float[np.ndarray, " runs"]]


@dataclass(frozen=True, kw_only=True)
class PredictedRun:
    """A run that was held out, and what a law says of it.

    Attributes:
        run: Its name.
        measured: Its loss, nats per token.
        predicted: That of the law; over several choices of runs, of the middle one.
    """

    run: str
    measured: float
    predicted: float


@dataclass(frozen=True, kw_only=True)
class BackTest:
    """A law against runs that it has not seen.

    Attributes:
        law: Its name, or the family that was fitted.
        way: ``as published``; ``offset``, moved by the mean error on all runs that may be seen; ``anchored``, on
            the level of so many of them; ``prior``, all coefficients fitted to so many with the law as prior;
            ``fitted``, the family alone to all of them.
        runs: Of those that may be seen, how many were used.
        held: Runs that were predicted: those that the law may rank.
        median: Median over them of |L_law − L_run|, nats per token; over several choices of runs, their median.
        unlucky: 90 % point of that median over the choices.
        worst: Largest of the errors by size, likewise the median over the choices.
        bias: Mean of L_law − L_run, likewise.
        decades: How far the farthest of them lies outside the law's fitted range, |log10| summed over variables.
        remark: The verdict of a fit that is not sound, or that the law is read by assumption.
        predicted: Each of the runs.
        source: Where the law is from.
    """

    law: str
    way: Way
    runs: int
    held: int
    median: float
    unlucky: float
    worst: float
    bias: float
    decades: float
    remark: str = ""
    predicted: tuple[PredictedRun, ...] = ()
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class BackTests:
    """Laws and families against the same runs.

    Attributes:
        tests: The least median error first.
        silent: Laws, and ways of bringing them to runs, that could not be tested, with the reason.
        rule: Which runs were held out.
        seen: How many could be seen.
        held: How many were held out.
        seed_spread: Standard deviation of runs that differ in the seed alone, nats per token; NaN without such.
        source: Where the runs are from.
    """

    tests: tuple[BackTest, ...]
    silent: dict[str, str]
    rule: str
    seen: int
    held: int
    seed_spread: float
    source: str


@dataclass(frozen=True, kw_only=True)
class BackTestOptions:
    """How laws are brought to runs.

    Attributes:
        anchors: Numbers of runs on which a law is anchored.
        choices: Of so many runs.
        seed: Of the choices.
        fit: How families are fitted.

    Raises:
        ConfigError: A number is not positive.
    """

    anchors: tuple[int, ...] = ANCHORS
    choices: int = CHOICES
    seed: int = 0
    fit: FitOptions = field(default_factory=FitOptions)

    def __post_init__(self) -> None:
        require(all(number > 0 for number in self.anchors), "anchors", "positive", self.anchors)
        require(self.choices > 0, "choices", "positive", self.choices)

    def choose(self, pool: int, number: int) -> list[np.ndarray]:
        """Masks of so many rows of a pool, all different."""
        random, rows = np.random.default_rng(self.seed), np.arange(pool)
        if number == 1:
            return [rows == row for row in random.permutation(pool)[: self.choices]]
        if number == pool:
            return [np.ones(pool, dtype=bool)]
        drawn = {tuple(sorted(random.choice(pool, number, replace=False))) for _ in range(self.choices)}
        return [np.isin(rows, some) for some in sorted(drawn)]


def back_test(
    runs: DesignRuns,
    rule: str,
    laws: Sequence[ArchLaw] = (),
    families: Sequence[str] = (),
    options: BackTestOptions | None = None,
) -> BackTests:
    """Hold out the runs that a rule takes, and predict them by laws and families that have seen the others.

    Args:
        runs: With their models.
        rule: As of :func:`held_rows`: ``top20%``, or a condition such as ``"D > 6e6 and N_act > 3e5"``.
        laws: Laws with coefficients.
        families: Forms to fit.
        options: How.

    Raises:
        ConfigError: The rule holds out all rows or none.
        UnknownNameError: No such family.
    """
    options = options or BackTestOptions()
    mask = held_rows(runs.observations, rule)
    seen, held = runs.select(~mask), runs.select(mask)
    tests: list[BackTest] = []
    silent: dict[str, str] = {}
    every: list[ArchLaw | str] = [*laws, *families]
    for asked in counted(every):
        if not isinstance(asked, str):
            _test_law(asked, seen, held, options, tests, silent)
            continue
        try:
            tests.append(_fitted(asked, seen, held, options))
        except InputError as error:
            silent[f"{asked}, fitted"] = _reason(error)
    return BackTests(
        tests=tuple(sorted(tests, key=lambda test: test.median)),
        silent=silent,
        rule=rule,
        seen=len(seen),
        held=len(held),
        seed_spread=runs.seed_spread,
        source=runs.observations.source,
    )


def _test_law(
    law: ArchLaw,
    seen: DesignRuns,
    held: DesignRuns,
    options: BackTestOptions,
    tests: list[BackTest],
    silent: dict[str, str],
) -> None:
    """As it is, and in each way that it can be brought to runs; the reasons where it cannot."""
    name = law.row.name
    try:
        law.require_usable()
        seen, held = (_ranked(law, some) for some in (seen, held))
    except InputError as error:
        silent[name] = _reason(error)
        return
    published, known = _arch_losses(law, held), _arch_losses(law, seen)
    offset = float(np.mean(seen.observations.loss - known))
    tests.append(_tested(law, "as published", 0, held, published[None]))
    tests.append(_tested(law, "offset", len(seen), held, (published + offset)[None]))
    ways: dict[Way, Callable[[Observations], LawRow]] = {"anchored": lambda own: anchor(law, own, draws=2).law}
    if law.row.effects is not None:
        ways["prior"] = lambda own: fit_with_prior(own, law, draws=2).law
    for way, brought in counted([*ways.items()]):
        try:
            tests += _brought(law, way, brought, seen, held, options)
        except InputError as error:
            silent[f"{name}, {way}"] = _reason(error)


def _reason(error: InputError) -> str:
    """The line without the law, which stands before it."""
    return re.sub(r"^law \S+: ", "", str(error))


def _ranked(law: ArchLaw, runs: DesignRuns) -> DesignRuns:
    """The runs whose models a law may rank.

    Raises:
        InputError: There is none; with the reason.
    """
    standings = [law.judge(arch) for arch in runs.archs]
    may = np.array([bool(np.all(standing.applicable)) for standing in standings], dtype=bool)
    if not may.any():
        raise InputError(f"law {law.row.name}: not applicable: {standings[-1].reason}")
    return runs.select(may)


def _brought(
    law: ArchLaw,
    way: Way,
    brought: Callable[[Observations], LawRow],
    seen: DesignRuns,
    held: DesignRuns,
    options: BackTestOptions,
) -> list[BackTest]:
    """The law on the level of several numbers of runs, each over choices of them."""
    pool, tests = seen_by(law, seen), []
    for number in counted(options.anchors):
        if number <= len(seen):
            rows = [brought(pool.select(some)) for some in counted(options.choose(len(seen), number))]
            losses = np.stack([_arch_losses(type(law)(row, find_law), held) for row in rows])
            tests.append(_tested(law, way, number, held, losses))
    return tests


def seen_by(law: ArchLaw, runs: DesignRuns) -> Observations:
    """Runs in the variables of a law, as it counts them."""
    tokens = runs.observations.column("D")
    each = [law.run_inputs(arch, float(D)) for arch, D in zip(runs.archs, tokens, strict=True)]
    variables = {name: np.array([float(one[name]) for one in each]) for name in each[0]}
    return replace(runs.observations, variables=variables, formulas={})


def _arch_losses(law: ArchLaw, runs: DesignRuns) -> Float[np.ndarray, " runs"]:
    tokens = runs.observations.column("D")
    return np.array([float(law.arch_loss(arch, D)) for arch, D in zip(runs.archs, tokens, strict=True)])


def _fitted(family: str, seen: DesignRuns, held: DesignRuns, options: BackTestOptions) -> BackTest:
    """A family fitted to all runs that may be seen, its N as it counts by itself."""
    form = find_family(family)
    bare: object = form(
        LawRow(name=form.family, family=family, source="", status="fitted", n_convention="", coefficients={})
    )
    if not isinstance(bare, ArchLaw):
        raise InputError("must give a loss for a model")
    found = fit(seen_by(bare, seen), family, replace(options.fit, n_convention=bare.counted))
    law = type(bare)(found.law, find_law)
    asked = seen_by(law, held).variables
    losses = np.asarray(law.evaluate("L", asked))
    decades = np.sum(list(law.decades_outside(law.placed_inputs(asked)).values()), axis=0)
    remark = "" if found.verdict == "sound" else found.verdict.replace("_", " ")
    test = _errors(form.family, "fitted", len(seen), held, losses[None])
    return replace(test, decades=float(np.max(decades)), remark=remark, source=found.law.source)


def _tested(law: ArchLaw, way: Way, number: int, held: DesignRuns, losses: Losses) -> BackTest:
    tokens = held.observations.column("D")
    beyond = [sum(law.decades_beyond(arch, D).values()) for arch, D in zip(held.archs, tokens, strict=True)]
    assumed = any(np.any(law.judge(arch).assumed) for arch in held.archs)
    test = _errors(law.row.name, way, number, held, losses)
    remark = "read by assumption" if assumed else ""
    return replace(test, decades=float(max(beyond)), remark=remark, source=law.row.source)


def _errors(law: str, way: Way, number: int, held: DesignRuns, losses: Losses) -> BackTest:
    """What the choices say of the runs that are held out."""
    error = losses - held.observations.loss
    medians, largest = np.median(np.abs(error), axis=1), np.abs(error).argmax(axis=1)
    middle = np.argsort(medians)[len(medians) // 2]  # the choice in the middle says each run, and the worst's sign
    shown = zip(held.archs, held.observations.loss, losses[middle], strict=True)
    return BackTest(
        law=law,
        way=way,
        runs=number,
        held=len(held),
        median=float(np.median(medians)),
        unlucky=float(np.quantile(medians, HIGH)),
        worst=float(error[middle, largest[middle]]),
        bias=float(np.median(error.mean(axis=1))),
        decades=0.0,
        predicted=tuple(PredictedRun(run=arch.name, measured=float(one), predicted=float(law_loss))
                        for arch, one, law_loss in shown),
    )  # fmt: skip
