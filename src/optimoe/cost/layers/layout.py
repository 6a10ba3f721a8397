"""How a deployment splits a model over its GPUs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from optimoe.arch.parts import MoE
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import ConfigError, holds, require
from optimoe.core.grid import broadcast, map_arrays


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Degrees of parallelism; ``tp · pp · dp`` is the number of GPUs. Numbers, or arrays over layouts.

    ``max(tp, ep)`` GPUs of a pipeline stage hold one copy of the routed experts, the *group*: with ep ≤ tp the
    experts of a tensor-parallel rank set, each split by width over tp/ep GPUs; with ep > tp whole experts over
    ep/tp data-parallel ranks, which run attention each on its own requests (DP-attention) and exchange
    tokens. Ranks that share no experts are replicas.

    Attributes:
        tp: Tensor parallel: GPUs that split heads and widths.
        ep: Expert parallel: parts into which the experts of a layer are dealt.
        pp: Pipeline stages.
        dp: Data-parallel attention ranks, each with requests of its own.
        sp: Parts into which a cache is split by tokens, beyond its key-value heads; at most tp.
        resident: Share of the routed experts that device memory holds; the rest is read from the host.
        redundant_experts: Copies of experts of each layer beside its own, so that loads even out or more GPUs than
            there are experts hold some (256 + 32 in DeepSeek-V3's deployment, arXiv 2412.19437, Sec. 3.4).

    Raises:
        ConfigError: A degree is not positive, the share is not in [0, 1], or the copies are negative.
    """

    tp: Values = 1
    ep: Values = 1
    pp: Values = 1
    dp: Values = 1
    sp: Values = 1
    resident: Values = 1.0
    redundant_experts: Values = 0

    def __post_init__(self) -> None:
        for name in DEGREES:
            require(np.asarray(getattr(self, name)) > 0, name, "positive", getattr(self, name))
        share = np.asarray(self.resident)
        require((share >= 0) & (share <= 1), "resident", "from 0 to 1", self.resident)
        copies = self.redundant_experts
        require(np.asarray(copies) >= 0, "redundant_experts", "zero or more", copies)

    @property
    def num_gpus(self) -> Values:
        """GPUs of all replicas together: tp·pp·dp."""
        return self.tp * self.pp * self.dp

    @property
    def group(self) -> Values:
        """GPUs of one stage that hold the experts once between them."""
        return np.maximum(self.tp, self.ep)

    @property
    def attention_ranks(self) -> Values:
        """Data-parallel attention ranks that share one copy of the experts."""
        return self.group // np.asarray(self.tp)

    @property
    def expert_tp(self) -> Values:
        """GPUs over which one expert is split by width."""
        return self.group // np.asarray(self.ep)

    @property
    def replicas(self) -> Values:
        """Independent copies of the whole model."""
        return self.tp * np.asarray(self.dp) // self.group

    @property
    def gpus_per_replica(self) -> Values:
        """GPUs that one copy of the model takes."""
        return self.group * self.pp


DEGREES = ("tp", "ep", "pp", "dp", "sp")
"""Fields of a layout that are numbers of parts, in the order in which people state them."""


def as_column(layouts: Layout) -> Layout:
    """Layouts along the last axis but one of a grid, so that batches can stand on the last."""
    return map_arrays(broadcast(layouts), lambda degrees: degrees.reshape(-1, 1))


def check_layout(arch: ArchSpec, num_gpus: int, layout: Layout) -> None:
    """Refuse a layout that does not use the GPUs or does not divide the model.

    Raises:
        ConfigError: With the limit and the value.
    """
    given = " × ".join(str(getattr(layout, name)) for name in ("tp", "pp", "dp"))
    require(np.asarray(layout.num_gpus) == num_gpus, "tp × pp × dp", f"the number of GPUs, {num_gpus}", given)
    broken = undivided(arch, layout)
    if broken:
        raise ConfigError(broken)


def undivided(arch: ArchSpec, layout: Layout) -> str:
    """The first rule by which a layout does not divide the model, as an error line; empty when it does."""
    for name, limit, fits, value in _rules(arch, layout):
        if not holds(fits):
            return f"{name}: must be {limit()}, got {value}"
    return ""


def divides(arch: ArchSpec, layout: Layout) -> Flags:
    """Whether a layout divides the model; over a grid of designs and layouts."""
    return np.logical_and.reduce(np.broadcast_arrays(*(fits for _, _, fits, _ in _rules(arch, layout))))


