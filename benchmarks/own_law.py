"""Fit optimoe2026 to the public corpora and write its rows: coefficients, draws, spread between corpora.

Every corpus has a floor and a scale of its own. Two published laws of other groups count as half a corpus each, by
runs spread evenly over their fitted ranges: they vary experts and tokens together, which no corpus does. Then the
law stands, and the spread of floor and scale over the corpora is what a corpus without runs may differ by.

::

    OPTIMOE_DATA=… python benchmarks/own_law.py --date 2026-11-28 --out src/optimoe/laws/data/own
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import qmc

from corpora import descriptions, load_corpora
from optimoe.laws.catalog import find_law, save_law
from optimoe.laws.domain import Domain
from optimoe.laws.families.joint import VOCABULARY
from optimoe.laws.fitting.hierarchy import (
    HierarchicalFit,
    HierarchyDraws,
    HierarchyOptions,
    draw_hierarchy,
    fit_hierarchy,
)
from optimoe.laws.law import LawRow
from optimoe.laws.runs import Observations

LEVEL = ("E", "scale")
"""What corpora differ in: floor and amplitude. One run tells the scale, two of different sizes the floor."""
FLOORS = {"ludziejewski2025": "c", "sardana2024-rall": "E", "zhao2025": "eps"}
"""Laws of groups without a run here, with exponents that let a floor mean something (others print 0.2 to 0.9)."""


def floor_prior() -> tuple[float, float]:
    """Mean and standard deviation of the printed floors, to the two digits that three laws are worth."""
    floors = [find_law(name).coefficients[symbol] for name, symbol in FLOORS.items()]
    return round(float(np.mean(floors)), 2), round(float(np.std(floors, ddof=1)), 2)


PRIORS = {
    "rho": (0.5, 0.15),  # the rule of thumb √(N_act·N_total); ± assumed: 0.2 to 0.8 in all
    "x_max": (find_law("ludziejewski2025").coefficients["E_max"], 0.7),  # its E_max; ± assumed: a factor of two
    "E": floor_prior(),
    "alpha": (0.3, 0.1),  # ± assumed, to hold published exponents from 0.13 to 0.45
    "beta": (0.33, 0.1),
}
"""Mean and standard deviation of shared coefficients (x_max: of its logarithm) before any run is seen."""
PUBLISHED_RUNS, PUBLISHED_WEIGHT = 64, 0.5
"""Runs by which a published law speaks, and the weight of each (assumed: a law is worth half its runs)."""
HELD = 1e-4
"""Standard deviation that holds the law in the second step."""
ROWS = {"optimoe2026": True, "optimoe2026-nonembedding": False}
"""Rows by name, and whether their sizes count embeddings."""
DRAWS, SEED = 200, 2026
DIGITS = 7
"""Of draws in the file: far beyond what a draw is worth, and a third of the length."""


@dataclass(frozen=True, kw_only=True)
class OwnLaw:
    """The law over some corpora.

    Attributes:
        found: The first step: its verdict, and what the runs said of each coefficient.
        level: The second: the law with the spread of floor and scale.
        drawn: Draws of the law (first step) and of corpora without runs (second).
    """

    found: HierarchicalFit
    level: HierarchicalFit
    drawn: HierarchyDraws


def published_runs(*, embeddings: bool) -> dict[str, Observations]:
    """Runs by which published laws speak, with as many tokens a parameter as the corpora's at least."""
    joint: Any = find_law("ludziejewski2025")
    width, tokens, experts = _spread((448, 2304), (3e9, 8e10), (1, 32))  # its shapes, tokens and experts
    without = 0.0 if embeddings else 2.0 * VOCABULARY * width
    sizes = {"N_act": joint.paper_active(width, experts), "N_total": joint.paper_total(width, experts)}
    loss = joint.loss(sizes["N_act"], tokens, experts)
    bare = {symbol: size - without for symbol, size in sizes.items()}
    dense: Any = find_law("sardana2024-rall")
    params, ratio = _spread((1.5e8, 6e9), (10, 1e4))
    long = dense.loss(params, params * ratio)
    ones = {"N_act": params, "N_total": params, "D": params * ratio}
    found = {
        "ludziejewski2025": Observations(variables=bare | {"D": tokens}, loss=loss, source="ludziejewski2025"),
        "sardana2024-rall": Observations(variables=ones, loss=long, source="sardana2024-rall"),
    }
    least = descriptions()["min_tokens_per_param"]
    return {name: runs.select(runs.column("D") >= least * runs.column("N_act")) for name, runs in found.items()}


