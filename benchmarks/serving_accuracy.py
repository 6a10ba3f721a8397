"""How far the serving model is from measured engines: TPOT and TTFT by model, engine and GPU, beside peers.

    OPTIMOE_DATA=… python benchmarks/serving_accuracy.py [peers.json]

Rows: serving_rows. Error is ln(predicted/measured). The engines' coefficients were fitted to these rows;
benchmarks/fit_engine.py prints the errors with each model and each GPU left out. peers.json is what
benchmarks/serving_peers.py writes; each peer is compared on the rows that it answers.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from optimoe.cost.serving.accuracy.evidence import evidence
from optimoe.cost.serving.estimate import ServingEstimate, predict_serving
from serving_rows import ServingRow, row_deployment, serving_rows

Pair = tuple[float, float]
Key = tuple[str, ...]


def estimated(row: ServingRow) -> ServingEstimate:
    """What the model says of a row."""
    concurrency = row.batch * row.layout.dp
    return predict_serving(row.arch, row_deployment(row), layout=row.layout, concurrency=concurrency)


def inside_bands(row: ServingRow, estimate: ServingEstimate) -> tuple[bool, bool, bool]:
    """Whether TPOT, TTFT and the rate of a row lie in their bands."""
    bands = evidence(row.arch, row_deployment(row), estimate)
    rate = row.batch * row.layout.dp * row.output_tokens / _e2e(row, (row.tpot_s, row.ttft_s))
    measured = (bands.tpot_s, row.tpot_s), (bands.ttft_s, row.ttft_s), (bands.tokens_per_s, rate)
    tpot, ttft, tokens = (low <= value <= high for (low, high), value in ((of(estimate), v) for of, v in measured))
    return bool(tpot), bool(ttft), bool(tokens)


def print_table(
    rows: list[ServingRow], ours: dict[str, Pair], keys: Callable[[ServingRow], Iterable[Key]]
) -> None:
    """One line per key: rows, error, bias and spread of TPOT, error and bias of TTFT."""
    errors: dict[Key, list[Pair]] = defaultdict(list)
    for row in rows:
        if row.id in ours:
            tpot_s, ttft_s = ours[row.id]
            error = float(np.log(tpot_s / row.tpot_s)), float(np.log(ttft_s / row.ttft_s))
            for key in keys(row):
                errors[key].append(error)
    for key, pairs in sorted(errors.items()):
        tpot, ttft = np.array(pairs).T
        near, far = np.mean(abs(tpot) < np.log(1.2)), np.quantile(abs(tpot), 0.9)
        print(
            f"{' '.join(f'{name:<16}' for name in key):<52}{len(tpot):>5}{np.median(abs(tpot)):>11.3f}{far:>7.2f}"
            f"{np.median(tpot):>7.2f}{near:>7.2f}{np.median(abs(ttft)):>13.3f}{np.quantile(abs(ttft), 0.9):>7.2f}"
            f"{np.median(ttft):>7.2f}"
        )


def heading(title: str) -> None:
    """Names of the columns."""
    print(
        f"\n{title:<52}{'rows':>5}{'TPOT |ln|':>11}{'90 %':>7}{'bias':>7}{'<20 %':>7}"
        f"{'TTFT |ln|':>13}{'90 %':>7}{'bias':>7}"
    )


def layout_ranks(rows: list[ServingRow], ours: dict[str, Pair]) -> list[float]:
    """Spearman's ρ of tokens per second and GPU over the layouts of one model on one engine and workload.

    Groups of at least five points that differ in layout or concurrency, two layouts at least.
    """
    groups: dict[Key, list[ServingRow]] = defaultdict(list)
    for row in rows:
        lengths = str(row.input_tokens), str(row.output_tokens)
        groups[(row.model, row.engine, row.version, row.campaign, row.system, row.precision, *lengths)].append(row)
    correlations = []
    for group in groups.values():
        if len(group) >= 5 and len({str(row.layout) for row in group}) >= 2:
            in_flight = np.array([row.batch * row.layout.dp / row.num_gpus for row in group])
            measured = [_e2e(row, (row.tpot_s, row.ttft_s)) for row in group]
            expected = [_e2e(row, ours[row.id]) for row in group]
            correlations.append(float(spearmanr(in_flight / measured, in_flight / expected).statistic))
    return correlations


def _e2e(row: ServingRow, times: Pair) -> float:
    return times[1] + (row.output_tokens - 1) * times[0]


def main(words: Sequence[str]) -> None:
    """Print the tables."""
    every = serving_rows()
    rows = [row for row in every if not row.why_not]
    estimates = {row.id: estimated(row) for row in rows}
    ours = {name: (float(one.tpot_s), float(one.ttft_s)) for name, one in estimates.items()}
    print(f"answered: {len(rows)} of {len(every)} rows that did not queue ({len(rows) / len(every):.1%})")
    for title, keys in (
        ("model, GPU, engine", lambda row: [(row.model, row.system, row.engine)]),
        ("model", lambda row: [(row.model,)]),
        ("GPU", lambda row: [(row.system,)]),
        ("engine", lambda row: [(row.engine,)]),
        ("all", lambda row: [("all",)]),
    ):
        heading(title)
        print_table(rows, ours, keys)
    inside = np.array([inside_bands(row, estimates[row.id]) for row in rows])
    print("\ninside the stated bands, TPOT, TTFT and tokens/s:", inside.mean(axis=0).round(3))
    for name in sorted({row.model for row in rows}):
        own = inside[[row.model == name for row in rows]]
        print(f"  {name:<20}{len(own):>5}", own.mean(axis=0).round(3))
    ranks = layout_ranks(rows, ours)
    print(f"Spearman of layouts in {len(ranks)} groups: median {np.median(ranks):.3f}, mean {np.mean(ranks):.3f}")
    if words:
        compare_peers(every, ours, Path(words[0]))


def compare_peers(every: list[ServingRow], ours: dict[str, Pair], path: Path) -> None:
    """Each peer on the rows that it answers, and ours on the same rows."""
    from serving_peers import load_peer_predictions

    heading("peer, and ours on its rows")
    for peer, answers in load_peer_predictions(path).items():
        theirs = {key: pair for key, pair in answers.items() if pair[0] > 0 and not pair[1] <= 0}
        print_table(every, theirs, lambda row, peer=peer: [(peer,)])
        print_table([row for row in every if row.id in theirs], ours, lambda row: [("  ours",)])


if __name__ == "__main__":
    main(sys.argv[1:])
