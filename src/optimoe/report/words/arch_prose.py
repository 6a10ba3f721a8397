"""Counted models in words: labelled lines for one, columns for several."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from optimoe.arch.count import ArchCount
from optimoe.core.units import format_bytes, format_count
from optimoe.report.records.arch import (
    CountRecord,
    DifferenceRecord,
    FlopPartsRecord,
    GgufRecord,
    ModulesRecord,
    StoredModelRecord,
)
from optimoe.report.words.lines import Deciding, Lines

MOST_DIFFERENCES = 12
"""Differences of a checkpoint from its configuration that an answer in words lists."""


def arch_lines(record: CountRecord) -> Lines:
    """Labelled lines about one counted model."""
    flops = record.flops_per_token
    parts = ", ".join(
        f"{part.replace('_', ' ')} {format_count(n)}" for part, n in asdict(record.parts).items() if n
    )
    return [
        ("Model", record.name),
        *([("", f"shape speculated: {record.arch.speculated}")] if record.arch.speculated else []),
        *([("", record.arch.note)] if record.arch.note else []),
        (
            Deciding("Params"),
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
            f"weights {format_bytes(record.weight_bytes)} ({_precision(record)}), cache "
            f"{format_bytes(record.kv_bytes_per_token)} per token ({record.kv_precision})",
        ),
        ("", _weights(record)),
        *(_files(record.files) if record.files else []),
        *([("Careful", record.warning)] if record.warning else []),
        (
            "Ratios",
            f"experts/attention r = {record.expert_attention_flops_ratio:.2f}"
            f" · sparsity of routed experts {record.sparsity:.3f}"
            f" · active share, shared experts in both, {record.active_share:.3f}"
            + "".join(f" · granularity ({name}) {value:.3g}" for name, value in record.granularity.items()),
        ),
    ]


def counted_lines(counted: ArchCount) -> Lines:
    """What was counted of a model whose shape is not at hand; of a grid its shape."""
    if shape := getattr(counted.params.total, "shape", ()):
        return [("Grid", f"{' × '.join(map(str, shape))} models: to_frame() has their numbers")]
    params = counted.params
    parts = ", ".join(f"{part.replace('_', ' ')} {format_count(n)}" for part, n in asdict(params).items() if n)
    return [
        (
            "Params",
            f"{params.total:,} total · {params.active:,} active · {params.nonembedding:,} without embeddings",
        ),
        ("", parts),
        (
            "FLOPs",
            f"per token at {counted.context_tokens:,.0f} tokens: prefill {format_count(counted.prefill.total)}, "
            f"decode {format_count(counted.decode.total)}, training {format_count(counted.train_flops_per_token)}",
        ),
        (
            "Bytes",
            f"weights {format_bytes(counted.weight_bytes)} ({counted.precision}), cache "
            f"{format_bytes(counted.kv_bytes_per_token)} per token",
        ),
        *([("Careful", counted.warning)] if counted.warning else []),
    ]


def module_lines(record: ModulesRecord) -> Lines:
    """Labelled lines about a model that transformers built: parameters by kind of module, and what is untold."""
    parts = ", ".join(
        f"{kind.replace('_', ' ')} {format_count(n)}" for kind, n in asdict(record.modules).items() if n
    )
    return [
        ("Model", f"{record.name}, {record.architecture} of {record.via} {record.release}"),
        (Deciding("Params"), f"{record.params_total:,} total"),
        ("", f"{parts} (kinds by the names of their classes)"),
        *(("Untold" if number == 0 else "", words) for number, words in enumerate(record.untold)),
    ]


def gguf_lines(record: GgufRecord) -> Lines:
    """Labelled lines: what the files say of the model, parameters and bytes by type, parts that differ."""
    types = ", ".join(
        f"{word} {format_count(held.params)} in {format_bytes(held.num_bytes)}"
        for word, held in record.types.items()
    )
    parts = ", ".join(
        f"{name.replace('_', ' ')} {format_count(part.params)}"
        for name, part in record.parts.items()
        if part.params
    )
    return [
        ("Model", f"{record.name}: {_gguf_said(record)}"),
        (Deciding("Params"), f"{record.params:,} in the files" + _gguf_stated(record)),
        ("", parts),
        (
            "Files",
            f"{record.num_tensors:,} tensors in {record.num_files:,} files of GGUF {record.version}, "
            f"{format_bytes(record.num_bytes)}, "
            f"{8 * record.num_bytes / max(record.params, 1):.2f} bits a parameter",
        ),
        ("", types),
        *[("", line) for line in _gguf_differences(record)],
    ]


def _gguf_said(record: GgufRecord) -> str:
    """What the files say of the model."""
    words = [record.architecture or "of an architecture that is not said"]
    words += [f"{record.num_layers} layers of {record.d_model:,}"] if record.num_layers and record.d_model else []
    if record.num_experts:
        words.append(f"{record.num_experts} experts, of which a token takes {record.top_k or 'a number not said'}")
    words += [f"{record.max_context:,} tokens"] if record.max_context else []
    return ", ".join(words)


def _gguf_stated(record: GgufRecord) -> str:
    """What the configuration says of their number."""
    if not record.configured:
        return "; without a config.json beside them nothing is compared"
    differs = next(_gguf_differences(record), "")
    verdict = "not all is" if differs else "all is"
    return f", stated {record.params_stated:,}; {verdict} as the configuration says"


def _gguf_differences(record: GgufRecord) -> Iterator[str]:
    """Parts that hold another number of parameters than the configuration says."""
    for name, part in record.parts.items() if record.configured else ():
        if name not in ("copy", "buffer") and part.params != part.params_stated:
            yield f"{name.replace('_', ' ')}: {part.params:,} parameters, stated {part.params_stated:,}"


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
        row("prefill FLOPs attention, FFN", lambda record: _flop_shares(record.flops_parts.prefill)),
        row("r experts/attention", lambda record: f"{record.expert_attention_flops_ratio:.2f}"),
        row("FLOPs/token prefill", flops("prefill")),
        row("FLOPs/token decode", flops("decode")),
        row("FLOPs/token training", flops("train")),
        row("weights", lambda record: format_bytes(record.weight_bytes)),
        row("precision", lambda record: record.precision),
        row("cache per token", lambda record: format_bytes(record.kv_bytes_per_token)),
        row("fixed state", lambda record: format_bytes(record.state_bytes)),
        *([row("files", _verdict)] if any(record.files for record in records) else []),
    ]


def _verdict(record: CountRecord) -> str:
    """Whether the files of a checkpoint hold what its configuration says."""
    return ("as stated" if not record.files.differences else "unlike stated") if record.files else "–"


def _precision(record: CountRecord) -> str:
    """The format of most weights, and where the formats are from."""
    return f"{record.precision}, {record.precision_source}" if record.precision_source else record.precision


def _weights(record: CountRecord) -> str:
    """Bytes and formats of every part that has weights."""
    return ", ".join(
        f"{part.replace('_', ' ')} {format_bytes(num_bytes)} {'/'.join(record.weight_formats[part])}"
        for part, num_bytes in asdict(record.weight_parts).items()
        if num_bytes
    )


def _files(files: StoredModelRecord) -> Lines:
    """What the headers of a checkpoint's files say, and what of it is otherwise than stated."""
    types = ", ".join(f"{word} {format_bytes(num_bytes)}" for word, num_bytes in files.types.items())
    beside = ", ".join(f"{kind} {format_bytes(num_bytes)}" for kind, num_bytes in files.beside.items())
    verdict = "not all is as the configuration says" if files.differences else "all is as the configuration says"
    return [
        (
            Deciding("Files"),
            f"{files.num_tensors:,} tensors in {files.num_files:,} files, {types}: {files.params:,} parameters, "
            f"stated {files.params_stated:,}; {verdict}",
        ),
        *([("", f"of these no parameters: {beside}")] if beside else []),
        *(
            (
                "",
                f"{name.replace('_', ' ')}: {part.params:,} parameters, stated {part.params_stated:,}; "
                f"{format_bytes(part.num_bytes)}, stated {format_bytes(part.bytes_stated)}",
            )
            for name, part in files.parts.items()
            if any(name == difference.part for difference in files.differences)
        ),
        *[("", _difference(difference)) for difference in files.differences[:MOST_DIFFERENCES]],
        *(
            [("", f"and {more} more kinds of differences (--json has all)")]
            if (more := len(files.differences) - MOST_DIFFERENCES) > 0
            else []
        ),
    ]


