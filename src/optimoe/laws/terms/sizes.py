"""What N counts: the sizes of a design by the name of a convention, and which of them a column's name says."""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from optimoe.arch.design import one_expert_twin
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values

Size: TypeAlias = Callable[[ArchSpec], Values]

UNSTATED = "unstated"
"""What a fit writes when nobody said what its N counts and nothing tells."""

SIZES: Mapping[str, Size] = {
    "total": lambda arch: count_params(arch).total,
    "active": lambda arch: count_params(arch).active,
    "nonembedding": lambda arch: count_params(arch).nonembedding,
    "active_nonembedding": lambda arch: count_params(arch).active_nonembedding,
    "dense": lambda arch: count_params(one_expert_twin(arch)).total,
}
"""All parameters; what a token touches; both without embeddings; the dense model whose FFN is one expert."""


def sizes_of(*names: str, **own: Size) -> Mapping[str, Size]:
    """Some of :data:`SIZES` by name, and what a family counts in its own way."""
    return {name: SIZES[name] for name in names} | own


def twin_nonembedding(arch: ArchSpec) -> Values:
    """The dense model whose FFN is one expert, without embeddings: what Clark and Yun call N."""
    return count_params(one_expert_twin(arch)).nonembedding


WITHOUT_EMBEDDINGS = re.compile(r"no[nt]?_?emb|(without|wo|excl|minus|less)_?emb|ex_?emb")
ACTIVE = re.compile(r"(^|_)act(ive|iv|ivated)?(_|$)|active|activated")
TOTAL = re.compile(r"(^|_)tot(al)?(_|$)|total")
DENSE_TWIN = "N_dense"
"""In a trainer's records."""
PLAIN = re.compile(r"(^|_)(n|num|number_of)?_?(param|parameter)s?(_|$)")
"""Parameters without a further word are all of them."""


def convention_of(formula: str) -> str:
    """Which size the name of a column says: ``n_active`` is ``active``, ``params*1e9`` is ``total``.

    Empty where it says nothing, or two things, or where the formula has more than one name.
    """
    names = re.findall(r"[A-Za-z_][\w.]*", re.sub(r"\d[\d.]*e[+-]?\d+", "", formula))
    if len(names) != 1:
        return ""
    words = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", names[0]).lower())
    bare, active, total = (bool(rule.search(words)) for rule in (WITHOUT_EMBEDDINGS, ACTIVE, TOTAL))
    if active and total:
        return ""
    if names[0] == DENSE_TWIN:
        return "dense"
    if bare:
        return "active_nonembedding" if active else "nonembedding"
    return "active" if active else "total" if total or PLAIN.search(words) else ""
