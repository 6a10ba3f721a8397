"""JSON of ``optimoe compare``: counted models with the dense models that cost as much to serve."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import isfinite
from typing import Any

from optimoe.core.records import same_fields
from optimoe.cost.published.epoch_rules import DenseEquivalent, RuleOfThumb
from optimoe.cost.serving.accuracy.evidence import AnswerEvidence
from optimoe.cost.sizing.dense_equivalent import CostParts, ServingCosts
from optimoe.laws.compare import Advice
from optimoe.report.records.arch import CountRecord
from optimoe.report.records.laws.comparison import AdviceRecord
from optimoe.report.records.served.evidence import AnswerEvidenceRecord, evidence_record


@dataclass(frozen=True, kw_only=True)
class DenseEquivalentRecord:
    """Parameters of the dense model that costs as much to serve, by regime; null where there is none.

    Attributes:
        prefill: Prompts.
        slow_decode: Decoding of a large batch at short contexts.
        fast_decode: Decoding of a small batch on many GPUs.
        long_context: Decoding bound by the cache.
    """

    prefill: float | None
    slow_decode: float | None
    fast_decode: float | None
    long_context: float | None


@dataclass(frozen=True, kw_only=True)
class RuleComponentsRecord:
    """Parameters of the dense model of equal cost, by component of the rule of thumb.

    Attributes:
        arithmetic: The active parameters.
        weight_reads: All parameters: a batch reads every expert.
        depth: P·A/E, as in the formula of fast decoding.
        depth_of_layers: By the model's real layers, against Llama 3.1 405B with the cube-root rule.
        network: P·(A/√E)^(3/2).
        attention: In proportion to its attention parameters, against Llama 3.1 405B.
    """

    arithmetic: float
    weight_reads: float
    depth: float
    depth_of_layers: float
    network: float
    attention: float


@dataclass(frozen=True, kw_only=True)
class CostPartsRecord:
    """Seconds of one token in one regime, by the same components; null where the model does not fit.

    Attributes:
        arithmetic_s: Kernels that arithmetic binds.
        weight_reads_s: Kernels that the reads of weights bind.
        depth_s: Launches, and the engine's own time per step.
        network_s: All-reduces, dispatch and combine, pipeline stages.
        attention_s: Kernels that the reads of the cache bind.
    """

    arithmetic_s: float | None
    weight_reads_s: float | None
    depth_s: float | None
    network_s: float | None
    attention_s: float | None


@dataclass(frozen=True, kw_only=True)
class RegimePartsRecord:
    """What a token costs by the full cost model, in each regime in the best layout on the given GPUs.

    Attributes:
        prefill: GPU seconds per token of a prompt of 8,192.
        slow_decode: GPU seconds per output token at 1,024 tokens of context, the cheapest batch.
        fast_decode: Seconds per output token of a single request on all GPUs.
        long_context: GPU seconds per output token at 131,072 tokens of context, the cheapest batch.
    """

    prefill: CostPartsRecord
    slow_decode: CostPartsRecord
    fast_decode: CostPartsRecord
    long_context: CostPartsRecord


@dataclass(frozen=True, kw_only=True)
class ComparedRecord(CountRecord):
    """A counted model with its dense equivalents.

    Attributes:
        dense_equivalent: By the rules of thumb of Epoch AI; ``long_context`` is null but for a dense model.
        fast_decode_own_depth: Fast decoding by the rule, with the depth of the model's real layers.
        cache_saving: Share of the cache saved against a dense model of equal size, 1 − E^(−1/3); 0 when dense.
        network_volume_ratio: Bytes sent over those of the dense twin of equal size and depth, A/√E.
        components: What the rule puts fast decoding and the other regimes together from.
        outside_rule: The rule's assumptions that the model does not keep, in words.
        dense_equivalent_full: By the full cost model on the given GPUs; all null where the model does not fit.
        components_full: What a token costs by the full cost model, by the same components.
        best_ratio: What Li's law says of the ratio of expert to attention FLOPs at the stated training tokens;
            null without these, and for a dense model.
        evidence: What was measured of the model on the given GPUs, a single request on all of them; null where it
            does not fit.
    """

    dense_equivalent: DenseEquivalentRecord
    fast_decode_own_depth: float
    cache_saving: float
    network_volume_ratio: float
    components: RuleComponentsRecord
    outside_rule: tuple[str, ...]
    dense_equivalent_full: DenseEquivalentRecord
    components_full: RegimePartsRecord
    best_ratio: AdviceRecord | None
    evidence: AnswerEvidenceRecord | None


@dataclass(frozen=True, kw_only=True)
class ComparisonRecord:
    """Models side by side.

    Attributes:
        models: In the order in which they were named.
    """

    models: tuple[ComparedRecord, ...]


def compared_record(
    counted: CountRecord,
    rule: RuleOfThumb,
    outside: tuple[str, ...],
    full: DenseEquivalent,
    costs: ServingCosts,
    advice: Advice | None = None,
    evidence: AnswerEvidence | None = None,
) -> ComparedRecord:
    """A counted model with its dense equivalents.

    Args:
        counted: The model.
        rule: What the rule of thumb says of it.
        outside: Where it is outside the rule's range.
        full: Its dense equivalents by the full cost model.
        costs: Its costs by the full cost model.
        advice: What Li's law says of its ratio of experts to attention.
        evidence: What was measured of it on the given GPUs.
    """
    return same_fields(
        ComparedRecord,
        counted,
        dense_equivalent=_sizes_record(rule.sizes),
        fast_decode_own_depth=rule.own_depth,
        cache_saving=rule.cache_saving,
        network_volume_ratio=rule.volume_ratio,
        components=same_fields(RuleComponentsRecord, rule.components),
        outside_rule=outside,
        best_ratio=same_fields(AdviceRecord, advice) if advice else None,
        evidence=evidence_record(evidence) if evidence else None,
        dense_equivalent_full=_sizes_record(full),
        components_full=RegimePartsRecord(
            **{field.name: _parts_record(getattr(costs, field.name)) for field in fields(RegimePartsRecord)}
        ),
    )


def comparison_record(models: Sequence[ComparedRecord]) -> ComparisonRecord:
    """Models side by side."""
    return ComparisonRecord(models=tuple(models))


def _sizes_record(sizes: DenseEquivalent) -> DenseEquivalentRecord:
    return _finite(DenseEquivalentRecord, sizes)


def _parts_record(parts: CostParts) -> CostPartsRecord:
    return _finite(CostPartsRecord, parts)


def _finite(cls: Any, numbers: Any) -> Any:
    """A record of numbers, with null where one is none."""
    values = {field.name: getattr(numbers, field.name) for field in fields(cls)}
    return cls(**{name: value if isfinite(value) else None for name, value in values.items()})
