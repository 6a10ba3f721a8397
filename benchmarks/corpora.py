"""The corpora of ``corpora.toml`` as tables of runs, their sizes with embeddings or without."""

import os
import tomllib
from pathlib import Path
from typing import Any

from optimoe.laws.runs import Observations, load_observations

HERE = Path(__file__).resolve().parent
GROUPED = {"sparsity-finemath": "sparsity", "sparsity-swallowmath": "sparsity"}
"""Corpora of one group of authors and one recipe: left out together."""


def descriptions() -> dict[str, Any]:
    """The file: a rule for all and a table for each corpus."""
    return tomllib.loads((HERE / "corpora.toml").read_text(encoding="utf-8"))


def load_corpora(*, embeddings: bool = True) -> dict[str, Observations]:
    """The runs of each corpus, from the folder that ``OPTIMOE_DATA`` names.

    Args:
        embeddings: Whether sizes count embeddings.
    """
    described, data = descriptions(), Path(os.environ["OPTIMOE_DATA"])
    corpora = {}
    for corpus in described["corpus"]:
        columns = corpus["columns"] if embeddings else corpus["columns"] | corpus["nonembedding"]
        # a row without a loss is a step at which nothing was evaluated
        runs = load_observations(data / corpus["file"], columns, where=corpus["where"], bad_rows="exclude")
        enough = runs.column("D") / runs.column("N_act") >= described["min_tokens_per_param"]
        corpora[corpus["name"]] = runs.select(enough)
    return corpora


def left_out() -> dict[str, tuple[str, ...]]:
    """Folds: corpora that are left out together, by the name of the fold."""
    folds: dict[str, tuple[str, ...]] = {}
    for corpus in descriptions()["corpus"]:
        fold = GROUPED.get(corpus["name"], corpus["name"])
        folds[fold] = (*folds.get(fold, ()), corpus["name"])
    return folds
