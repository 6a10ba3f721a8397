"""Every text by name, with the claims that laws, costs and the planner hold of it."""

import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.planner.published.ledger import claim_texts, reproduce_text


def test_every_text_has_a_name():
    assert set(claim_texts()) >= {
        "abnar2025", "besiroglu2024", "clark2022", "epoch2024", "erdil2025", "gemstones", "hoffmann2022",
        "kaplan2020", "krajewski2024", "li2026", "liew2025", "ludziejewski2025", "sardana2024", "tian2025",
        "wan2026", "wang2024", "yun2024", "zhao2025",
    }  # fmt: skip
    assert list(claim_texts()) == sorted(claim_texts())


def test_one_text_joins_its_law_and_the_planner():
    rows = reproduce_text("sardana2024").rows
    assert [row.where for row in rows] == ["example in the paper", "by the planner"]


def test_an_unknown_text_is_said():
    with pytest.raises(UnknownNameError, match="zhao2025"):
        reproduce_text("zhao2052")
