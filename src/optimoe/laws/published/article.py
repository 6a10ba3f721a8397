"""Figures of the article on mixtures and scaling laws that take no more than laws: granularity, effective size.

Shapes are those of Krajewski 2024 (arXiv 2402.07871, Sec. 6): plain feed-forwards of 4·d, d/64 layers and heads;
experts in every second layer as Clark 2022 (arXiv 2202.01169) has them.
"""

import numpy as np

from optimoe.arch.design import dense_twin, with_num_experts
from optimoe.arch.params import count_params
from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec, LayerGroup
from optimoe.core.arrays import Values
from optimoe.core.claims import FigureMaker, Series, TextFigure
from optimoe.core.units import format_count
from optimoe.laws.catalog import find_law
from optimoe.laws.effective_size import effective_size
from optimoe.laws.factors.granularity import LING_PER_KRAJEWSKI
from optimoe.laws.families.clark import RUN_TOKENS
from optimoe.laws.families.krajewski import HEAD_WIDTH, ROUTING_FLOPS
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.terms.optimum import find_root

KRAJEWSKI = "krajewski2024-e64"
GRANULARITIES = 2.0 ** np.arange(9)
BUDGETS_FLOPS = (1e18, 1e20, 1e22, 1e24)
BUDGET_RANGE = (1e12, 1e32)
"""Among which the budget of equal loss at G = 1 is looked for."""
EXPANSION = 64
"""Of Krajewski's runs; Tian's law is asked at the activation ratio 1/64."""

ROUTERS = {"S-BASE": "clark2022-sbase-digits", "RL-R": "clark2022-rlr-digits", "Hash": "clark2022-hash-digits"}
OTHER_LAWS = ("optimoe2026", "ludziejewski2025", "abnar2025")
LARGEST_RUN = 1.3e9
SIZES = {"15M": 15e6, "130M": 130e6, "1.3B": LARGEST_RUN, "10B": 1e10, "100B": 1e11, "1T": 1e12}
"""From Clark's smallest runs past his largest to where his law ends."""
EXPERTS: Values = 2 ** np.arange(10)
LAYERS = np.array([6, 10, 20, 30, 42, 58, 86, 126, 184, 272, 400])
"""Even depths of the shapes, from 11M to 3T parameters."""
LAYERS_1B = 30
"""The shape of 1.33B parameters, next to Clark's largest of 1.3B."""
CUTOFF_EXPERTS = 64
VOCABULARY = 32_000
"""Assumed; only laws that count embeddings see it."""
SETTING = (
    "every second layer routed, top-1, 130B tokens; sizes as each law counts them (Clark: without embeddings)"
)
WORTH = "dense parameters of equal loss over those that a token sees"


def granularity() -> TextFigure:
    """Loss by granularity at fixed training FLOPs, with the cost of routing and without it."""
    law = find_law(KRAJEWSKI)
    series = []
    for flops in BUDGETS_FLOPS:
        inputs = {"F": flops, "G": GRANULARITIES}
        coarsest = law.evaluate("L_at_G", inputs | {"G": 1.0})
        for c_r, words in ((ROUTING_FLOPS, ""), (0.0, " free")):
            losses = law.evaluate("L_at_G", inputs | {"c_r": c_r})
            best = f"best G = {GRANULARITIES[losses.argmin()]:.0f}, loss {losses.min():.4f}"
            note = f"loss {coarsest:.4f} at G = 1; {best}" if c_r else ""
            name = f"{flops:.0e}".replace("+", "") + words
            series.append(_series(name, GRANULARITIES, losses - coarsest, note=note))
    return TextFigure(
        key="granularity",
        title="Loss by granularity at fixed training FLOPs, with the cost of routing and without it",
        x="granularity G = 4·d/d_expert",
        y="loss less that of G = 1 with its routing, nats per token",
        series=tuple(series),
        x_log=True,
        notes=(
            f"{KRAJEWSKI}: E = {EXPANSION}, at each G the best size and tokens of the budget",
            "budgets in F = (12·d²·6 + d·E·G·14)·D·layers; free: the second term, routing, left out (c_r = 0)",
            "fitted on G of 1 to 16: finer is the law's extrapolation",
            "without the cost of routing the law falls in G for ever: what ends the gain is that cost alone",
        ),
    )


def granularity_gain() -> TextFigure:
    """Compute that finer experts are worth, under Krajewski's law and Tian's leverage."""
    law, tian, flops = find_law(KRAJEWSKI), find_law("tian2025-el"), 1e20
    series = []
    for c_r, words in ((ROUTING_FLOPS, "with routing"), (0.0, "without")):
        reached = law.evaluate("L_at_G", {"F": flops, "G": GRANULARITIES, "c_r": c_r})

        def above(budget: Values, reached: Values = reached) -> Values:
            return reached - law.evaluate("L_at_G", {"F": budget, "G": 1.0})

        worth = find_root(above, *BUDGET_RANGE, like=reached) / flops
        series.append(_series(f"{KRAJEWSKI}, {words}", GRANULARITIES, worth))
    inputs = {"A": 1 / EXPANSION, "C": flops}
    leverage = tian.evaluate("EL", inputs | {"G": GRANULARITIES * LING_PER_KRAJEWSKI})
    note = f"best at G = {tian.evaluate('G_opt', {}) / LING_PER_KRAJEWSKI:.1f} whatever the budget"
    series.append(_series("tian2025-el", GRANULARITIES, leverage / leverage[0], note=note))
    return TextFigure(
        key="granularity-gain",
        title="Compute that finer experts are worth, under Krajewski's law and Tian's leverage",
        x="granularity G = 4·d/d_expert",
        y="training FLOPs of equal loss at G = 1 over those spent",
        series=tuple(series),
        x_log=True,
        notes=(
            "at 1e20 FLOP and an expansion of 64 (Tian: activation ratio 1/64)",
            "Tian's compute is that of matrix products as run, routers included; Krajewski's prices them by c_r",
        ),
    )


