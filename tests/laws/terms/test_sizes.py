"""What N counts, by the name of a convention and by the names of columns."""

import pytest

from optimoe.arch.params import count_params
from optimoe.laws.catalog import FAMILIES, find_law, law_names
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.terms.sizes import SIZES, convention_of
from tests.laws.designs import DENSE, SHARED, SWITCH


def test_each_convention_counts_another_part_of_a_routed_design():
    params = count_params(SHARED)
    assert SIZES["total"](SHARED) == params.total
    assert SIZES["active"](SHARED) == params.active
    assert SIZES["nonembedding"](SHARED) == params.total - params.embedding - params.unembedding
    assert SIZES["active_nonembedding"](SHARED) == params.active - params.embedding - params.unembedding
    assert SIZES["dense"](SWITCH) == pytest.approx(count_params(DENSE).total, rel=1e-3)  # but for the router


@pytest.mark.parametrize(
    ("formula", "convention"),
    [
        ("N_act", "active"),
        ("params_active*1e9", "active"),
        ("nActivated", "active"),
        ("params.active_params", "active"),
        ("N_total", "total"),
        ("total_params_b*1e9", "total"),
        ("params_nonembedding", "nonembedding"),
        ("non_emb_params", "nonembedding"),
        ("n_active_no_emb", "active_nonembedding"),
        ("actNonEmb", "active_nonembedding"),
        ("params", "total"),
        ("n_params", "total"),
        ("params_b*1e9", "total"),
        ("N", ""),
        ("model_size", ""),
        ("n_factors", ""),
        ("active_total", ""),
        ("N_total-emb", ""),
        ("1e9*x", ""),
    ],
)
def test_a_name_says_what_n_counts_or_nothing(formula, convention):
    assert convention_of(formula) == convention


@pytest.mark.parametrize("name", law_names())
def test_a_published_law_counts_by_a_convention_of_its_family(name):
    law = find_law(name)
    if isinstance(law, ArchLaw) and law.sizes:
        assert law.row.n_convention in law.sizes


def test_what_a_family_counts_when_nothing_is_said_is_its_own_or_asked_for():
    own = {family: law.own_size for family, law in FAMILIES.items() if issubclass(law, ArchLaw) and law.sizes}
    told = {"clark": "dense", "yun": "dense", "liew": "dense", "ludziejewski": "active", "kaplan": "nonembedding"}
    assert own.items() >= told.items()
    assert own["chinchilla"] == own["wang"] == own["abnar"] == own["zhao"] == ""
