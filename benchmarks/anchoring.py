"""What a few runs of one's own are worth: a law refitted without a corpus, then anchored on 1 to 16 of its runs.

For each corpus the law is that of all others. Its own runs come from the smaller half (by 6·N_act·D), the larger
half is predicted: root mean square error in nats, median and 90 % over draws of the runs. ``anchored``: scale and
floor by :func:`anchor`; ``prior``: all coefficients by :func:`fit_with_prior`, once more with the law's draws as
they are (``prior as drawn``); ``scratch``: the family by least squares to the runs alone. Marin once more: runs
near the optimum up to 3e19 FLOP, asked for 1e20; and fits over all corpora with Marin's budgets up to 3e19.

::

    OPTIMOE_DATA=… python benchmarks/anchoring.py --draws 20 --json anchoring.json
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from corpora import left_out, load_corpora
from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_family
from optimoe.laws.fitting import FitOptions, LeastSquares, fit
from optimoe.laws.fitting.anchoring import anchor, fit_with_prior
from optimoe.laws.fitting.hierarchy import documented_corpora, draw_hierarchy, fit_hierarchy, predict_corpus
from own_law import PRIORS, fit_own

RUNS = (1, 2, 4, 8, 16)
WAYS = ("anchored", "prior", "prior as drawn", "scratch")
BEST = 3
"""Runs of lowest loss at a budget that count as near its optimum."""
DECADE = 1e20
"""The budget of Marin's that is asked for."""


def law_of(groups):
    """The law of these corpora with its draws."""
    own = fit_own(groups)
    return find_family("expansion")(documented_corpora(own.level, own.drawn))


def as_drawn(law):
    """The same law, its draws taken as those of any corpus and not of a mean over corpora."""
    return type(law)(replace(law.row, effects=replace(law.row.effects, corpora=())))


def predicted(way, law, own, asked):
    """Loss of the runs that are asked for, by a law from one's own runs."""
    if way == "anchored":
        row = anchor(law, own, draws=2).law
    elif way == "scratch":
        row = fit(own, "expansion", FitOptions(objective=LeastSquares())).law
    else:
        row = fit_with_prior(own, law if way == "prior" else as_drawn(law), draws=2).law
    return type(law)(row).loss(**{symbol: asked.column(symbol) for symbol in ("N_act", "N_total", "D")})


def errors(law, pool, asked, runs, draws, error, seed):
    """Errors by way over draws of so many runs from a pool."""
    random, found = np.random.default_rng(seed), {way: [] for way in WAYS}
    for _ in range(draws):
        taken = np.isin(np.arange(len(pool)), random.choice(len(pool), runs, replace=False))
        own = pool.select(taken)
        for way in WAYS:
            try:
                found[way].append(error(predicted(way, law, own, asked), asked.loss))
            except InputError:  # a fit from scratch needs more runs than coefficients
                continue
    return {
        way: {"median": float(np.median(values)), "high": float(np.quantile(values, 0.9)), "fits": len(values)}
        for way, values in found.items()
        if values
    }


def rmse(loss, measured):
    """Root mean square error in nats."""
    return float(np.sqrt(np.mean((loss - measured) ** 2)))


def relative(loss, measured):
    """Mean error relative to the loss."""
    return float(np.mean(np.abs(loss / measured - 1)))


def halves(runs):
    """The smaller and the larger half, by 6·N_act·D."""
    size = runs.column("N_act") * runs.column("D")
    small = size <= np.median(size)
    return runs.select(small), runs.select(~small)


def near_optimum(runs, low, high):
    """The runs of lowest loss at each budget between two."""
    flops = runs.column("C")
    taken = np.zeros(len(runs), dtype=bool)
    for budget in np.unique(flops[(flops >= low) & (flops <= high)]):
        rows = np.flatnonzero(flops == budget)
        taken[rows[np.argsort(runs.loss[rows])[:BEST]]] = True
    return runs.select(taken)


def whole_fits(groups, law):
    """Marin's budgets below the last, asked for that one: relative errors and what the bands of single runs hold.

    One fit over all corpora, with a floor and a scale of each, then with exponents of its own, too; and all of
    Marin's runs below with the law of the others as prior, where every coefficient is free to differ.
    """
    marin = groups["marin"]
    below = marin.column("C") < DECADE
    own, asked = marin.select(below), marin.select(~below)
    seen = {**groups, "marin": own}
    variables = {symbol: asked.column(symbol) for symbol in ("N_act", "N_total", "D")}
    found = {}
    for effects in (("E", "scale"), ("E", "scale", "alpha"), ("E", "scale", "alpha", "beta")):
        fitted = fit_hierarchy(seen, "expansion", per_group=effects, priors=PRIORS)
        drawn = draw_hierarchy(seen, fitted, draws=200)
        found[f"all corpora, {', '.join(effects)} of each"] = fitted, drawn, "marin"
    prior = fit_with_prior(own, law)
    found["Marin's own runs, the law of the others as prior"] = prior.fitted, prior.drawn, "runs"
    results = {}
    for how, (fitted, drawn, corpus) in found.items():
        band = predict_corpus(fitted, drawn, variables, corpus=corpus)
        error = np.abs(band.loss / asked.loss - 1)
        inside = (asked.loss >= band.run_low) & (asked.loss <= band.run_high)
        results[how] = {
            "verdict": fitted.verdict,
            "runs": len(asked),
            "median": float(np.median(error)),
            "inside": float(np.mean(inside)),
            "half_width": float(np.mean(band.run_high - band.run_low) / 2),
        }
    return results


def main(words: Sequence[str]) -> None:
    """Print a table a corpus and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=20, help="draws of one's own runs")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    options = parser.parse_args(words)
    groups, table = load_corpora(), {}
    laws = {}
    for fold, names in left_out().items():
        laws[fold] = law_of({name: runs for name, runs in groups.items() if name not in names})
        for name in names:
            pool, asked = halves(groups[name])
            for runs in (runs for runs in RUNS if runs < len(pool)):
                found = errors(laws[fold], pool, asked, runs, options.draws, rmse, runs)
                table.setdefault(name, {})[runs] = found
                print(name, runs, {way: f"{one['median']:.4f} ({one['high']:.4f})" for way, one in found.items()})
    marin = groups["marin"]
    pool, asked = near_optimum(marin, 0, 0.5 * DECADE), near_optimum(marin, DECADE, DECADE)
    budget = {}
    for runs in (1, 2, 4, 8):
        budget[runs] = errors(laws["marin"], pool, asked, runs, 50, relative, runs)
        print(
            "marin 1e20",
            runs,
            {way: f"{one['median']:.2%} ({one['high']:.2%})" for way, one in budget[runs].items()},
        )
    whole = whole_fits(groups, laws["marin"])
    for how, one in whole.items():
        print("marin up to 3e19, asked for 1e20:", how, one)
    if options.json:
        options.json.write_text(json.dumps({"larger": table, "marin_1e20": budget, "whole": whole}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
