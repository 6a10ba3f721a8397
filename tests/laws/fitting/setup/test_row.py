"""What a fit writes of the runs: what N counts and how that is known, the range, the files."""

from dataclasses import replace

import numpy as np
import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.laws.fitting import FitOptions, fit
from optimoe.laws.runs import as_observations, load_observations
from optimoe.laws.terms.sizes import UNSTATED


def table(planted, **columns):
    runs = planted("besiroglu2024", runs=40, noise=0.002)
    return {"D": runs.variables["D"], "loss": runs.loss} | dict.fromkeys(columns, runs.variables["N"])


@pytest.mark.parametrize(
    ("column", "stated", "counts", "basis"),
    [
        ("n_active", "", "active", "the column n_active"),
        ("params_total", "", "total", "the column params_total"),
        ("non_emb_params", "", "nonembedding", "the column non_emb_params"),
        ("params", "", "total", "the column params"),
        ("model_size", "", UNSTATED, ""),
        ("params", "active_nonembedding", "active_nonembedding", "stated"),
        ("params_total", "active", "active", "stated"),
    ],
)
def test_what_n_counts_is_stated_or_read_from_its_column_or_not_known(planted, column, stated, counts, basis):
    columns = {"N": column, "D": "D", "loss": "loss"}
    runs = as_observations(table(planted, **{column: None}), columns)
    law = fit(runs, "chinchilla", FitOptions(n_convention=stated)).law
    assert (law.n_convention, law.evidence.n_basis) == (counts, basis)


def test_a_trainers_records_have_the_total_beside_the_active_size(planted):
    runs = as_observations(table(planted, N=None, N_act=None))
    assert fit(runs, "chinchilla").law.n_convention == "total"


def test_a_family_whose_equation_says_what_n_counts_says_so(planted):
    runs = planted("clark2022-sbase-digits", noise=0.002)
    law = fit(runs, "clark").law
    assert (law.n_convention, law.evidence.n_basis) == ("dense", "the definition of clark")


def test_what_the_family_cannot_count_is_refused_with_what_it_can(planted):
    runs = planted("besiroglu2024", runs=40)
    with pytest.raises(UnknownNameError, match=r"n_convention: unknown name 'all'.*(nearest|known)"):
        fit(runs, "chinchilla", FitOptions(n_convention="all"))
    joint = planted("ludziejewski2025")
    with pytest.raises(UnknownNameError, match="active, active_nonembedding"):
        fit(joint, "ludziejewski", FitOptions(n_convention="zzz", starts={"E_max": (200.0,)}))


def test_the_unit_of_n_is_that_of_the_convention(planted):
    runs = planted("besiroglu2024", runs=40)
    assert fit(runs, "chinchilla", FitOptions(n_convention="active")).law.units["N"] == "parameters, active"
    assert "embeddings" in fit(runs, "chinchilla", FitOptions(n_convention="total")).law.units["N"]


def test_a_share_that_is_zero_in_all_runs_has_no_range(planted):
    runs = planted("abnar2025", noise=0.001)
    dense = replace(runs, variables=runs.variables | {"S": np.zeros(len(runs))})
    assert "S" in fit(runs, "abnar").law.range
    assert "S" not in fit(dense, "abnar").law.range


def test_files_are_named_without_their_folders(planted, tmp_path):
    runs = planted("besiroglu2024", runs=20, noise=0.001)
    rows = [f"{n},{d},{loss}" for n, d, loss in zip(*runs.variables.values(), runs.loss, strict=True)]
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("\n".join(["N,D,loss", *rows[name == "b.csv" :: 2]]))
    law = fit(load_observations((tmp_path / "a.csv", tmp_path / "b.csv")), "chinchilla").law
    assert law.evidence.files == ("a.csv", "b.csv")
    assert fit(runs, "chinchilla").law.evidence.files == ()
