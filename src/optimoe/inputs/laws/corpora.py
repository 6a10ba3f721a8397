"""What ``optimoe laws fit`` takes beyond one table: corpora, their spread, priors; and ``optimoe laws anchor``."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.laws.fit import FitRequest
from optimoe.inputs.laws.runs import RunsRequest
from optimoe.inputs.quantities import Pairs, Several, columns_by_name, pairs, parts
from optimoe.inputs.sources import LawName

if TYPE_CHECKING:
    from optimoe.laws.fitting.hierarchy import HierarchyOptions
    from optimoe.laws.fitting.priors import GaussianPrior
    from optimoe.laws.law import Law
    from optimoe.laws.runs import Observations


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CorporaRequest:
    """Several corpora in one fit, and what is known before it."""

    group: str = ""
    """Fit several corpora at once: file (each table is one), or the column that tells them apart."""
    shared: Several = ""
    """Coefficients that all corpora have in common, such as alpha,beta: all but those of --per-group."""
    per_group: Several = ""
    """What each corpus has of its own: coefficients, and scale, which multiplies its loss; the floor and scale."""
    prior: Several = ""
    """A law (optimoe2026, mine.toml) as prior, or means and deviations of coefficients, such as rho=0.5:0.15."""
    spread: Pairs = None
    """Standard deviation over corpora of what each has of its own, such as scale=0.1; left out, estimated."""
    leave_out: Literal["", "corpus"] = ""
    """Refit without each corpus in turn and predict it, after one scale and after one run."""

    @property
    def stated(self) -> bool:
        """Whether the fit has corpora or a prior."""
        return bool(self.group or self.prior)

    def require_alone(self, request: FitRequest) -> None:
        """Refuse options of a plain fit that have no meaning here.

        Raises:
            InputError: Such an option is stated, or one that needs corpora without them.
        """
        if not self.group:
            for option in ("shared", "per_group", "spread", "leave_out"):
                if getattr(self, option):
                    raise InputError(f"--{option.replace('_', '-')}: needs --group, which tells corpora apart")
        if not self.stated:
            return
        if request.objective not in ("huber", "student"):
            raise InputError(
                f"--objective: must be student with --group or --prior (a likelihood beside priors), "
                f"got {request.objective}"
            )
        if request.holdout:
            raise InputError("--holdout: not with --group or --prior; --leave-out corpus predicts each corpus")

    def groups(self, request: FitRequest) -> "dict[str, Observations]":
        """The runs of each corpus; columns and rows may be stated for one: ``a:N=params``, ``a:k == 1; b:E > 1``.

        Raises:
            InputError: The runs are no files.
            UnknownNameError: Something is stated of a corpus that there is not.
            ConfigError: A table cannot be used.
        """
        from optimoe.laws.runs.groups import load_groups

        if not isinstance(request.runs, tuple):
            raise InputError("--group: needs files of runs")
        columns: dict[str, dict[str, str]] = {}
        for name, formula in columns_by_name("--columns", request.columns, "N=params").items():
            group, _, symbol = name.rpartition(":")
            columns.setdefault(group, {})[symbol] = formula
        return load_groups(
            tuple(Path(run) for run in request.runs),
            self.group,
            columns=columns,
            where=_conditions(request.where),
            labels=request.label_columns(),
            bad_rows=request.bad_rows,
            needs=request.needs(),
        )

    def options(self, request: FitRequest) -> "HierarchyOptions":
        """Starts, limits, fixed and tied coefficients, as of a plain fit."""
        from optimoe.laws.fitting.hierarchy import HierarchyOptions

        plain = request.options()
        return HierarchyOptions(
            starts=plain.starts,
            bounds=plain.bounds,
            fixed=plain.fixed,
            tied=plain.tied,
            n_convention=plain.n_convention,
        )

    def how(self, request: FitRequest) -> dict[str, Any]:
        """Arguments of :func:`optimoe.laws.fitting.hierarchy.fit_hierarchy`."""
        none = None if self.group else ()
        return {
            "per_group": parts(self.per_group) if self.per_group else none,
            "shared": parts(self.shared) if self.shared else (),
            "priors": self.stated_prior(),
            "spread": {
                name: _number("--spread", "scale=0.1", value)
                for name, value in pairs("--spread", self.spread, "scale=0.1").items()
            },
            "options": self.options(request),
        }

    def stated_prior(self) -> "GaussianPrior | dict[str, tuple[float, float]] | None":
        """The prior of shared coefficients: a law's draws, or what was stated.

        Raises:
            InputError: It is neither.
        """
        if not self.prior:
            return None
        law = self.prior_law()
        if law is not None:
            from optimoe.laws.fitting.anchoring import knowledge_of

            return knowledge_of(law).prior()
        stated = {}
        for text in parts(self.prior):
            name, _, value = text.partition("=")
            mean, colon, std = value.partition(":")
            if not colon:
                raise InputError(f"--prior: must be a law or like rho=0.5:0.15, got {text!r}")
            stated[name.strip()] = (_number("--prior", "rho=0.5:0.15", mean), _number("--prior", "0.15", std))
        return stated

    def prior_law(self) -> "Law | None":
        """The law that is the prior; none where coefficients are stated.

        Raises:
            UnknownNameError: No such law.
        """
        if not self.prior or "=" in self.prior:
            return None
        from optimoe.laws.catalog import find_law

        return find_law(self.prior)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class AnchorRequest:
    """Bring a law to the level of your own runs, from one run upwards: its scale, its floor where they tell."""

    law: LawName = field(kw_only=False)
    """Name of a law, or a law file."""
    table: RunsRequest = field(kw_only=False)
    name: str = ""
    """Name of the law that comes out."""
    draws: int = 200
    """Draws to make where the law has none of its own."""
    seed: int = 0
    """Seed of what is drawn."""


def _conditions(where: str) -> dict[str, str]:
    """Conditions by corpus, from ``a:k == 1; b:step > 2``; one without a name holds for all."""
    stated: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in where.split(";"))):
        group, _, condition = part.rpartition(":")
        stated[group.strip()] = condition.strip()
    return stated


def _number(option: str, example: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise InputError(f"{option}: must be a number, like {example}, got {value!r}") from None