def effective_sizes() -> TextFigure:
    """Effective dense size by number of experts under Clark's law, from 15M to 1T parameters."""
    series = []
    for router, sizes in (("S-BASE", SIZES), ("RL-R", {"1.3B": LARGEST_RUN}), ("Hash", {"1.3B": LARGEST_RUN})):
        law = find_law(ROUTERS[router])
        cutoff = f"cut-off {format_count(float(law.evaluate('N_cutoff', {})))}"
        for words, size in sizes.items():
            worth, note = law.evaluate("EPC", {"N": size, "E": EXPERTS}) / size, size == LARGEST_RUN and cutoff
            series.append(_series(f"{router} {words}", EXPERTS, worth, note=note or ""))
    return TextFigure(
        key="effective-size",
        title="Effective dense size by number of experts under Clark's law, from 15M to 1T parameters",
        x="experts of a routed layer, E",
        y=WORTH,
        series=tuple(series),
        x_log=True,
        y_log=True,
        notes=(SETTING, "runs of 15M to 1.3B and 2 to 512 experts: 10B and above is the law's extrapolation"),
    )


def effective_sizes_by_law() -> TextFigure:
    """Effective dense size of 1.3B parameters by number of experts, law by law."""
    arch = with_num_experts(_half_routed(LAYERS_1B), EXPERTS)
    laws = {"S-BASE": ROUTERS["S-BASE"]} | {law: law for law in OTHER_LAWS}
    return TextFigure(
        key="effective-size-laws",
        title="Effective dense size of 1.3B parameters by number of experts, law by law",
        x="experts of a routed layer, E",
        y=WORTH,
        series=tuple(_worth(name, law, arch, EXPERTS) for name, law in laws.items()),
        x_log=True,
        y_log=True,
        notes=(
            SETTING,
            "the dense model of equal loss on as many tokens (laws compare), band: draws and other readings",
            "optimoe2026 below 1: by Tian's leverage experts of G = 1 are worth less than those of G = 4, where "
            "its factor is 1; the band holds what papers dispute about that",
        ),
    )


def cutoffs() -> TextFigure:
    """Effective dense size of 64 experts by size: where routing ends under each law."""
    arch = with_num_experts(_half_routed(LAYERS), CUTOFF_EXPERTS)
    sizes = count_params(dense_twin(arch)).nonembedding
    laws = ROUTERS | {law: law for law in OTHER_LAWS}
    return TextFigure(
        key="cut-off",
        title="Effective dense size of 64 experts by size: where routing ends under each law",
        x="parameters that a token sees, without embeddings",
        y=WORTH,
        series=tuple(_worth(name, law, arch, sizes) for name, law in laws.items()),
        x_log=True,
        y_log=True,
        notes=(
            SETTING,
            "below 1 routing costs: past Clark's cut-offs, which Krajewski 2024 blames on his fixed 130B tokens",
            "optimoe2026 has no cut-off by its form (N_eff/N_act does not depend on size): it cannot confirm one",
            "ludziejewski2025 was fitted to 2.7B active parameters: its rise beyond is extrapolation",
        ),
    )


def _worth(name: str, law: str, arch: ArchSpec, x: Values) -> Series:
    """What a grid of designs is worth under one law, over its own dense twin as that law counts it."""
    found = find_law(law)
    assert isinstance(found, ArchLaw)
    worth, own = effective_size(found, arch, RUN_TOKENS), found.dense_law().size(dense_twin(arch))
    more = worth.above_total
    notes = [f"cut-off {format_count(worth.cutoff)}"] if np.isfinite(worth.cutoff) else []
    if np.any(more):
        notes.append(f"left out from {format_count(float(np.min(np.asarray(x)[more])))}: more than all parameters")
    ends = {"low": worth.low / own, "high": worth.high / own} if np.isfinite(worth.low).all() else {}
    return _series(name, x, np.where(more, np.nan, worth.params / own), note="; ".join(notes), **ends)


def _series(name: str, x: Values, y: Values, *, note: str = "", **ends: Values) -> Series:
    columns = {key: tuple(map(float, np.ravel(values))) for key, values in {"x": x, "y": y, **ends}.items()}
    return Series(name=name, note=note, **columns)


def _half_routed(layers: Values) -> ArchSpec:
    """A shape of so many layers, or a grid of them; half have experts as wide as the dense feed-forward."""
    width, half = HEAD_WIDTH * layers, layers // 2
    attention = Attention(num_heads=layers, num_kv_heads=layers, head_dim=HEAD_WIDTH)
    dense = DenseFFN(d_ff=4 * width, gated=False)
    routed = MoE(num_experts=1, top_k=1, d_expert=4 * width, gated=False)
    groups = tuple(LayerGroup(num_layers=half, mixer=attention, ffn=ffn) for ffn in (dense, routed))
    return ArchSpec(name="half-routed", vocab_size=VOCABULARY, d_model=width, layers=groups)


ARTICLE_FIGURES: dict[str, FigureMaker] = {
    "granularity": granularity,
    "granularity-gain": granularity_gain,
    "effective-size": effective_sizes,
    "effective-size-laws": effective_sizes_by_law,
    "cut-off": cutoffs,
}
"""Key → what makes the figure."""
