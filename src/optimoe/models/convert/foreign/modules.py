"""Parameters by kind of module: what can be told of a model whose parts nobody described."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from optimoe.models.convert.foreign.built import LIMIT_S, build_foreign

KINDS = {
    "experts": "Experts|ExpertLayer|ParallelExperts",
    "router": "Router|Gate$|Gating|TopK",
    "norms": "Norm",
    "attention": "Attention|Attn|Indexer",
    "recurrent": "Mamba|Mixer|DeltaNet|LinearAttention|ShortConv|RecurrentBlock|Rglru|LSTM|Rwkv|SSM",
    "feed_forward": "MLP|Mlp|FeedForward|FFN|MoE|Moe|SparseMoeBlock",
}
"""What the name of a module's class, or of the nearest one around it, says that it is."""
_AROUND = re.compile("vision|visual|audio|image|speech")
_CACHE = "cache, state and FLOPs: how tokens attend to each other no count of weights says"
_ACTIVE = "active parameters: which experts a token uses only a family's description says"


@dataclass(frozen=True, kw_only=True)
class ModuleCount:
    """Parameters of a built model by kind of module; each is counted once, wherever it is tied to.

    Attributes:
        architecture: The class that was built.
        release: Of ``transformers``.
        total: Parameters that training moves.
        embedding: Of tables that tokens, positions and the like look up.
        unembedding: The head's own; 0 where it is tied.
        attention, recurrent, feed_forward, experts, router, norms: By the name of the module's class; experts that
            every token uses are feed-forwards where they are no part of the routed ones' module.
        other: All that stands in none of them, what is around a language model included.
        statistics: Values that no gradient reaches, in none of these.
        untold: What cannot be told apart, a sentence each.
    """

    architecture: str
    release: str
    total: int
    embedding: int
    unembedding: int
    attention: int
    recurrent: int
    feed_forward: int
    experts: int
    router: int
    norms: int
    other: int
    statistics: int
    untold: tuple[str, ...]


def count_modules(config: Mapping[str, Any], limit_s: float = LIMIT_S) -> ModuleCount:
    """Count what ``transformers`` builds from a ``config.json``, by kind of module.

    The total is exact: that of the class's own code. The kinds go by names of classes, of which nothing but
    convention assures that they mean what they say.

    Args:
        config: The fields of a ``config.json``.
        limit_s: How long building may take.

    Raises:
        InputError: ``transformers`` is not installed, or builds no causal language model of it.
        InfeasibleError: It is not built in time.
    """
    import transformers

    model = build_foreign(config, limit_s)
    counts = dict.fromkeys((*KINDS, "embedding", "unembedding", "other"), 0)
    head = getattr(model, "get_output_embeddings", lambda: None)()
    modules, seen, statistics = dict(model.named_modules()), set(), 0
    for path, module in modules.items():
        around = [(path, module), *_around(path, modules)]
        for parameter in module.parameters(recurse=False):
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            if not parameter.requires_grad:
                statistics += parameter.numel()
                continue
            counts["unembedding" if module is head else _kind(path, around)] += parameter.numel()
    return ModuleCount(
        architecture=type(model).__name__,
        release=transformers.__version__,
        total=sum(counts.values()),
        statistics=statistics,
        untold=(_ACTIVE, _CACHE) if counts["experts"] else (_CACHE,),
        **counts,
    )


def _around(path: str, modules: Mapping[str, nn.Module]) -> list[tuple[str, nn.Module]]:
    """The modules around one, from the nearest outwards, without the whole model."""
    found = []
    while "." in path:
        path = path.rpartition(".")[0]
        found.append((path, modules[path]))
    return found


def _kind(path: str, around: list[tuple[str, nn.Module]]) -> str:
    """The kind of a module by its class, else by those around it; a container goes by its name."""
    if _AROUND.search(path):
        return "other"
    if isinstance(around[0][1], nn.Embedding):
        return "embedding"
    for where, module in around:
        name = where.rpartition(".")[2] if isinstance(module, nn.ModuleList) else type(module).__name__
        name = name[:1].upper() + name[1:]
        for kind, words in KINDS.items():
            if re.search(words, name):
                return kind
    return "other"
