"""Ludziejewski et al. 2025 (arXiv 2502.05172): a full loss in active size, tokens and experts."""

from typing import ClassVar

import numpy as np

from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import require
from optimoe.core.outputs import Domains
from optimoe.laws.law import FLOOR, POSITIVE, Decision, FitForm, output
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.designs import EXPERT_CHOICES, EXPERTS_SEARCHED, num_experts
from optimoe.laws.terms.optimum import compute_for_loss, find_root, optimal_params
from optimoe.laws.terms.saturation import SATURATION_BOUNDS, saturated_experts, saturated_experts_gradient
from optimoe.laws.terms.sizes import sizes_of

VOCABULARY = 50_257
HEAD_DIM = 64
"""Of Ludziejewski's runs: GPT-2's vocabulary, and d/64 layers of d/64 heads."""
ACTIVE_SQUARES, EXPERT_SQUARES = 13, 9
"""Active parameters of a layer, and those of one expert, in d² (eqs. 9 and 10)."""
WIDTH_RANGE = (1.0, 1e7)
"""Widths among which the one with so many total parameters is looked for: up to 1e20 parameters."""


class Joint(LossLaw):
    """Ludziejewski 2025 (arXiv 2502.05172), eq. 6.

    L = a·Ê^δ·N^(α + γ·ln Ê) + b·Ê^ω·D^(β + ζ·ln Ê) + c; N active parameters with both embeddings, D tokens,
    E experts with top-1 routing and granularity 1 (E = 1 is dense), exponents negative.
    At fixed E: L = m·N^μ + n·D^ν + c.
    """

    family = "ludziejewski"
    sizes = sizes_of("active", "active_nonembedding")
    own_size = "active"
    free = ("a", "alpha", "delta", "gamma", "b", "beta", "omega", "zeta", "E_start", "E_max", "c")
    linear = ("a", "b", "c")
    fit_form = FitForm(
        grid=dict.fromkeys(("alpha", "beta"), (-0.08, -0.2, -0.4))
        | {"delta": (-0.3, 0.0), "omega": (0.0, 0.5), "gamma": (0.0,), "zeta": (0.0,)}
        | {"E_start": (2.0,), "E_max": (50.0, 500.0)},
        bounds={"a": POSITIVE, "b": POSITIVE, "c": FLOOR}
        | dict.fromkeys(("alpha", "beta"), (-3.0, 0.0))
        | dict.fromkeys(("delta", "gamma", "omega", "zeta"), (-5.0, 5.0))
        | SATURATION_BOUNDS,
    )
    domain: ClassVar[Domains] = {"E": "count"}
    searched = EXPERTS_SEARCHED | {"E_opt": (0.0, 32.0)}
    sees = ("num_experts",)
    readings = ("expansion",)

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N_act with both embeddings, and routed experts per layer (1 when dense).

        A design that no run was like is read at its expansion, where the row says so: at the E of the paper's
        shape of equal active and total size (:meth:`experts_at_sizes`), about E/k.
        """
        stated, assumed = self.as_stated(arch), self.judge(arch).assumed
        if not np.any(assumed):
            return stated
        params = count_params(arch)
        read = self.experts_at_sizes(params.active, params.total)
        experts: Values = np.where(assumed, read, stated["E"])
        return stated | {"E": experts[()]}

    def as_stated(self, arch: ArchSpec) -> dict[str, Values]:
        """N_act and the number of experts, whatever their width and however many a token uses."""
        return {"N_act": self.size(arch), "E": num_experts(arch)}

    @staticmethod
    def experts_at_sizes(params_active: Values, params_total: Values) -> Values:
        """E of the paper's shape (eqs. 9 and 10) with so many active and total parameters, real-valued.

        N_act = 2dV + 13·d³/64 gives the width d, by the hyperbolic root of d³ + pd = q with p = 128V/13 and
        q = 64·N_act/13; E = 1 + (N_total − N_act)/(9·d³/64).
        """
        p = 2 * VOCABULARY * HEAD_DIM / ACTIVE_SQUARES
        q = np.multiply(params_active, HEAD_DIM / ACTIVE_SQUARES)
        width = 2 * np.sqrt(p / 3) * np.sinh(np.arcsinh(1.5 * q / p * np.sqrt(3 / p)) / 3)
        return 1 + np.subtract(params_total, params_active) / (EXPERT_SQUARES * width**3 / HEAD_DIM)

    def curve(self, N_act: Values, E: Values) -> TokenCurve:
        """Floor c + m·N^μ, scale n, exponent ν."""
        floor = self.coefficients["c"] + self.m(E) * np.power(N_act, self.mu(E), dtype=float)
        return TokenCurve(floor=floor, scale=self.n(E), exponent=self.nu(E))

    @output("E_hat")
    def expert_effect(self, E: Values) -> Values:
        """Saturated expert count Ê, what E experts are worth."""
        c = self.coefficients
        return saturated_experts(E, c["E_start"], c["E_max"])

    @output("m")
    def m(self, E: Values) -> Values:
        """Factor of the size term at E experts, m = a·Ê^δ."""
        c = self.coefficients
        return c["a"] * self.expert_effect(E) ** c["delta"]

    @output("mu")
    def mu(self, E: Values) -> Values:
        """Exponent of the size term at E experts, μ = α + γ·ln Ê."""
        c = self.coefficients
        return c["alpha"] + c["gamma"] * np.log(self.expert_effect(E))

    @output("n")
    def n(self, E: Values) -> Values:
        """Factor of the data term at E experts, n = b·Ê^ω."""
        c = self.coefficients
        return c["b"] * self.expert_effect(E) ** c["omega"]

    @output("nu")
    def nu(self, E: Values) -> Values:
        """Exponent of the data term at E experts, ν = β + ζ·ln Ê."""
        c = self.coefficients
        return c["beta"] + c["zeta"] * np.log(self.expert_effect(E))

    @output("L")
    def loss(self, N_act: Values, D: Values, E: Values) -> Values:
        """Loss in nats per token of a MoE with E experts (eq. 6)."""
        return self.curve(N_act=N_act, E=E).loss(D)

    def gradient(self, N_act: Values, D: Values, E: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        log_size, log_data, effect = np.log(N_act), np.log(D), self.expert_effect(E)
        log_effect = np.log(effect)
        size = effect ** c["delta"] * np.exp(self.mu(E) * log_size)
        data = effect ** c["omega"] * np.exp(self.nu(E) * log_data)
        d_size, d_data = c["a"] * size, c["b"] * data
        d_effect = (
            d_size * (c["delta"] + c["gamma"] * log_size) + d_data * (c["omega"] + c["zeta"] * log_data)
        ) / effect
        d_start, d_max = saturated_experts_gradient(E, c["E_start"], c["E_max"])
        return {
            "a": size,
            "alpha": d_size * log_size,
            "delta": d_size * log_effect,
            "gamma": d_size * log_size * log_effect,
            "b": data,
            "beta": d_data * log_data,
            "omega": d_data * log_effect,
            "zeta": d_data * log_data * log_effect,
            "E_start": d_effect * d_start,
            "E_max": d_effect * d_max,
            "c": np.ones_like(size),
        }

    @output("N_opt")
    def optimal_params(self, F: Values, E: Values) -> Values:
        """Compute-optimal active parameters (eq. 7).

        N = G·(F/6)^(|ν|/(|μ|+|ν|)) with G = (|μ|·m/(|ν|·n))^(1/(|μ|+|ν|)).
        """
        return optimal_params(*self._powers(E), F)

    @output("D_opt")
    def optimal_tokens(self, F: Values, E: Values) -> Values:
        """Compute-optimal tokens at F training FLOPs, D = F/(6·N_act)."""
        return F / (TRAIN_FLOPS_PER_PARAM_TOKEN * self.optimal_params(F, E))

    @output("L_opt")
    def optimal_loss(self, F: Values, E: Values) -> Values:
        """Least loss at F training FLOPs and E experts."""
        return self.loss(self.optimal_params(F, E), self.optimal_tokens(F, E), E)

    @output("F_for_L")
    def compute_for_loss(self, L: Values, E: Values) -> Values:
        """Least FLOPs that reach a loss with E experts; infinite at or below c."""
        return compute_for_loss(*self._powers(E), np.subtract(L, self.coefficients["c"]))

    def decide(self, train_flops: float) -> Decision:
        """The best of 1, 2, …, 64 experts, and tokens per active parameter there."""
        best = float(EXPERT_CHOICES[np.argmin(self.optimal_loss(train_flops, EXPERT_CHOICES))])
        params = float(self.optimal_params(train_flops, best))
        tokens = float(self.optimal_tokens(train_flops, best))
        return Decision(
            answers={"num_experts": best, "tokens_per_param": tokens / params},
            at={"N_act": params, "D": tokens, "E": best},
        )

    def _powers(self, E: Values) -> tuple[Values, Values, Values, Values]:
        return self.m(E), np.abs(self.mu(E)), self.n(E), np.abs(self.nu(E))

    @output("N_total")
    def paper_total(self, d_model: Values, E: Values) -> Values:
        """Total parameters of the paper's shapes (eq. 9): 2·d·V + (4 + 9E)·n_b·d², n_b = d/64."""
        return 2 * d_model * VOCABULARY + (4 + 9 * E) * d_model**3 / HEAD_DIM

    @output("N_active")
    def paper_active(self, d_model: Values, E: Values) -> Values:
        """Active parameters of the paper's shapes (eq. 10): 2·d·V + 13·n_b·d², whatever E."""
        return self.paper_total(d_model, np.ones_like(E))

    @output("L_at_total")
    def loss_at_total(self, N_total: Values, E: Values, D: Values) -> Values:
        """Loss of the paper's shape with so many total parameters (real-valued width)."""
        return self.loss(self._active_at_total(N_total, E), D, E)

    @output("flops_saving")
    def flops_saving(self, N_total: Values, E: Values) -> Values:
        """Share of FLOPs per token that E experts save against a dense model of equal total size."""
        return 1 - self._active_at_total(N_total, E) / N_total

    def _active_at_total(self, N_total: Values, E: Values) -> Values:
        like = np.broadcast_to(N_total, np.broadcast_shapes(np.shape(N_total), np.shape(E)))
        width = find_root(lambda d: self.paper_total(d, E) - N_total, *WIDTH_RANGE, like=like)
        return self.paper_active(width, E)

    @output("E_opt")
    def memory_optimal_experts(self, F: float, memory_bytes: float, kv_tokens: float) -> int:
        """Best of 1, 2, 4, …, 32 experts at F FLOPs under a memory limit (Sec. 5, Table 2).

        Shapes of the paper in steps of 64; bf16 weights and MHA cache:
        2·(N_total + 2·T·n_b·d) bytes ≤ memory.
        """
        widths = np.arange(64.0, 65_536.0, 64.0)
        experts = 2 ** np.arange(6)
        E = experts[:, None]
        values = self.paper_total(widths, E) + 2 * kv_tokens * widths**2 / HEAD_DIM
        active = self.paper_active(widths, E)
        loss = self.loss(active, F / (TRAIN_FLOPS_PER_PARAM_TOKEN * active), E)
        best = np.where(2 * values <= memory_bytes, loss, np.inf).min(axis=1)
        require(np.isfinite(best.min()), "memory_bytes", "enough for the smallest shape", memory_bytes)
        return int(experts[best.argmin()])
