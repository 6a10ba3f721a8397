"""The chain of a plan's numbers in labelled lines."""

from collections.abc import Sequence

from optimoe.planner.explain.chain import Link
from optimoe.report.words.lines import Lines


def chain_lines(chain: Sequence[Link]) -> Lines:
    """Each number's value, the formula it comes from, and how well it is known."""
    return [(link.name, _link_words(link)) for link in chain]


def _link_words(link: Link) -> str:
    source = f": {link.source}" if link.source else ""
    return f"{link.value} = {link.formula} [{link.basis.value}{source}]"
