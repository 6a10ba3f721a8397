"""Counted models in words: labelled lines for one, columns for several."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from optimoe.core.units import format_bytes, format_count, format_seconds
from optimoe.report.records.arch import CountRecord, FlopPartsRecord
from optimoe.report.words.lines import Lines

if TYPE_CHECKING:  # counting a model loads neither NumPy nor the cost model
    from optimoe.report.records.comparison import ComparedRecord, CostPartsRecord, DenseEquivalentRecord


def arch_lines(record: CountRecord) -> Lines:
    """Labelled lines about one counted model."""
    flops = record.flops_per_token
    parts = ", ".join(
        f"{part.replace('_', ' ')} {format_count(n)}" for part, n in asdict(record.parts).items() if n
    )
    return [
        ("Model", record.name),
        *([("", f"shape speculated: {record.arch.speculated}")] if record.arch.speculated else []),
        (
            "Params",
            f"{record.params_total:,} total · {record.params_active:,} active · "
            f"{record.params_nonembedding:,} without embeddings",
        ),
        ("", parts),
        (
            "FLOPs",
            f"per token at {record.context_tokens:,.0f} tokens: prefill {format_count(flops.prefill)}, "
            f"decode {format_count(flops.decode)}, training {format_count(flops.train)}",
        ),
        (
            "Bytes",
            f"weights {format_bytes(record.weight_bytes)} ({record.precision}), cache "
            f"{format_bytes(record.kv_bytes_per_token)} per token ({record.kv_precision})",
        ),
        (
            "Ratios",
            f"experts/attention r = {record.expert_attention_flops_ratio:.2f}"
            f" · sparsity of routed experts {record.sparsity:.3f}"
            f" · active share, shared experts in both, {record.active_share:.3f}"
            + "".join(f" · granularity ({name}) {value:.3g}" for name, value in record.granularity.items()),
        ),
    ]


def arch_columns(records: Sequence[CountRecord]) -> list[tuple[str, ...]]:
    """Counted models side by side: a row for each quantity, the first column its name."""

    def row(name: str, pick: Callable[[CountRecord], str]) -> tuple[str, ...]:
        return (name, *(pick(record) for record in records))

    def flops(phase: str) -> Callable[[CountRecord], str]:
        return lambda record: format_count(getattr(record.flops_per_token, phase))

    any_guess = any(record.arch.speculated for record in records)
    shape = row("shape", lambda record: "speculated" if record.arch.speculated else "published")
    return [
        row("", lambda record: record.name),
        *([shape] if any_guess else []),
        row("params", lambda record: format_count(record.params_total)),
        row("active", lambda record: format_count(record.params_active)),
        row("without embeddings", lambda record: format_count(record.params_nonembedding)),
        row("layers × width", lambda record: f"{record.arch.num_layers} × {record.arch.d_model}"),
        row("experts, top-k", lambda record: f"{record.arch.num_experts}, {record.arch.top_k}"),
        row("sparsity, routed", lambda record: f"{record.sparsity:.3f}"),
        row("active share, with shared", lambda record: f"{record.active_share:.3f}"),
        row("decode FLOPs attention, FFN", lambda record: _flop_shares(record.flops_parts.decode)),
        row("r experts/attention", lambda record: f"{record.expert_attention_flops_ratio:.2f}"),
        row("FLOPs/token prefill", flops("prefill")),
        row("FLOPs/token decode", flops("decode")),
        row("FLOPs/token training", flops("train")),
        row("weights", lambda record: format_bytes(record.weight_bytes)),
        row("cache per token", lambda record: format_bytes(record.kv_bytes_per_token)),
        row("fixed state", lambda record: format_bytes(record.state_bytes)),
    ]


def dense_equivalent_columns(records: "Sequence[ComparedRecord]") -> list[tuple[str, ...]]:
    """Dense sizes of equal cost, models side by side: by the rule of thumb, and by the full cost model."""

    def row(name: str, pick: "Callable[[ComparedRecord], str]") -> tuple[str, ...]:
        return (name, *(pick(record) for record in records))

    def sizes(label: str, pick: "Callable[[ComparedRecord], DenseEquivalentRecord]") -> list[tuple[str, ...]]:
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


def component_columns(record: "ComparedRecord") -> list[tuple[str, ...]]:
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


def comparison_notes(records: Sequence["ComparedRecord"], on: str) -> Lines:
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


def _flop_shares(flops: FlopPartsRecord) -> str:
    """Shares of attention and of all feed-forwards in a token's FLOPs; what remains are the logits."""
    total = sum(asdict(flops).values())
    attention = flops.attention_projections + flops.attention_scores + flops.indexer + flops.recurrent
    return f"{attention / total:.0%}, {(total - attention - flops.unembedding) / total:.0%}"


def _size(params: float | None) -> str:
    return "–" if params is None else format_count(params)


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else format_seconds(seconds)


def _total(parts: "CostPartsRecord") -> float | None:
    seconds = [value for value in vars(parts).values() if value is not None]
    return sum(seconds) if seconds else None


def _share(seconds: float | None, parts: "CostPartsRecord") -> str:
    total = _total(parts)
    if seconds is None or not total:
        return "–"
    share = f"{seconds / total:.0%}"
    return share if share == "0%" else f"{format_seconds(seconds)} {share:>4}"
