"""What a fitted law knows of its fit: the verdict, the rows and files behind it, the test on unseen runs."""

from dataclasses import dataclass, field
from typing import Literal

from optimoe.core.errors import require, require_date

FitVerdict = Literal["sound", "at_bound", "ill_conditioned", "not_converged", "too_few_runs", "reduced"]

NOT_FOR_PLANS = ("at_bound", "ill_conditioned", "not_converged", "reduced")
"""Verdicts of coefficients that a limit, a start or the last step chose, and not the runs; and of a law that knows
no effect of what its runs never varied, which a plan would vary."""


@dataclass(frozen=True, kw_only=True)
class HoldOutEvidence:
    """How a fit to the other runs predicted those that it had not seen.

    Attributes:
        rule: Which runs were held out, in words.
        held_runs: How many.
        rmse_log: Root mean square of ln L_law − ln L_run over them.
        inside: Share of them within the band of 90 % that the fit to the others claims.
        converged: Whether that fit converged.
    """

    rule: str
    held_runs: int
    rmse_log: float
    inside: float
    converged: bool = True

    def __post_init__(self) -> None:
        require(self.held_runs > 0, "held_runs", "positive", self.held_runs)
        require(0 <= self.rmse_log < float("inf"), "rmse_log", "zero or more and finite", self.rmse_log)
        require(0 <= self.inside <= 1, "inside", "a share, 0 to 1", self.inside)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What stands behind a fitted law; a published one has its paper instead, and this is empty.

    Attributes:
        verdict: Of the fit; none where nobody stated one.
        at_bound: Coefficients at a limit, or whose term has vanished.
        weakest: Coefficients that the runs determine least, together.
        held: Coefficients that were not fitted, because a variable is constant in the runs.
        condition: Of the Jacobian of ln L with columns of unit length; 0 when not known.
        objective: What was minimised, such as ``huber(0.001)``.
        objective_value: Its value, the sum over runs.
        runs: Rows fitted; 0 when not known.
        outliers: How many of them lie far from the law.
        excluded: Rows left out of the table, their number by reason.
        excluded_rows: The first few of them, in words.
        remarks: On the table of runs as a whole: points of curves, runs listed twice, two populations.
        holdout: The test on runs that took no part in the fit.
        files: Names of the tables of runs.
        n_basis: How it is known what N counts: stated, a column's name, the family; empty when it is not known.
        cluster: What the draws drew together: a label, or ``row``; empty without draws.
        prior: The law that the runs have moved, by anchoring it or as the prior of a fit; empty without one.
        date: Day of the fit, ISO 8601.
        command: What was typed to make it.
    """

    verdict: FitVerdict | None = None
    at_bound: tuple[str, ...] = ()
    weakest: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    condition: float = 0.0
    objective: str = ""
    objective_value: float = 0.0
    runs: int = 0
    outliers: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    excluded_rows: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    holdout: HoldOutEvidence | None = None
    files: tuple[str, ...] = ()
    n_basis: str = ""
    cluster: str = ""
    prior: str = ""
    date: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        require(self.condition >= 0, "condition", "zero or more", self.condition)
        require(self.runs >= 0, "runs", "zero or more", self.runs)
        require(self.outliers >= 0, "outliers", "zero or more", self.outliers)
        for reason, rows in self.excluded.items():
            require(rows > 0, f"excluded: {reason}", "a positive number of rows", rows)
        if self.date:
            require_date(self, "date")

    @property
    def sound(self) -> bool:
        """Whether nothing speaks against the law: a sound fit, or one whose verdict nobody stated."""
        return self.verdict in (None, "sound")

    @property
    def usable(self) -> bool:
        """Whether the law may be planned with as it is: its coefficients are where the runs put them."""
        return self.verdict not in NOT_FOR_PLANS

    @property
    def words(self) -> str:
        """The verdict with the coefficients that it is about: ``at bound: alpha``; empty where there is none."""
        if self.verdict is None:
            return ""
        about = {"at_bound": self.at_bound, "ill_conditioned": self.weakest, "reduced": self.held}
        names = about.get(self.verdict, ())
        return self.verdict.replace("_", " ") + (f": {', '.join(names)}" if names else "")
