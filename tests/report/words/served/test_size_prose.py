"""A guessed size in words: what was seen, sizes by sparsity, and what nobody sees."""

import pytest

from optimoe.core.provenance import Basis
from optimoe.cost.sizing.size_from_speed import ExpertCount, Guess, Move, Observed, SizesFromSpeed, TypicalShape
from optimoe.report.words.served.size_prose import move_rows, size_rows, sizes_lines
from tests.cost.cases import deployment

NO_MODEL = Guess(
    experts=ExpertCount(num_experts=64, top_k=8),
    params_total=0.0, params_total_low=0.0, params_total_high=2e9,
    params_active=0.0, params_active_low=0.0, params_active_high=1e9,
    rule_params_total=0.0, bound_by="memory", model=None, serving=None,
)  # fmt: skip


def sizes(observed, guesses=(NO_MODEL,), moves=()):
    return SizesFromSpeed(
        observed=observed, deployment=deployment(), shape=TypicalShape(), guesses=guesses, moves=moves
    )


@pytest.mark.parametrize(
    ("observed", "said"),
    [
        (Observed(tokens_per_s=80), "80 tokens/s of a user (TPOT 12.5 ms)"),
        (Observed(tokens_per_s=80, concurrency=64), "80 tokens/s of a user (TPOT 12.5 ms) · 64 in flight"),
        (
            Observed(usd_per_mtok=2.0, margin=0.5),
            "$2.00 per M output tokens, prompts included, "
            "of which $1.00 may be cost (margin 50%, utilisation 100%)",
        ),
    ],
)
def test_what_is_seen_is_said_and_nothing_else(observed, said):
    lines = dict(sizes_lines(sizes(observed)))
    assert lines["Observed"] == said
    assert lines["On"].startswith("8 × h100-sxm at $2.00 an hour or fewer")
    assert "by assumption" in lines["Models"]


def test_no_model_is_said_so():
    head, row = size_rows(sizes(Observed(tokens_per_s=80)))
    assert dict(zip(head, row, strict=True))["total"] == "none"
    assert row[0] == "E = 64, k = 8"
    assert row[2] == "0 – 2.00B"


def test_every_move_stands_with_its_basis_and_the_sizes_of_all_kinds():
    move = Move(
        unknown="margin",
        assumed="0%",
        instead="70%",
        basis=Basis.ASSUMED,
        params_total=(3e9,),
        params_active=(1e9,),
    )
    assert move_rows(sizes(Observed(usd_per_mtok=1.0), moves=(move,))) == [
        ("not known", "assumed", "if instead", "basis", "E = 64"),
        ("margin", "0%", "70%", "assumed", "3.00B"),
    ]