def _difference(one: DifferenceRecord) -> str:
    """One line: what it is, where, what is stated and what the files hold."""
    where = f" of layers {_ranges(one.layers)}" if one.layers else ""
    named = f"{one.tensor or one.part.replace('_', ' ')}{where}"
    times = f" ({one.count} of them)" if one.count > max(len(one.layers), 1) else ""
    if one.kind == "missing":
        return f"missing: {named}{times}, {one.stated}"
    if one.kind == "unexpected":
        return f"unexpected: {named}{times}"
    if one.kind == "size":
        beside = f" (beside its matrices: {one.tensor})" if one.tensor else ""
        return f"size: {one.part.replace('_', ' ')}{where}: {one.found}, stated {one.stated}{beside}"
    return f"{one.kind}: {named}{times}: {one.found}, stated {one.stated}"


def _ranges(numbers: Sequence[int]) -> str:
    """Whole numbers in order as ranges: 0–3, 7."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in spans)


def _flop_shares(flops: FlopPartsRecord) -> str:
    """Shares of attention and of all feed-forwards in a token's FLOPs; what remains are the logits."""
    total = sum(asdict(flops).values())
    attention = flops.attention_projections + flops.attention_scores + flops.indexer + flops.recurrent
    return f"{attention / total:.0%}, {(total - attention - flops.unembedding) / total:.0%}"