def _spread(*ranges: tuple[float, float]) -> list[np.ndarray]:
    """Points spread evenly in the logarithm of each range."""
    unit = qmc.Sobol(len(ranges), seed=0).random(PUBLISHED_RUNS)
    return [low * (high / low) ** column for (low, high), column in zip(ranges, unit.T, strict=True)]


def find_over_corpora(groups: Mapping[str, Observations], *, embeddings: bool, name: str = "") -> HierarchicalFit:
    """The first step: the law over these corpora and the published laws."""
    published = published_runs(embeddings=embeddings)
    options = replace(_options(embeddings), weights=dict.fromkeys(published, PUBLISHED_WEIGHT))
    everything = {**groups, **published}
    return fit_hierarchy(everything, "expansion", per_group=LEVEL, priors=PRIORS, options=options, name=name)


def _options(embeddings: bool) -> HierarchyOptions:
    return HierarchyOptions(n_convention="active" if embeddings else "active_nonembedding")


def fit_own(
    groups: Mapping[str, Observations], *, embeddings: bool = True, draws: int = DRAWS, name: str = ""
) -> OwnLaw:
    """Both steps over these corpora."""
    found = find_over_corpora(groups, embeddings=embeddings, name=name)
    held = {symbol: (value, HELD) for symbol, value in found.coefficients.items()}
    level = fit_hierarchy(
        groups, "expansion", per_group=LEVEL, priors=held, options=_options(embeddings), name=name
    )
    everything = {**groups, **published_runs(embeddings=embeddings)}
    drawn = draw_hierarchy(groups, level, draws=draws, seed=SEED)
    moved = draw_hierarchy(everything, found, draws=draws, seed=SEED).shared
    return OwnLaw(found=found, level=level, drawn=replace(drawn, shared=moved))


def own_row(name: str, groups: Mapping[str, Observations], *, embeddings: bool, date: str) -> LawRow:
    """The row of the library."""
    own = fit_own(groups, embeddings=embeddings, name=name)
    described = descriptions()["corpus"]
    corpora = "; ".join(f"{corpus['source']} ({len(groups[corpus['name']])} runs)" for corpus in described)
    symbols = ("N_act", "N_total", "D")
    columns = {symbol: np.concatenate([runs.column(symbol) for runs in groups.values()]) for symbol in symbols}
    ratios = {"D_over_N": columns["D"] / columns["N_act"]}
    spread = own.level.spread.std()
    return replace(
        own.level.law,
        source=f"optimoe, fitted to public runs: {corpora}; beside them ludziejewski2025 and sardana2024-rall",
        coefficients=own.found.coefficients,
        units={"N_act": "parameters a token touches", "N_total": "parameters", "D": "tokens", "L": "nats/token"},
        range={symbol: _range(column) for symbol, column in (columns | ratios).items()},
        rmse_log=float(np.median([own.found.rmse_log[name] for name in groups])),
        rmse_source="median over corpora of the root mean square residual of ln L",
        notes=(
            f"Standard deviations over corpora: floor {spread['E']:.2f} nats, scale {spread['scale']:.0%}. "
            f"Refit: benchmarks/own_law.py; corpora left out: benchmarks/carry_over.py."
        ),
        draws={symbol: tuple(map(_short, values)) for symbol, values in own.drawn.coefficients().items()},
        effects=own.level.corpus_effects,
        factors=("granularity", "sharing"),
        domain=_domain(columns),
        evidence=replace(
            own.found.law.evidence,
            runs=sum(map(len, groups.values())),
            files=tuple(dict.fromkeys(corpus["file"] for corpus in described)),
            cluster="corpus and row",
            date=date,
            command="python benchmarks/own_law.py",
        ),
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


def main(words: Sequence[str]) -> None:
    """Fit and write every row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--date", required=True, help="day of the fit, ISO 8601")
    parser.add_argument("--out", type=Path, required=True, help="folder of the rows")
    options = parser.parse_args(words)
    for name, embeddings in ROWS.items():
        row = own_row(name, load_corpora(embeddings=embeddings), embeddings=embeddings, date=options.date)
        save_law(row, options.out / f"{name}.toml")
        print(name, row.evidence.verdict, {symbol: f"{value:.4g}" for symbol, value in row.coefficients.items()})


if __name__ == "__main__":
    main(sys.argv[1:])
