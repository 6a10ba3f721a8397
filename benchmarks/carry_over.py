"""Does a law carry over? Each corpus left out of optimoe2026, beside published laws as they stand.

Errors are root mean squares in nats on the runs of the corpus, after one scale (the factor that fits all its runs
best) and after one run (the factor that makes one run exact: median over the runs as anchor). Published laws are
carried over the same way. Shares are of runs inside a band of 90 %: after one run, after the scale.

::

    OPTIMOE_DATA=… python benchmarks/carry_over.py --out carry_over.json
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from corpora import left_out, load_corpora
from optimoe.core.errors import InputError
from optimoe.laws.catalog import find_law
from optimoe.laws.fitting.hierarchy import carry_over
from optimoe.laws.fitting.hierarchy.leave_out import hold_corpus
from optimoe.laws.runs import Observations
from own_law import ROWS, SEED, fit_own

DRAWS = 100
UNLEARNED = 0.9
"""A coefficient whose standard deviation the runs left above this share of its prior's is the prior's."""
ITS_OWN = {"besiroglu2024": "chinchilla", "hoffmann2022-unrounded": "chinchilla", "clark2022": "routing"}
"""The corpus that a published law was fitted to: there it does not carry over, it fits."""


Predict = Callable[[Observations], np.ndarray]


def _geometric(active: np.ndarray, total: np.ndarray) -> np.ndarray:
    """The rule of thumb: a MoE is worth the dense model of the geometric mean of its sizes."""
    return np.sqrt(active * total)


def _dense(name: str, size: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Predict:
    """A dense law at a size made of N_act and N_total."""

    def loss(runs: Observations) -> np.ndarray:
        law: Any = find_law(name)
        return np.asarray(law.loss(size(runs.column("N_act"), runs.column("N_total")), runs.column("D")))

    return loss


def _joint(runs: Observations) -> np.ndarray:
    """The joint law, E read at the expansion N_total/N_act."""
    law: Any = find_law("ludziejewski2025")
    expansion = runs.column("N_total") / runs.column("N_act")
    return np.asarray(law.loss(runs.column("N_act"), runs.column("D"), expansion))


def _abnar(runs: Observations) -> np.ndarray:
    """Abnar's law, its sparsity 1 − N_act/N_total."""
    law: Any = find_law("abnar2025")
    sparsity = 1 - runs.column("N_act") / runs.column("N_total")
    return np.asarray(law.loss(runs.column("N_total"), runs.column("D"), sparsity))


PUBLISHED: dict[str, Predict] = {
    "besiroglu2024 at N_total": _dense("besiroglu2024", lambda active, total: total),
    "besiroglu2024 at N_act": _dense("besiroglu2024", lambda active, total: active),
    "besiroglu2024 at sqrt(N_act·N_total)": _dense("besiroglu2024", _geometric),
    "hoffmann2022-unrounded at sqrt": _dense("hoffmann2022-unrounded", _geometric),
    "sardana2024-rall at sqrt": _dense("sardana2024-rall", _geometric),
    "krajewski2024-dense at sqrt": _dense("krajewski2024-dense", _geometric),
    "ludziejewski2025 at E = N_total/N_act": _joint,
    "abnar2025 at S = 1 − N_act/N_total": _abnar,
}


def own(*, embeddings: bool) -> dict[str, dict[str, Any]]:
    """Each fold left out of our own law, with the coverage of its band."""
    corpora, rows = load_corpora(embeddings=embeddings), {}
    for number, members in enumerate(left_out().values()):
        others = {name: runs for name, runs in corpora.items() if name not in members}
        law = fit_own(others, embeddings=embeddings, draws=DRAWS)
        unlearned = [name for name, share in law.found.learned.items() if share > UNLEARNED]
        for name in members:
            held = hold_corpus(name, corpora[name], law.level, law.drawn, seed=SEED + number)
            rows[name] = asdict(held.carried) | {
                "inside_after_one_run": held.after_one_run.inside,
                "inside_after_scale": held.after_scale.inside,
                "by_prior": unlearned,
                "coefficients": law.found.coefficients,
            }
    return rows


def published() -> dict[str, dict[str, dict[str, float]]]:
    """Every published law on every corpus, left out where it was fitted to that corpus."""
    corpora, table = load_corpora(), {}
    for name, loss in PUBLISHED.items():
        fitted_to = next((corpus for law, corpus in ITS_OWN.items() if name.startswith(law)), "")
        others = {corpus: runs for corpus, runs in corpora.items() if corpus != fitted_to}
        table[name] = {corpus: asdict(carry_over(loss(runs), runs.loss)) for corpus, runs in others.items()}
    return table


def _mean(row: dict[str, dict[str, Any]], key: str) -> float:
    """Mean over folds; a fold of several corpora counts once."""
    folds = [[row[name][key] for name in members if name in row] for members in left_out().values()]
    return float(np.mean([np.mean(values) for values in folds if values]))


def main(words: Sequence[str]) -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="write a JSON file too")
    options = parser.parse_args(words)
    ours = {name: own(embeddings=embeddings) for name, embeddings in ROWS.items()}
    table = ours | published()
    names = list(load_corpora())
    print(f"{'nats after one scale / one run':40}" + "".join(f"{name:>22}" for name in names) + f"{'mean':>16}")
    for law, row in table.items():
        cells = [f"{row[n]['scale']:.3f} / {row[n]['one_run']:.3f}" if n in row else "its own" for n in names]
        mean = f"{_mean(row, 'scale'):.3f} / {_mean(row, 'one_run'):.3f}"
        print(f"{law:40}" + "".join(f"{cell:>22}" for cell in cells) + f"{mean:>16}")
    for law, row in ours.items():
        shares = [f"{row[n]['inside_after_one_run']:.0%} / {row[n]['inside_after_scale']:.0%}" for n in names]
        print(f"{law + ', inside 90 %':40}" + "".join(f"{share:>22}" for share in shares))
        print(f"{law + ', by prior':40}" + "".join(f"{', '.join(row[n]['by_prior']) or '-':>22}" for n in names))
    if options.out:
        options.out.write_text(json.dumps(table, indent=1), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except InputError as error:
        raise SystemExit(f"carry_over: {error}") from None
