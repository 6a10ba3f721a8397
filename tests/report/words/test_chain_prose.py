"""The chain of a plan in words prints every link."""

from optimoe.core.provenance import Basis
from optimoe.planner.explain.chain import Link, chain
from optimoe.report.words.chain_prose import chain_lines
from tests.report.plans import usual_plan


def test_a_link_is_said_with_its_formula_basis_and_source():
    link = Link(name="L", formula="law(N, D)", value="2.1 nats", basis=Basis.FITTED, source="Table 3")
    bare = Link(name="D", formula="stated", value="1T tokens", basis=Basis.DERIVED, source="")
    assert chain_lines([link, bare]) == [
        ("L", "2.1 nats = law(N, D) [fitted: Table 3]"),
        ("D", "1T tokens = stated [derived]"),
    ]


def test_every_number_of_a_plan_has_a_line():
    links = chain(usual_plan())
    lines = chain_lines(links)
    assert [name for name, _ in lines] == [link.name for link in links]
    assert all(link.value in text for link, (_, text) in zip(links, lines, strict=True))
