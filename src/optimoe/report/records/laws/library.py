"""JSON of ``optimoe laws list``, ``show``, ``predict`` and ``check``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from optimoe.core.outputs import Evaluable
from optimoe.core.records import same_fields
from optimoe.laws.check import CheckResult
from optimoe.laws.domain import Models, Reading
from optimoe.laws.evidence import FitVerdict
from optimoe.laws.law import Bound, LawRow, Status
from optimoe.laws.prediction import LawPrediction
from optimoe.laws.prediction.variables import law_variables

LOSS = "L"
"""The symbol of a loss in every law."""


@dataclass(frozen=True, kw_only=True)
class HoldOutEvidenceRecord:
    """How a fit to the other runs predicted those that it had not seen.

    Attributes:
        rule: Which runs were held out.
        held_runs: How many.
        rmse_log: Root mean square of ln L_law − ln L_run over them.
        inside: Share of them in the band of 90 % that the fit to the others claims.
        converged: Whether that fit converged.
    """

    rule: str
    held_runs: int
    rmse_log: float
    inside: float
    converged: bool


@dataclass(frozen=True, kw_only=True)
class EvidenceRecord:
    """What stands behind a fitted law.

    Attributes:
        verdict: Verdict of the fit; null where none is stated, as for a published law.
        at_bound: Coefficients at a limit.
        weakest: Coefficients that the runs determine least.
        condition: Condition number of the Jacobian of ln L; 0 when not known, null where it is infinite.
        objective: What was minimised.
        objective_value: Its value, the sum over runs; null where a law file states none that is finite.
        runs: Rows fitted; 0 when not known.
        outliers: Rows far from the law, all of them fitted.
        excluded: Rows left out of the table, their number by reason.
        excluded_rows: The first few of them, in words.
        holdout: The test on runs that were not fitted; null where none were held out.
        files: Names of the tables of runs.
        n_basis: How it is known what N counts; empty when it is not known.
        cluster: What the draws drew together; empty without draws.
        prior: The law that the runs have moved, by anchoring it or as the prior of a fit; empty without one.
        date: Day of the fit, ISO 8601; empty when not known.
        command: What was typed to make it; empty when not known.
    """

    verdict: FitVerdict | None
    at_bound: tuple[str, ...]
    weakest: tuple[str, ...]
    condition: float | None
    objective: str
    objective_value: float | None
    runs: int
    outliers: int
    excluded: dict[str, int]
    excluded_rows: tuple[str, ...]
    holdout: HoldOutEvidenceRecord | None
    files: tuple[str, ...]
    n_basis: str
    cluster: str
    prior: str
    date: str
    command: str


@dataclass(frozen=True, kw_only=True)
class DomainRecord:
    """What designs a law was made from, and may rank. A span is least and most of its runs, empty where unknown.

    Attributes:
        models: ``dense``, ``routed``, ``both`` or ``unknown``.
        num_experts: Routed experts per layer.
        top_k: Routed experts per token.
        expert_ratio: E/k, where the runs had one ratio.
        granularity: 4·d_model/d_expert.
        ffn_ratio: k·d_expert/d_model, where the runs had one width of what a token uses.
        num_shared_experts: Experts that every token uses.
        routed_share: Layers with routed experts over all layers.
        expansion: N_total/N_act.
        tokens_per_param: D/N_act.
        mapping: How a design that no run was like is read: ``none``, ``expansion`` or ``activation_ratio``.
        mapping_source: Where that is defined.
        source: Paper and place of the spans.
    """

    models: Models
    num_experts: tuple[float, ...]
    top_k: tuple[float, ...]
    expert_ratio: tuple[float, ...]
    granularity: tuple[float, ...]
    ffn_ratio: tuple[float, ...]
    num_shared_experts: tuple[float, ...]
    routed_share: tuple[float, ...]
    expansion: tuple[float, ...]
    tokens_per_param: tuple[float, ...]
    mapping: Reading
    mapping_source: str
    source: str


@dataclass(frozen=True, kw_only=True)
class LawRecord:
    """One coefficient set with its evidence.

    Attributes:
        name: The key of the coefficient set.
        family: The equation it belongs to.
        source: Paper and place.
        status: ``verified``, ``transcribed``, ``form-only``, ``inconsistent``, ``fitted`` or
            ``inferred``.
        n_convention: What the law calls N.
        coefficients: Values by symbol.
        log_base: Base of logarithms in its formula.
        units: Units by symbol.
        range: What the fit covered, lowest and highest value by symbol.
        rmse_log: Root mean square residual of ln L on the fitted runs; 0 when not known.
        rmse_source: Where that number stands.
        notes: Caveats.
        dense_baseline: The law of the same paper for dense models, where this one is for routed ones only.
        better_digits: The row to use in place of this one: the same law with more digits.
        runs: The data set behind it, and which of its rows.
        domain: What designs it may rank.
        evidence: What its fit knows of itself; empty for a published law.
        draws: Draws of its coefficients that it comes with.
    """

    name: str
    family: str
    source: str
    status: Status
    n_convention: str
    coefficients: dict[str, float]
    log_base: str
    units: dict[str, str]
    range: dict[str, tuple[float | None, float | None]]
    rmse_log: float
    rmse_source: str
    notes: str
    dense_baseline: str
    better_digits: str
    runs: dict[str, str]
    domain: DomainRecord
    evidence: EvidenceRecord
    draws: int


@dataclass(frozen=True, kw_only=True)
class LawListRecord:
    """The law library, all of its coefficient sets.

    Attributes:
        laws: Every coefficient set.
    """

    laws: tuple[LawRecord, ...]


@dataclass(frozen=True, kw_only=True)
class LawVariableRecord:
    """One variable of a law.

    Attributes:
        unit: What it counts, in the law's words; empty where it does not say.
        fitted: Ends of its range in the fit; empty where nobody stated it.
        usual: A value to begin with: the middle of that range by ratio, or an order of size (assumed); null where
            nothing is known.
        span: Ends of a figure over it: its range and a decade to each side; empty where nothing is known.
    """

    unit: str
    fitted: tuple[float, ...]
    usual: float | None
    span: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class LawShowRecord:
    """One law with its outputs.

    Attributes:
        law: The coefficient set.
        coefficients: Its values by symbol.
        outputs: What it can evaluate: the symbols of the inputs by the symbol of the output.
        required: Of them those that an output cannot do without.
        meanings: What each output stands for, by its symbol.
        variables: Each input of any output, by its symbol.
        ranks: The designs that it was fitted on, as a line.
    """

    law: LawRecord
    coefficients: dict[str, float]
    outputs: dict[str, tuple[str, ...]]
    required: dict[str, tuple[str, ...]]
    meanings: dict[str, str]
    variables: dict[str, LawVariableRecord]
    ranks: str


@dataclass(frozen=True, kw_only=True)
class PlacedValueRecord:
    """One variable of an answer beside the range that the law was fitted on.

    Attributes:
        symbol: The variable.
        value: What it is.
        low: Lower end of the range.
        high: Upper end of the range.
        decades: How far outside, |log10|; 0 inside.
    """

    symbol: str
    value: float
    low: float
    high: float
    decades: float


@dataclass(frozen=True, kw_only=True)
class PredictionRecord:
    """One output of a law, evaluated.

    Attributes:
        law: The law's name.
        status: The status of its coefficients.
        source: Paper and place.
        output: Symbol of the output.
        inputs: Values of the law's variables, by symbol.
        verdict: Verdict of the fit behind it; null where none is stated, as for a published law.
        fit: The verdict and the coefficients that it is about; empty where none is stated.
        loss: Nats per token; only where the output is L.
        low: Lower end of 90 %, of a loss by the law's scatter and draws, of another output by its draws; null when
            neither is known.
        high: Upper end; likewise.
        value: The output in the law's own unit; only where it is another than L.
        unit: Its unit; empty where neither the law nor its name says it.
        meaning: What it stands for.
        band: What low and high come from, or why there are none.
        bound: ``at least`` or ``at most`` where it is the end of a search and no best value.
        reach: Its variables beside the range that the law was fitted on.
        unstated: Inputs whose range nobody stated.
        range: The same as a line.
        domain: The designs that the law was fitted on, as a line.
    """

    law: str
    status: Status
    source: str
    output: str
    inputs: dict[str, float | str]
    verdict: FitVerdict | None
    fit: str
    low: float | None
    high: float | None
    unit: str
    meaning: str
    band: str
    bound: Bound
    reach: tuple[PlacedValueRecord, ...]
    unstated: tuple[str, ...]
    range: str
    domain: str
    loss: float | UnsetType | None = UNSET
    value: float | UnsetType | None = UNSET


@dataclass(frozen=True, kw_only=True)
class CheckResultRecord:
    """A published value beside our own.

    Attributes:
        law: The law's name.
        output: Symbol of the output.
        inputs: Values of the law's variables, by symbol.
        expected: The published value.
        ours: Our value; null where it cannot be evaluated.
        tolerance_rel: Relative difference that is allowed.
        ok: Whether it is kept; null where it cannot be evaluated.
        pending: Why it cannot be evaluated; empty where it can.
    """

    law: str
    output: str
    inputs: dict[str, float | str]
    expected: float
    ours: float | None
    tolerance_rel: float
    ok: bool | None
    pending: str


@dataclass(frozen=True, kw_only=True)
class ChecksRecord:
    """A file of check-values, evaluated.

    Attributes:
        passed: Rows within their tolerance.
        failed: Rows beyond their tolerance.
        pending: Rows that cannot be evaluated.
        rows: All rows.
    """

    passed: int
    failed: int
    pending: int
    rows: tuple[CheckResultRecord, ...]


def law_record(row: LawRow) -> LawRecord:
    """One coefficient set with its evidence."""
    held = row.evidence.holdout
    evidence = same_fields(
        EvidenceRecord, row.evidence, holdout=same_fields(HoldOutEvidenceRecord, held) if held else None
    )
    return same_fields(
        LawRecord,
        row,
        domain=same_fields(DomainRecord, row.domain),
        evidence=evidence,
        draws=max(map(len, row.draws.values()), default=0),
    )


def law_list_record(rows: Sequence[LawRow]) -> LawListRecord:
    """The whole library of laws."""
    return LawListRecord(laws=tuple(law_record(row) for row in rows))


def law_show_record(row: LawRow, law: Evaluable) -> LawShowRecord:
    """One law with what it can evaluate."""
    return LawShowRecord(
        law=law_record(row),
        coefficients=row.coefficients,
        outputs=law.outputs,
        required={symbol: law.required(symbol) for symbol in law.outputs},
        meanings={symbol: law.meaning(symbol) for symbol in law.outputs},
        variables={symbol: same_fields(LawVariableRecord, one) for symbol, one in law_variables(row, law).items()},
        ranks=row.domain.words,
    )


def prediction_record(row: LawRow, inputs: Mapping[str, Any], found: LawPrediction) -> PredictionRecord:
    """One output of a law; the loss has a key of its own."""
    return same_fields(
        PredictionRecord,
        found,
        law=row.name,
        status=row.status,
        source=row.source,
        inputs=dict(inputs),
        verdict=row.evidence.verdict,
        fit=row.evidence.words,
        loss=found.value if found.output == LOSS else UNSET,
        value=UNSET if found.output == LOSS else found.value,
        reach=tuple(same_fields(PlacedValueRecord, one) for one in found.reach.placed),
        unstated=found.reach.unstated,
        range=found.reach.words,
        domain=row.domain.words,
    )


def checks_record(results: Sequence[CheckResult]) -> ChecksRecord:
    """Check-values with how many of them hold."""
    return ChecksRecord(
        passed=sum(result.ok is True for result in results),
        failed=sum(result.ok is False for result in results),
        pending=sum(result.ok is None for result in results),
        rows=tuple(same_fields(CheckResultRecord, result) for result in results),
    )
