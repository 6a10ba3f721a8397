"""A sweep in words: what it takes, where it is, and what came of it."""

from collections.abc import Sequence

from optimoe.core.units import format_count, format_seconds, format_usd
from optimoe.report.records.runs.sweep import counts_of
from optimoe.report.words.lines import Blocks, Deciding, Lines, Table
from optimoe.trainer.sweep.loop import SweepBoard
from optimoe.trainer.sweep.pace import Reckoning, SweepEstimate
from optimoe.trainer.sweep.store import RunState, SweepStore


def estimate_words(estimate: SweepEstimate) -> str:
    """What runs take, in one line."""
    dollars = f", {format_usd(estimate.usd)}" if estimate.usd else ""
    took = f"{format_seconds(estimate.seconds)} ({format_seconds(estimate.worker_seconds)} of one worker)"
    return f"{estimate.num_runs} runs, {format_count(estimate.flops)} FLOP, {took}{dollars}"


def board_words(board: SweepBoard) -> str:
    """Where a sweep is, in one line."""
    failed = f", {board.failed} given up" if board.failed else ""
    left = format_seconds(board.seconds_left) if board.seconds_left else "0 s"
    return f"{board.over} of {board.total} runs over{failed}, {left} left"


def board_rows(board: SweepBoard) -> list[tuple[str, ...]]:
    """What workers do, a row each below the heads of the columns."""
    rows: list[tuple[str, ...]] = [("run", "done", "loss", "held out", "tokens/s")]
    for one in board.running:
        seen = one.fields
        if not seen:
            rows.append((one.name, "begins", "", "", ""))
            continue
        held_out = seen["held_out"]
        rows.append(
            (
                one.name,
                f"{seen['step'] / seen['steps']:.0%}",
                f"{seen['loss']:.3f}",
                f"{held_out:.3f}" if held_out is not None else "",
                f"{seen['tokens_per_s']:,.0f}",
            )
        )
    return rows


def sweep_blocks(store: SweepStore, states: Sequence[RunState], reckoning: Reckoning | None = None) -> Blocks:
    """Runs by state, those that did not end well each, what was thought and was, and where the records are."""
    counts = ", ".join(f"{number} {state}" for state, number in counts_of(states).items())
    lines: Lines = [(Deciding("Runs"), counts)]
    lines += [("Failed", f"{one.run.name}: {one.failure.line}") for one in states if one.failure]
    if reckoning is not None:
        lines.append(("Estimate", f"{estimate_words(reckoning.before)} before the first"))
    if reckoning is not None and reckoning.ratio is not None:
        took = format_seconds(reckoning.worker_seconds)
        thought = format_seconds(reckoning.worker_seconds_thought)
        lines.append(("", f"after five runs: {took} for {thought} estimated, {reckoning.ratio:.2f} times"))
    return [states_table(states), [*lines, ("Records", str(store.records_file))]]


def sweep_sentence(states: Sequence[RunState]) -> str:
    """How many runs are over, and which of them has the lowest loss."""
    over = [one for one in states if one.record is not None]
    words = f"{len(over)} of {len(states)} runs are over"
    best = min((one for one in over if _loss(one) is not None), key=lambda one: _loss(one) or 0.0, default=None)
    if best is None:
        return f"{words}."
    return f"{words}; the lowest held-out loss, {_loss(best):.4f} nats per token, has {best.run.name}."


def _loss(state: RunState) -> float | None:
    return state.record.loss if state.record else None


def states_table(states: Sequence[RunState]) -> Table:
    """Runs one below the other: where each is and what came of it."""
    rows: list[tuple[str, ...]] = [("run", "state", "done", "loss", "time")]
    for one in states:
        record = one.record
        loss = "" if (known := _loss(one)) is None else f"{known:.4f}"
        took = format_seconds(record.seconds) if record is not None and record.seconds else ""
        rows.append((one.run.name, one.state, f"{one.step / one.run.steps:.0%}", loss, took))
    return Table(rows=rows, words=("state",))
