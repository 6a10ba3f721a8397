"""How Yun 2024 sets its question up, and one change at a time from that."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from optimoe.laws.catalog import find_loss_law
from optimoe.laws.loss_law import LossLaw

TEXT = "yun2024"

EXPERTS = (1, 4, 8, 16, 32)
"""Numbers of experts that are compared; 1 is dense."""

BASE = 4
"""Experts of the loss-optimal model that the others are compared with, as most of their claims do."""

LAWS = ("ludziejewski2025", "zhao2025", "optimoe2026")
"""Laws of a whole training run in N, D and E, with published coefficients, and the planner's own."""

ROUTED_ONLY = "zhao2025"
"""The one of them that is a law of MoEs alone."""

AT_ONE_EXPERT = "zhao2025 read at one expert (N = N_a, G = 1, S = 0), though it is a law of MoEs"

GPUS = (1, 2, 4, 8)
"""GPUs of one instance, of which the cheapest number counts (eq. 5: the minimum over G)."""

MORE_GPUS = (*GPUS, 16)
"""With twice their largest number, to see which prices a full memory makes."""


ASPECTS, SHALLOW = (64.0, 96.0), (96.0, 128.0)
"""d_model/num_layers of Table 1 (768/12, 896/14, 1024/16, 1536/16), and up to Mixtral 8x7B's: how deep its larger
models are the text does not say."""


@dataclass(frozen=True, kw_only=True)
class YunSetting:
    """How designs are made, counted and priced; the defaults are the paper's.

    Attributes:
        every_layer: Whether experts stand in every layer, not in every second one.
        kv_heads: Key-value heads; 0: one for each head.
        gpus: Numbers of GPUs of which the cheapest serves.
        memory_bound: Whether a step takes the time to read a full memory, so that its cache alone sets the
            price (eq. 6), and not the cost model.
        precision: Of the weights.
        engine_takes_time: Whether the engine takes time of its own in a step, for scheduling and sampling.
        aspects: Least and largest d_model/num_layers.
        counts_active: Whether the budget counts both active experts, not the dense twin.
    """

    every_layer: bool = False
    kv_heads: int = 0
    gpus: tuple[int, ...] = GPUS
    memory_bound: bool = False
    precision: Literal["bf16", "int8"] = "bf16"
    engine_takes_time: bool = True
    aspects: tuple[float, float] = ASPECTS
    counts_active: bool = False


PAPER = YunSetting()
"""Every second feed-forward routed, a key-value head for each head, 1 to 8 GPUs, the budget of the dense twin."""

SIXTEEN = replace(PAPER, gpus=MORE_GPUS)
MEMORY_BOUND = replace(PAPER, memory_bound=True)

CHANGES: dict[str, YunSetting] = {
    "experts in every layer": replace(PAPER, every_layer=True),
    "eight key-value heads (grouped)": replace(PAPER, kv_heads=8),
    "up to 16 GPUs": SIXTEEN,
    "prices by memory alone (eq. 6, a step reads all of it)": MEMORY_BOUND,
    "weights in int8": replace(PAPER, precision="int8"),
    "shallower shapes, d/layers of 96 to 128": replace(PAPER, aspects=SHALLOW),
    "an engine without time of its own": replace(PAPER, engine_takes_time=False),
    "a budget that counts both active experts": replace(PAPER, counts_active=True),
}
"""Single changes from the paper's setting, in words: what a number of ours hangs on."""

RULED_OUT = (
    "experts in every layer",
    "eight key-value heads (grouped)",
    "up to 16 GPUs",
    "a budget that counts both active experts",
)
"""Those of which the paper says that it did otherwise (Sec. 4, App. B and C): they explain no difference."""


@cache
def yun_law(name: str) -> LossLaw:
    """A law by name; that of MoEs alone with dense models let in, which :data:`AT_ONE_EXPERT` says.

    Raises:
        UnknownNameError: No such law.
    """
    law = find_loss_law(name)
    if name != ROUTED_ONLY:
        return law
    return type(law)(row=replace(law.row, domain=replace(law.row.domain, models="both")))