def _rules(arch: ArchSpec, layout: Layout) -> list[tuple[str, Callable[[], str], Flags, Values]]:
    """Field, limit in words, whether it is kept, and value."""
    tp, ep, pp, dp, sp = (np.asarray(getattr(layout, name)) for name in DEGREES)
    low, high = np.minimum(tp, ep), np.maximum(tp, ep)
    rules: list[tuple[str, Callable[[], str], Flags, Values]] = [
        ("ep", lambda: f"a divisor or a multiple of tp = {layout.tp}", high % low == 0, layout.ep),
        ("ep", lambda: f"a divisor of tp × dp = {layout.tp} × {layout.dp}", tp * dp % high == 0, layout.ep),
        ("pp", lambda: f"at most num_layers = {arch.num_layers}", pp <= arch.num_layers, layout.pp),
        ("sp", lambda: f"a divisor of tp = {layout.tp}", tp % sp == 0, layout.sp),
    ]
    if any(group.reused for group in arch.layers):
        rules.append(("pp", lambda: "1 for a model whose layers share weights", pp == 1, layout.pp))
    routed = [group.ffn for group in arch.layers if isinstance(group.ffn, MoE)]
    if not routed:
        alone = "1 for a model without routed experts"
        rules.append(("ep", lambda: alone, ep == 1, layout.ep))
        rules.append(("resident", lambda: alone, np.asarray(layout.resident) == 1, layout.resident))
        copies, none = layout.redundant_experts, "0 for a model without routed experts"
        rules.append(("redundant_experts", lambda: none, np.asarray(copies) == 0, copies))
    rules += [_divisor("tp", "num_heads", group.mixer.tp_heads, layout.tp) for group in arch.layers]
    rules += [_dealt(ffn.num_experts, layout) for ffn in routed]
    return rules


def _dealt(num_experts: Values, layout: Layout) -> tuple[str, Callable[[], str], Flags, Values]:
    """Experts and their copies are dealt out evenly: ⌈E/ep⌉·ep − E copies make it so."""
    copies, ep = layout.redundant_experts, np.asarray(layout.ep)

    def words() -> str:
        if np.ndim(num_experts) or np.ndim(layout.ep):
            return "a divisor of num_experts + redundant_experts"
        least = int(-num_experts % layout.ep)
        held = f"{num_experts}" if not copies else f"{num_experts} + {copies} redundant"
        nearest = nearest_divisors(num_experts + copies, layout.ep)
        return f"a divisor of num_experts = {held}{nearest}, or with --redundant-experts {least}"

    return "ep", words, np.asarray((num_experts + copies) % ep == 0), layout.ep


def _divisor(name: str, of: str, number: Values, degree: Values) -> tuple[str, Callable[[], str], Flags, Values]:
    fits = np.asarray(number % np.asarray(degree) == 0)
    return name, lambda: f"a divisor of {of} = {number}{nearest_divisors(number, degree)}", fits, degree


def candidate_layouts(num_gpus: int, gpus_per_node: int, fixed: Mapping[str, float], *, routed: bool) -> Layout:
    """Every layout over so many GPUs, as arrays: tp within a node, ep over the ranks.

    Args:
        num_gpus: All of them are used.
        gpus_per_node: tp stays within.
        fixed: Degrees that are given, the resident share, and the redundant experts.
        routed: Whether there are experts to deal.

    A degree that is not given runs over the divisors of the GPUs (ep: of tp·dp); ``sp`` is 1 unless given.
    Empty when the given degrees do not multiply to the GPUs.
    """
    found = []
    for tp in [int(fixed["tp"])] if "tp" in fixed else [one for one in divisors(num_gpus) if one <= gpus_per_node]:
        for pp in [int(fixed["pp"])] if "pp" in fixed else divisors(num_gpus):
            dp, rest = divmod(num_gpus, tp * pp)
            if rest or dp == 0 or fixed.get("dp", dp) != dp:
                continue
            for ep in [int(fixed["ep"])] if "ep" in fixed else divisors(tp * dp) if routed else [1]:
                found += [(tp, ep, pp, dp)]
    columns = np.array(found, dtype=int).reshape(-1, 4).T
    degrees = dict(zip(("tp", "ep", "pp", "dp"), columns, strict=True))
    return Layout(
        **degrees,
        sp=int(fixed.get("sp", 1)),
        resident=fixed.get("resident", 1.0),
        redundant_experts=int(fixed.get("redundant_experts", 0)),
    )


def nearest_divisors(number: Values, degree: Values) -> str:
    """The divisors of a number on both sides of a degree, in words; nothing for grids."""
    if np.ndim(number) or np.ndim(degree):
        return ""
    known = divisors(int(number))
    below, above = [one for one in known if one <= degree], [one for one in known if one > degree]
    return f" (nearest: {' and '.join(str(one) for one in (below[-1:] + above[:1]))})"


def divisors(number: int) -> list[int]:
    """All divisors of a number, rising."""
    low = [one for one in range(1, math.isqrt(number) + 1) if number % one == 0]
    return sorted({*low, *(number // one for one in low)})
