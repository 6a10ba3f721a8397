"""The answer to a comparison: models side by side, with the dense model that each is equal to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optimoe.app.notes import warn, warn_of_formats
from optimoe.app.replies.reply import Reply
from optimoe.inputs.models import CompareRequest

if TYPE_CHECKING:
    from optimoe.arch.spec import ArchSpec
    from optimoe.cost.serving.estimate import Deployment
    from optimoe.cost.sizing.dense_equivalent import ServingCosts
    from optimoe.laws.compare import Advice
    from optimoe.report.records.served.comparison import ComparedRecord, ComparisonRecord
    from optimoe.report.words.lines import Lines, Table


def compare(request: CompareRequest) -> Reply:
    """Models side by side: by the rules of thumb of Epoch AI, and by the full cost model on the given GPUs."""
    from optimoe.arch.memory import main_format
    from optimoe.cost.sizing.dense_equivalent import dense_ladder
    from optimoe.report.records.served.comparison import comparison_record

    deployment, specs = request.deployment(), request.specs()
    formats = [main_format(deployment.serves(spec)) for spec in specs]
    # a model stands beside dense ones in the format of most of its own weights, so that sizes alone differ
    ladders = {word: dense_ladder(request.deployment(word)) for word in dict.fromkeys(formats)}
    records = [
        _compared(spec, request, deployment, ladders[word]) for spec, word in zip(specs, formats, strict=True)
    ]

    def notes() -> "Lines":
        return _notes(records, specs, request.precision, deployment)

    def page() -> str:
        from optimoe.report.pages.answer_page import comparison_page

        return comparison_page(comparison_record(records), _tables(records, request.tokens), notes())

    return Reply(
        record=lambda: comparison_record(records),
        blocks=lambda: [*_tables(records, request.tokens), notes()],
        page=page,
        rows=lambda record: record.models,
        figures={"dense": _equivalents},
    )


def _equivalents(record: "ComparisonRecord") -> Any:
    from optimoe.report.pages.figures.models import equivalents_figure

    return equivalents_figure(record)


def _tables(records: "list[ComparedRecord]", tokens: float) -> "list[Table]":
    """What each model is, the dense sizes of equal cost, and what each size is put together from."""
    from optimoe.report.words.arch_prose import arch_columns
    from optimoe.report.words.lines import Table
    from optimoe.report.words.served.comparison_prose import (
        component_columns,
        dense_equivalent_columns,
        ratio_columns,
    )

    return [
        Table(rows=[*arch_columns(records), *ratio_columns(records, tokens)]),
        Table(rows=dense_equivalent_columns(records), decides=True),
        *(Table(rows=component_columns(record)) for record in records),
    ]


def _notes(
    records: "list[ComparedRecord]", specs: "Sequence[ArchSpec]", precision: str, deployment: "Deployment"
) -> "Lines":
    """What is to be known of the tables: GPUs, precisions, and what was measured of each model alone."""
    from optimoe.arch.quantize import AUTO
    from optimoe.cost.sizing.layouts import alone_evidence
    from optimoe.report.words.served.comparison_prose import comparison_notes
    from optimoe.report.words.served.evidence_prose import basis_words

    cluster, words = deployment.cluster, precision
    if words == AUTO:
        words = "models in their own formats, dense ones in that of most weights of the model beside them"
    on = f"{cluster.num_gpus}x{cluster.accelerator.name}, {words}"
    bases = [(spec, alone_evidence(spec, deployment)) for spec in specs]
    basis = [("Basis", f"{spec.name}, alone: {basis_words(found)}") for spec, found in bases if found]
    return [*comparison_notes(records, on=on), *basis]


def _compared(
    spec: "ArchSpec", request: CompareRequest, deployment: "Deployment", ladder: "list[ServingCosts]"
) -> "ComparedRecord":
    """A model with its dense sizes; that it does not fit the GPUs is said."""
    from optimoe.arch.count import count
    from optimoe.cost.published.epoch_range import outside_range
    from optimoe.cost.published.epoch_rules import rule_of_thumb
    from optimoe.cost.sizing.dense_equivalent import LONG_CONTEXT, full_dense_equivalent, serving_costs
    from optimoe.cost.sizing.layouts import alone, alone_evidence
    from optimoe.report.records.arch import count_record
    from optimoe.report.records.served.comparison import compared_record
    from optimoe.report.words.memory_prose import tightness

    warn_of_formats(deployment.serves(spec))
    costs = serving_costs(spec, deployment)
    if not costs.fits:
        warn(f"memory: {spec.name} does not fit {deployment.cluster.num_gpus} GPUs: take more")
    served = alone(spec, deployment)
    if served and (tight := tightness(spec, deployment, served)):
        warn(f"memory: one request of {spec.name} on {deployment.cluster.num_gpus} GPUs{tight}")
    if 0 < spec.max_context < LONG_CONTEXT:
        warn(
            f"context: {spec.name} was made for {spec.max_context:,} tokens, the long context is {LONG_CONTEXT:,}"
        )
    return compared_record(
        count_record(spec, count(spec, request.context, request.precision)),
        rule_of_thumb(spec),
        outside_range(spec),
        full_dense_equivalent(costs, ladder),
        costs,
        _best_ratio(spec, request.tokens) if request.tokens else None,
        alone_evidence(spec, deployment),
    )


def _best_ratio(spec: "ArchSpec", tokens: float) -> "Advice | None":
    """What Li's law says of a model that routes."""
    from optimoe.laws.compare import compare as compare_laws
    from optimoe.laws.factors.attention import RATIO_LAW

    advice = compare_laws(spec, tokens, [RATIO_LAW]).advice
    return advice[0] if advice else None
