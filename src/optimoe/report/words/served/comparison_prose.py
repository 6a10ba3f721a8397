"""Models beside the dense models that cost as much to serve, in columns: by regime, by component, and in notes."""

from collections.abc import Callable, Sequence

from optimoe.core.units import format_count, format_seconds
from optimoe.report.records.served.comparison import (
    ComparedRecord,
    ComparisonRecord,
    CostPartsRecord,
    DenseEquivalentRecord,
)
from optimoe.report.words.lines import Lines


def comparison_sentence(record: ComparisonRecord) -> str:
    """The dense models that cost as much to serve as each, by the full cost model."""
    said = []
    for model in record.models:
        sizes = {regime: getattr(model.dense_equivalent_full, name) for name, regime in REGIMES.items()}
        known = [f"{format_count(size)} in {regime}" for regime, size in sizes.items() if size is not None]
        dense = ", ".join(known) or "no known size"
        said.append(f"{model.name} costs as much to serve as a dense model of {dense}")
    return f"{'; '.join(said)}."


def dense_equivalent_columns(records: Sequence[ComparedRecord]) -> list[tuple[str, ...]]:
    """Dense sizes of equal cost, models side by side: by the rule of thumb, and by the full cost model."""

    def row(name: str, pick: Callable[[ComparedRecord], str]) -> tuple[str, ...]:
        return (name, *(pick(record) for record in records))

    def sizes(label: str, pick: Callable[[ComparedRecord], DenseEquivalentRecord]) -> list[tuple[str, ...]]:
        return [
            row(f"{label}: {regime}", lambda record, name=name: _size(getattr(pick(record), name)))  # type: ignore[misc]
            for name, regime in REGIMES.items()
        ]

    by_rule = sizes("rule of thumb", lambda record: record.dense_equivalent)
    return [
        row("dense size of equal cost", lambda record: record.name),
        *by_rule[:3],
        row("  with its own depth", lambda record: _size(record.fast_decode_own_depth)),
        *by_rule[3:],
        row("  cache saved", lambda record: f"{record.cache_saving:.0%}" if record.cache_saving else "–"),
        *sizes("full cost model", lambda record: record.dense_equivalent_full),
    ]


def ratio_columns(records: Sequence[ComparedRecord], tokens: float) -> list[tuple[str, ...]]:
    """Li's best ratio of expert to attention FLOPs, and the largest step outside its fit; none without tokens."""
    if not tokens:
        return []

    def far(record: ComparedRecord) -> str:
        if record.best_ratio is None:
            return "–"
        symbol, decades = max(record.best_ratio.decades_beyond.items(), key=lambda item: item[1])
        return f"{10**decades:.3g}× in {symbol}" if decades > 0 else "inside"

    return [
        (
            f"r* of Li at {format_count(tokens)} tokens",
            *("–" if one.best_ratio is None else f"{one.best_ratio.outputs['r_star']:.2f}" for one in records),
        ),
        ("  beyond its fit", *(far(record) for record in records)),
    ]


def component_columns(record: ComparedRecord) -> list[tuple[str, ...]]:
    """One model by component: dense sizes by the rule of thumb beside seconds by the full cost model."""
    parts = [getattr(record.components_full, regime) for regime in REGIMES]
    rows = [
        (
            name.replace("_", " "),
            format_count(getattr(record.components, name)),
            *(_share(getattr(part, f"{name}_s"), part) for part in parts),
        )
        for name in ("arithmetic", "weight_reads", "depth", "network", "attention")
    ]
    own = ("  by its layers", format_count(record.components.depth_of_layers), *("" for _ in REGIMES))
    rows.insert(3, own)
    rule, full = record.dense_equivalent, record.dense_equivalent_full
    return [
        (record.name, "by rule", *REGIMES.values()),
        *rows,
        ("a token", "", *(_seconds(_total(part)) for part in parts)),
        ("dense size, full model", "", *(_size(getattr(full, name)) for name in REGIMES)),
        ("dense size, rule", "", *(_size(getattr(rule, name)) for name in REGIMES)),
    ]


def comparison_notes(records: Sequence[ComparedRecord], on: str) -> Lines:
    """What a reader of dense sizes must know: units, guessed shapes, and where the rule is outside its range."""
    lines: Lines = [
        (
            "Full model",
            f"on {on}, each in its best layout: GPU seconds a token; in fast decode, seconds a token of a single "
            "request on all GPUs, which reads its k experts alone",
        ),
        ("Rule", "Epoch AI, December 2024; long contexts: no single size, a share of the cache is saved"),
    ]
    for record in records:
        said = [f"shape speculated: {record.arch.speculated}"] if record.arch.speculated else []
        said += [f"outside the rule's range: {words}" for words in record.outside_rule]
        lines += [(record.name if number == 0 else "", words) for number, words in enumerate(said)]
    return lines


REGIMES = {
    "prefill": "prefill",
    "slow_decode": "slow decode",
    "fast_decode": "fast decode",
    "long_context": "long context",
}


def _size(params: float | None) -> str:
    return "–" if params is None else format_count(params)


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else format_seconds(seconds)


def _total(parts: CostPartsRecord) -> float | None:
    seconds = [value for value in vars(parts).values() if value is not None]
    return sum(seconds) if seconds else None


def _share(seconds: float | None, parts: CostPartsRecord) -> str:
    total = _total(parts)
    if seconds is None or not total:
        return "–"
    share = f"{seconds / total:.0%}"
    return share if share == "0%" else f"{format_seconds(seconds)} {share:>4}"
