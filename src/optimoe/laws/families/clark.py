"""Losses of routed models without D: Clark et al. 2022 (arXiv 2202.01169), after 130B tokens; SLDBench's form."""

from typing import ClassVar

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN, decode_flops
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.core.outputs import Domains
from optimoe.laws.datasets import joined, load_routing_points
from optimoe.laws.law import FLOOR, POSITIVE, Decision, FitForm, Law, output
from optimoe.laws.loss_law import ArchLaw
from optimoe.laws.terms.designs import EXPERT_CHOICES, EXPERTS_SEARCHED, num_experts
from optimoe.laws.terms.saturation import SATURATION_BOUNDS, saturated_experts, saturated_experts_gradient
from optimoe.laws.terms.sizes import SIZES, sizes_of, twin_nonembedding

RUN_TOKENS = 130e9
STEP_TOKENS, CONTEXT_TOKENS = 2.0**19, 2048
"""Of one training step and one sequence: 256 sequences of 2048 tokens."""
TERAFLOP = 1e12


class FixedTokens(ArchLaw):
    """A loss after a fixed number of tokens: it has no D, and says nothing of other amounts of data."""

    @property
    def router(self) -> str:
        """Which router of the released runs the row is about.

        Raises:
            ConfigError: The row does not say.
        """
        name = self.row.runs.get("router", "")
        require(name, f"law {self.row.name}: runs.router", "the router of the released runs", "none")
        return name

    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """The loss after 130B tokens; ``tokens`` counts only for how far outside the range it is."""
        self.require_usable()
        known = np.where(self.require_applicable(arch), 1.0, np.nan)
        return self.evaluate("L", self.variables(arch)) * known * np.ones_like(tokens, dtype=float)


class Clark(FixedTokens):
    """log10 L = a·log10 N + b·log10 Ê + c·log10 N·log10 Ê + d (eq. 1), after 130B tokens.

    N dense parameters, those one token sees (without embeddings, as the released runs count); E experts in
    every second layer, top-1. Three digits of c are too few: one unit in its last place is 2.6 % of L, so
    prefer the rows with restored digits.
    Falls in E only below N = 10^(−b/c), and in N while a + c·log10 Ê < 0. The cut-off is blamed on the fixed
    130B tokens by Krajewski 2024: routing looks worse for large models than it is.
    """

    family = "clark"
    sizes, own_size = sizes_of(*SIZES, dense=twin_nonembedding), "dense"
    free = ("a", "b", "c", "d", "E_start", "E_max")
    linear = ("a", "b", "c", "d")
    fit_form = FitForm(
        grid={"E_start": (1.5, 4.0), "E_max": (50.0, 200.0, 800.0)},
        bounds=dict.fromkeys("abcd", (-100.0, 100.0)) | SATURATION_BOUNDS,
    )
    domain: ClassVar[Domains] = {"E": "count"}
    searched = EXPERTS_SEARCHED
    sees = ("num_experts",)

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: the dense model whose FFN is one expert, without embeddings; E routed experts per layer.

        Clark's own N adds the projections of relative positions, which our designs do not have.
        """
        return {"N": self.size(arch), "E": num_experts(arch)}

    @output("E_hat")
    def expert_effect(self, E: Values) -> Values:
        """Saturated expert count Ê, what E experts are worth."""
        return saturated_experts(E, self.coefficients["E_start"], self.coefficients["E_max"])

    @output("L")
    def loss(self, N: Values, E: Values) -> Values:
        """Loss in nats per token after 130B tokens, with E experts."""
        c = self.coefficients
        size, effect = np.log10(N), np.log10(self.expert_effect(E))
        return np.power(10.0, c["a"] * size + c["b"] * effect + c["c"] * size * effect + c["d"])

    def gradient(self, N: Values, E: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        steep = self.loss(N, E) * np.log(10)
        effect = self.expert_effect(E)
        size, log_effect = np.log10(N), np.log10(effect)
        d_effect = self.loss(N, E) * (c["b"] + c["c"] * size) / effect
        d_start, d_max = saturated_experts_gradient(E, c["E_start"], c["E_max"])
        return {
            "a": steep * size,
            "b": steep * log_effect,
            "c": steep * size * log_effect,
            "d": steep,
            "E_start": d_effect * d_start,
            "E_max": d_effect * d_max,
        }

    @output("EPC")
    def effective_params(self, N: Values, E: Values) -> Values:
        """The dense size of equal loss, N^(α(Ê)/α(E_start))·(Ê/E_start)^(b/α(E_start)).

        With α(x) = a + c·log10 x.
        """
        c = self.coefficients
        effect = self.expert_effect(E)
        dense = c["a"] + c["c"] * np.log10(c["E_start"])
        routed = c["a"] + c["c"] * np.log10(effect)
        return np.power(N, routed / dense, dtype=float) * np.power(effect / c["E_start"], c["b"] / dense)

    @output("relative")
    def relative(self, N: Values, E: Values) -> Values:
        """L(N, E)/L(N, 1): below 1 where routing helps."""
        return self.loss(N, E) / self.loss(N, np.ones_like(E, dtype=float))

    @output("N_cutoff")
    def cutoff(self) -> Values:
        """N above which routing no longer helps: 10^(−b/c)."""
        return np.power(10.0, -self.coefficients["b"] / self.coefficients["c"])

    @output("c_from_N_cutoff")
    def interaction_from_cutoff(self, N_cutoff: Values) -> Values:
        """Interaction c = −b/log10 N_cutoff, with the digits that the table leaves out."""
        return -self.coefficients["b"] / np.log10(N_cutoff)

    @output("slope_N")
    def params_slope(self, E: Values) -> Values:
        """Slope of log L in log N with the sign turned, −(a + c·log10 Ê)."""
        return -(self.coefficients["a"] + self.coefficients["c"] * np.log10(self.expert_effect(E)))

    @output("slope_E")
    def experts_slope(self, N: Values) -> Values:
        """Slope of log L in log Ê with the sign turned, −(b + c·log10 N)."""
        return -(self.coefficients["b"] + self.coefficients["c"] * np.log10(N))

    @output("rms_log10_L")
    def rms_log10_loss(self, with_dense: bool) -> float:
        """Root mean square residual of log10 L on the row's runs (top-1, every second block routed)."""
        points = load_routing_points(self.router)
        if with_dense:
            points = joined(points, load_routing_points("Dense"))
        residual = np.log10(self.loss(points.params, points.experts)) - points.log10_loss
        return float(np.sqrt(np.mean(residual**2)))

    def decide(self, train_flops: float) -> Decision:
        """The best of 1, 2, …, 64 experts for the size that the budget trains on 130B tokens."""
        params = train_flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * RUN_TOKENS)
        best = float(EXPERT_CHOICES[np.argmin(self.loss(params, EXPERT_CHOICES))])
        return Decision(answers={"num_experts": best}, at={"N": params, "E": best})


