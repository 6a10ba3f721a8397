"""Fit optimoe2026 to the public corpora and write its rows: coefficients, draws, spread between corpora.

::

    OPTIMOE_DATA=… python benchmarks/own_law.py --date 2026-11-28 --out src/optimoe/laws/data/own
"""

import argparse
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from corpora import descriptions, load_corpora
from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.domain import Domain
from optimoe.laws.evidence import Evidence
from optimoe.laws.fitting.hierarchy import HierarchicalFit, draw_hierarchy, fit_hierarchy
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

PER_GROUP = ("E", "scale")
PRIORS = {
    "rho": (0.5, 0.15),  # the rule of thumb √(N_act·N_total); ± assumed: 0.2 to 0.8 in all
    "x_max": (find_law("ludziejewski2025").coefficients["E_max"], 0.7),  # its E_max; ± assumed: a factor of two
    "E": (1.75, 0.1),  # published floors on web text: 1.69 (Hoffmann 2022), 1.82 (Besiroglu 2024)
    "alpha": (0.3, 0.1),  # ± assumed, to hold published exponents from 0.13 to 0.45
    "beta": (0.33, 0.1),
}
"""Mean and standard deviation of shared coefficients (x_max: of its logarithm) before any run is seen."""
ROWS = {"optimoe2026": True, "optimoe2026-nonembedding": False}
"""Rows by name, and whether their sizes count embeddings."""
DRAWS, SEED = 200, 2026
DIGITS = 7
"""Of draws in the file: far beyond what a draw is worth, and a third of the length."""


def fit_own(groups: Mapping[str, Observations], name: str = "") -> HierarchicalFit:
    """The law over these corpora: shared coefficients, a floor and a scale of each corpus."""
    return fit_hierarchy(groups, "expansion", per_group=PER_GROUP, priors=PRIORS, name=name)


def own_row(name: str, groups: Mapping[str, Observations], *, embeddings: bool, date: str) -> LawRow:
    """The row of the library."""
    fitted = fit_own(groups, name)
    drawn = draw_hierarchy(groups, fitted, draws=DRAWS, seed=SEED).coefficients()
    described = descriptions()["corpus"]
    corpora = "; ".join(f"{corpus['source']} ({len(groups[corpus['name']])} runs)" for corpus in described)
    columns = {
        symbol: np.concatenate([runs.column(symbol) for runs in groups.values()])
        for symbol in ("N_act", "N_total", "D")
    }
    ratios = {"D_over_N": columns["D"] / columns["N_act"]}
    spread = fitted.spread.std()
    return replace(
        fitted.law,
        source=f"optimoe, fitted to public runs: {corpora}",
        n_convention="active" if embeddings else "active_nonembedding",
        units={"N_act": "parameters a token touches", "N_total": "parameters", "D": "tokens", "L": "nats/token"},
        range={symbol: _range(column) for symbol, column in (columns | ratios).items()},
        rmse_log=float(np.median(list(fitted.rmse_log.values()))),
        rmse_source="median over corpora of the root mean square residual of ln L",
        notes=(
            f"Standard deviations over corpora: floor {spread['E']:.2f} nats, scale {spread['scale']:.0%}. "
            f"Refit: benchmarks/own_law.py; corpora left out: benchmarks/carry_over.py."
        ),
        draws={symbol: tuple(map(_short, values)) for symbol, values in drawn.items()},
        effects=fitted.corpus_effects,
        factors=("granularity", "sharing"),
        domain=_domain(columns),
        evidence=_evidence(fitted, date),
    )


def _evidence(fitted: HierarchicalFit, date: str) -> Evidence:
    return Evidence(
        verdict=fitted.verdict,
        at_bound=fitted.at_bound,
        weakest=fitted.weakest,
        condition=fitted.condition,
        objective=fitted.objective_name,
        objective_value=fitted.objective,
        runs=sum(fitted.runs.values()),
        files=tuple(dict.fromkeys(corpus["file"] for corpus in descriptions()["corpus"])),
        cluster="corpus and row",
        date=date,
        command="python benchmarks/own_law.py",
    )


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _range(column: np.ndarray) -> tuple[float, float]:
    return float(f"{column.min():.3g}"), float(f"{column.max():.3g}")


def _domain(columns: Mapping[str, np.ndarray]) -> Domain:
    """Designs of the runs: E to 512 and top-1 to 4 (Clark), one shared expert (Marin)."""
    routed = columns["N_total"] > columns["N_act"]
    return Domain(
        models="both",
        num_experts=(2.0, 512.0),
        top_k=(1.0, 4.0),
        granularity=(1.0, 8.0),
        num_shared_experts=(0.0, 1.0),
        expansion=_range(columns["N_total"][routed] / columns["N_act"][routed]),
        tokens_per_param=_range(columns["D"] / columns["N_act"]),
        source="the corpora's own tables",
    )


def main() -> None:
    """Fit and write every row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", required=True, help="day of the fit, ISO 8601")
    parser.add_argument("--out", type=Path, required=True, help="folder of the rows")
    options = parser.parse_args()
    for name, embeddings in ROWS.items():
        row = own_row(name, load_corpora(embeddings=embeddings), embeddings=embeddings, date=options.date)
        save_law(row, options.out / f"{name}.toml")
        print(
            name,
            row.evidence.verdict,
            {symbol: float(f"{value:.4g}") for symbol, value in row.coefficients.items()},
        )


if __name__ == "__main__":
    main()
