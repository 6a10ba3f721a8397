"""A law in active size, total size and tokens: experts count by the parameters that they add."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.domain import Seen
from optimoe.laws.domain.recent import Recent
from optimoe.laws.factors import as_read, design_effects, design_factor
from optimoe.laws.factors.effect import DesignEffect
from optimoe.laws.law import FLOOR, POSITIVE, Decision, FitForm, output
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.optimum import optimal_params
from optimoe.laws.terms.saturation import saturated_experts, saturated_experts_gradient
from optimoe.laws.terms.sizes import Size, sizes_of

ALONE = 1.0
"""x of a dense model: x̂ starts there, so that a dense model is its own equivalent."""


_EFFECTS = Recent[tuple[DesignEffect, ...]]()


class Expansion(LossLaw):
    """L = E + A·N_eff^(−α) + B·D^(−β), ln N_eff = ln N_act + ρ·ln x̂ + ln factor, x = N_total/N_act.

    x̂ is x, saturated: 1/x̂ = 1/(x − 1 + (1 − 1/x_max)^−1) + 1/x_max, so that x̂(1) = 1 and x̂(∞) = x_max (the form
    of Clark 2022, arXiv 2202.01169, eq. 6, in x in place of E). ρ = 0 is a dense law of the active size, ρ = 1 of
    the total size, ρ = ½ the rule of thumb √(N_act·N_total). N_eff is the dense equivalent in loss: the size of
    the dense model that reaches the same loss on as many tokens.

    Sizes count both embeddings as stored (tied ones once), by ``n_convention = "active_nonembedding"`` neither.
    ``factor`` is what N_eff owes to a design beyond its sizes, by published laws (:mod:`optimoe.laws.factors`).
    Falls in N_act at fixed x, in x and in D for positive coefficients; in N_act at fixed N_total while ρ < 1.
    """

    family = "expansion"
    free = ("E", "A", "B", "alpha", "beta", "rho", "x_max")
    linear = ("E", "A", "B")
    fit_form = FitForm(
        grid={"alpha": (0.15, 0.3, 0.5), "beta": (0.2, 0.35, 0.6), "rho": (0.5,), "x_max": (30.0, 300.0)},
        bounds={"E": FLOOR, "A": POSITIVE, "B": POSITIVE, "x_max": (1.001, 1e5)}
        | {"alpha": (0.0, 3.0), "beta": (0.0, 3.0), "rho": (0.0, 2.0)},
    )
    sees: ClassVar[tuple[Seen, ...]] = ("params_total", "params_active")
    sizes: ClassVar[Mapping[str, Size]] = sizes_of("active", "active_nonembedding")
    own_size = "active"
    stated_elsewhere = frozenset({"factor"})

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N_act and N_total by the convention of the row, and what its published factors give the design."""
        row = self.row
        read = as_read(row.factors, arch, self.find, row.factors_flops)
        params, active = count_params(read), self.size(arch)
        stored = params.nonembedding if row.n_convention == "active_nonembedding" else params.total
        return {
            "N_act": active,
            "N_total": stored if read is arch else np.divide(stored, self.size(read)) * active,
            "factor": design_factor(self.effects(arch)),
        }

    def run_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The design as runs give it, both sizes times its factor, which is the factor on N_eff then."""
        inputs = super().run_inputs(arch, tokens)
        factor = inputs.pop("factor")
        return inputs | {name: np.multiply(inputs[name], factor) for name in ("N_act", "N_total")}

    def with_effect(self, name: str, train_flops: float = 0.0) -> "Expansion":
        """The law with one more published effect on N_eff, at a training budget."""
        law = copy.copy(self)
        names = tuple(dict.fromkeys((*self.row.factors, name)))
        law.row = replace(self.row, factors=names, factors_flops=train_flops)
        return law

    def effects(self, arch: ArchSpec) -> tuple[DesignEffect, ...]:
        """What published laws say of the design beyond its sizes, by the names in the row."""
        row = self.row
        asked = (row.factors, row.factors_flops, self._library, self._opted_in)
        return _EFFECTS.found(asked, arch, lambda: design_effects(row.factors, arch, self.find, row.factors_flops))

    def reading_gap(self, arch: ArchSpec, tokens: Values) -> Values:
        """What papers disagree about in the design's factors, nats: L at N_eff·exp(−spread) less L."""
        own, less = self.arch_inputs(arch, tokens), self.other_readings(arch)[0]
        return np.asarray(self.loss(**less, D=tokens) - self.loss(**own))[()]

    def other_readings(self, arch: ArchSpec) -> tuple[dict[str, Values], ...]:
        """The design with its factors smaller, and larger, by what papers disagree about."""
        spread = sum(effect.spread for effect in self.effects(arch))
        own = self.variables(arch)
        return tuple(own | {"factor": own["factor"] * np.exp(sign * spread)} for sign in (-1, 1))

    def curve(self, N_act: Values, N_total: Values, factor: Values = 1.0) -> TokenCurve:
        """Floor E + A·N_eff^−α, scale B, exponent −β."""
        c = self.coefficients
        size = np.power(self.dense_equivalent(N_act, N_total, factor), -c["alpha"])
        return TokenCurve(floor=c["E"] + c["A"] * size, scale=c["B"], exponent=-c["beta"])

    @output("x_hat")
    def saturated_expansion(self, N_act: Values, N_total: Values) -> Values:
        """Saturated expansion x̂, what storing x times the active size is worth."""
        expansion = np.divide(N_total, N_act)
        return saturated_experts(expansion, ALONE, self.coefficients["x_max"])

    @output("N_eff")
    def dense_equivalent(self, N_act: Values, N_total: Values, factor: Values = 1.0) -> Values:
        """Size of the dense model of equal loss on as many tokens, N_act·x̂^ρ·factor."""
        gain = np.power(self.saturated_expansion(N_act, N_total), self.coefficients["rho"])
        return np.multiply(N_act, gain) * factor

    @output("L")
    def loss(self, N_act: Values, N_total: Values, D: Values, factor: Values = 1.0) -> Values:
        """Loss in nats per token at N_act active of N_total parameters and D tokens."""
        return self.curve(N_act=N_act, N_total=N_total, factor=factor).loss(D)

    def gradient(self, N_act: Values, N_total: Values, D: Values, factor: Values = 1.0) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        expansion = np.divide(N_total, N_act)
        gain = self.saturated_expansion(N_act, N_total)
        log_size = np.log(self.dense_equivalent(N_act, N_total, factor))
        size, data = np.exp(-c["alpha"] * log_size), np.power(D, -c["beta"], dtype=float)
        d_log_size = -c["alpha"] * c["A"] * size
        _, d_max = saturated_experts_gradient(expansion, ALONE, c["x_max"])
        return {
            "E": np.ones_like(size),
            "A": size,
            "B": data,
            "alpha": -c["A"] * log_size * size,
            "beta": -c["B"] * np.log(D) * data,
            "rho": d_log_size * np.log(gain),
            "x_max": d_log_size * c["rho"] * d_max / gain,
        }

    @output("N_opt")
    def optimal_params(self, C: Values, x: Values) -> Values:
        """Compute-optimal active parameters at C = 6·N_act·D FLOPs and an expansion x, factor 1.

        At fixed x the size term is (A·x̂^(−αρ))·N_act^−α: Hoffmann's optimum with that factor.
        """
        c = self.coefficients
        gain = np.power(saturated_experts(x, ALONE, c["x_max"]), -c["alpha"] * c["rho"])
        return optimal_params(c["A"] * gain, c["alpha"], c["B"], c["beta"], C)

    @output("D_opt")
    def optimal_tokens(self, C: Values, x: Values) -> Values:
        """Compute-optimal tokens at C FLOPs and an expansion x, D = C/(6·N_act)."""
        return np.divide(C, TRAIN_FLOPS_PER_PARAM_TOKEN) / self.optimal_params(C, x)

    @output("L_opt")
    def optimal_loss(self, C: Values, x: Values) -> Values:
        """Least loss at C FLOPs and an expansion x."""
        params = self.optimal_params(C, x)
        return self.loss(params, np.multiply(x, params), self.optimal_tokens(C, x))

    def decide(self, train_flops: float) -> Decision:
        """The compute optimum of dense models; a larger expansion is always better by this law, up to x_max."""
        params = float(self.optimal_params(train_flops, ALONE))
        tokens = float(self.optimal_tokens(train_flops, ALONE))
        return Decision(
            answers={"tokens_per_param_dense": tokens / params},
            at={"N_act": params, "N_total": params, "D": tokens},
        )