class ClarkCompute(FixedTokens):
    """log10 L = a·log10 F + b·log10 B + c·log10 F·log10 B + d, all K and R together (without saturation).

    F forward TFLOP of one step of 2^19 tokens, B = P/F parameters per TFLOP. The paper's coefficients are not
    known: those here were fitted to the released curves.
    """

    family = "clark-fb"
    free = ("a", "b", "c", "d")
    linear = ("a", "b", "c", "d")
    sees = ("params_total", "params_active")

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """F from 2048 attended tokens, without Clark's relative positions (about 10 % low), and B = P/F."""
        step = decode_flops(arch, CONTEXT_TOKENS).total * STEP_TOKENS / TERAFLOP
        return {"F_tflop": step, "B_per_tflop": count_params(arch).nonembedding / step}

    @output("L")
    def loss(self, F_tflop: Values, B_per_tflop: Values) -> Values:
        """Loss in nats per token after 130B tokens, from compute and parameters per compute."""
        c = self.coefficients
        work, use = np.log10(F_tflop), np.log10(B_per_tflop)
        return np.power(10.0, c["a"] * work + c["b"] * use + c["c"] * work * use + c["d"])

    def gradient(self, F_tflop: Values, B_per_tflop: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        steep = self.loss(F_tflop, B_per_tflop) * np.log(10)
        work, use = np.log10(F_tflop), np.log10(B_per_tflop)
        return {"a": steep * work, "b": steep * use, "c": steep * work * use, "d": steep}

    @output("rms_log10_L")
    def rms_log10_loss(self) -> float:
        """Root mean square residual of log10 L on all runs of the router and all dense runs."""
        points = joined(
            load_routing_points(self.router, every_variant=True),
            load_routing_points("Dense", every_variant=True),
        )
        work = points.flops_per_step / TERAFLOP
        residual = np.log10(self.loss(work, points.params_total / work)) - points.log10_loss
        return float(np.sqrt(np.mean(residual**2)))


class ExpertsPower(Law):
    """L = L_inf + K·N^−α·E^−β: the form that most agents of SLDBench end at (arXiv 2507.21184).

    N dense parameters, E experts, no D; the origin of its runs is not stated, their columns are named as Clark's
    are. Without it the law reads no architecture. Falls in both.
    """

    family = "experts-power"
    free = ("L_inf", "K", "alpha", "beta")
    linear = ("L_inf", "K")
    fit_form = FitForm(
        grid={"alpha": (0.1, 0.3, 0.6), "beta": (0.03, 0.1)},
        bounds={"L_inf": FLOOR, "K": POSITIVE, "alpha": (0.0, 3.0), "beta": (-3.0, 3.0)},
    )
    domain: ClassVar[Domains] = {"E": "count"}

    @output("L")
    def loss(self, N: Values, E: Values) -> Values:
        """Loss in nats per token at N dense parameters with E experts."""
        c = self.coefficients
        reach = np.power(N, -c["alpha"], dtype=float) * np.power(E, -c["beta"], dtype=float)
        return c["L_inf"] + c["K"] * reach

    def gradient(self, N: Values, E: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        reach = np.power(N, -c["alpha"], dtype=float) * np.power(E, -c["beta"], dtype=float)
        return {
            "L_inf": np.ones_like(reach),
            "K": reach,
            "alpha": -c["K"] * np.log(N) * reach,
            "beta": -c["K"] * np.log(E) * reach,
        }
