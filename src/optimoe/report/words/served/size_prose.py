"""Sizes from an observed speed and price, in labelled lines and tables."""

import math

from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.cost.engines.served import formats_of_a_design
from optimoe.cost.sizing.size_from_speed import Guess, Observed, SizesFromSpeed
from optimoe.report.words.lines import Lines

NOTHING = "none"


def sizes_lines(sizes: SizesFromSpeed) -> Lines:
    """What was seen, and what is assumed about everything that cannot be."""
    cluster, workload, engine = sizes.deployment.cluster, sizes.deployment.workload, sizes.deployment.engine
    price, shape = sizes.deployment.price, sizes.shape
    hour = "" if math.isnan(price.usd_per_gpu_hour) else f" at {format_usd(price.usd_per_gpu_hour)} an hour"
    return [
        ("Observed", " · ".join(_observed(sizes.observed))),
        (
            "On",
            f"{cluster.num_gpus} × {cluster.accelerator.name}{hour} or fewer, as copies side by side; prompts of "
            f"{workload.input_tokens:,} and answers of {workload.output_tokens:,} tokens; "
            f"{formats_of_a_design(engine)[0]} weights",
        ),
        (
            "Models",
            f"gated feed-forward in every layer, {shape.ffn_ratio:g}·d wide (all experts of a token together); "
            f"{shape.num_kv_heads} key-value heads; d/{shape.aspect:g} layers; by assumption",
        ),
        (
            "Sizes",
            "the largest that can be served so, to 7 %: a smaller model can be sold at the same speed and price, "
            "with a larger margin. Band: the last table's rows put together, as if independent; rule: Epoch AI's "
            "P·k^(5/8)/E^(7/16) of the dense size, turned around",
        ),
    ]


def size_rows(sizes: SizesFromSpeed) -> list[tuple[str, ...]]:
    """The dense size, and total and active sizes by sparsity, beside the article's rule of thumb."""
    heads = ("experts", "total", "band", "active", "band", "bound by", "USD/Mtok", "total by rule")
    return [heads, *(_size_row(guess) for guess in sizes.guesses)]


def _size_row(guess: Guess) -> tuple[str, ...]:
    return (
        _kind(guess),
        _size(guess.params_total),
        _band(guess.params_total_low, guess.params_total_high),
        _size(guess.params_active),
        _band(guess.params_active_low, guess.params_active_high),
        guess.bound_by,
        _cost(guess),
        _size(guess.rule_params_total),
    )


def move_rows(sizes: SizesFromSpeed) -> list[tuple[str, ...]]:
    """What nobody sees from outside, what is assumed of it, and the total sizes if it were otherwise."""
    heads = ("not known", "assumed", "if instead", "basis", *(_experts(guess) for guess in sizes.guesses))
    rows: list[tuple[str, ...]] = [heads]
    for move in sizes.moves:
        totals = (_size(size) for size in move.params_total)
        rows.append((move.unknown, move.assumed, move.instead, move.basis.value, *totals))
    return rows


def _observed(observed: Observed) -> list[str]:
    seen = []
    if observed.tokens_per_s:
        seen.append(
            f"{observed.tokens_per_s:g} tokens/s of a user (TPOT {format_seconds(1 / observed.tokens_per_s)})"
        )
    if observed.concurrency:
        seen.append(f"{observed.concurrency:g} in flight")
    if math.isfinite(observed.usd_per_mtok):
        seen.append(
            f"{format_usd(observed.usd_per_mtok)} per M output tokens, prompts included, of which "
            f"{format_usd(observed.cost_usd_per_mtok)} may be cost (margin {observed.margin:.0%}, "
            f"utilisation {observed.utilisation:.0%})"
        )
    return seen


def _kind(guess: Guess) -> str:
    return _experts(guess) if guess.experts.dense else f"{_experts(guess)}, k = {guess.experts.top_k}"


def _experts(guess: Guess) -> str:
    return "dense" if guess.experts.dense else f"E = {guess.experts.num_experts}"


def _size(params: float) -> str:
    return format_count(params) if params else NOTHING


def _band(low: float, high: float) -> str:
    return f"{format_count(low)} – {format_count(high)}"


def _cost(guess: Guess) -> str:
    """What a million output tokens of the largest model cost."""
    if guess.serving is None:
        return "–"
    usd = float(guess.serving.usd_per_mtok)
    return "no price" if math.isnan(usd) else format_usd(usd)
