"""Laws of routed models that give a full loss in size, tokens and experts."""

import numpy as np
from scipy.optimize import brentq

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.base import TRAIN_FLOPS_PER_PARAM_TOKEN, Law, LossLaw, TokenCurve, output

VOCABULARY = 50_257
HEAD_DIM = 64
"""Of Ludziejewski's runs: GPT-2's vocabulary, and d/64 layers of d/64 heads."""


def saturated_experts(E: Values, E_start: Values, E_max: Values) -> Values:
    """Ê: 1/Ê = 1/(E − 1 + (1/E_start − 1/E_max)^−1) + 1/E_max, so that Ê(1) = E_start and Ê(∞) = E_max.

    Clark 2022 (arXiv 2202.01169), eq. 6; also of Yun 2024 and Ludziejewski 2025.
    """
    return 1 / (1 / (E - 1 + 1 / (1 / E_start - 1 / E_max)) + 1 / E_max)


def saturated_experts_gradient(E: Values, E_start: Values, E_max: Values) -> tuple[Values, Values]:
    """(dÊ/dE_start, dÊ/dE_max).

    With X = (1/E_start − 1/E_max)^−1 and S = E − 1 + X: dÊ/dX = (Ê/S)², dX/dE_start = (X/E_start)²,
    dX/dE_max = −(X/E_max)², and E_max itself adds (Ê/E_max)².
    """
    offset = 1 / (1 / E_start - 1 / E_max)
    effect = saturated_experts(E, E_start, E_max)
    slope = (effect / (E - 1 + offset)) ** 2
    return slope * (offset / E_start) ** 2, (effect / E_max) ** 2 - slope * (offset / E_max) ** 2


class Joint(LossLaw):
    """Ludziejewski 2025 (arXiv 2502.05172), eq. 6.

    L = a·Ê^δ·N^(α + γ·ln Ê) + b·Ê^ω·D^(β + ζ·ln Ê) + c; N active parameters with both embeddings, D tokens,
    E experts with top-1 routing and granularity 1 (E = 1 is dense), exponents negative.
    At fixed E: L = m·N^μ + n·D^ν + c.
    """

    family = "ludziejewski"
    free = ("a", "alpha", "delta", "gamma", "b", "beta", "omega", "zeta", "E_start", "E_max", "c")
    linear = ("a", "b", "c")

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N_act with both embeddings, and routed experts per layer (1 when dense)."""
        moe = arch.moe
        return {"N_act": count_params(arch).active, "E": moe.num_experts if moe else 1}

    def curve(self, N_act: Values, E: Values) -> TokenCurve:
        """Floor c + m·N^μ, scale n, exponent ν."""
        floor = self.row.coefficients["c"] + self.m(E) * np.power(N_act, self.mu(E), dtype=float)
        return TokenCurve(floor=floor, scale=self.n(E), exponent=self.nu(E))

    def concerns(self, arch: ArchSpec) -> tuple[str, ...]:
        """It was fitted on top-1 routing of full-width experts in every layer, without shared experts."""
        moe = arch.moe
        if moe is None:
            return ()
        concerns = []
        if np.any(np.not_equal(moe.top_k, 1)):
            concerns.append(f"top-{np.max(moe.top_k)} routing (fitted on top-1)")
        if np.any(moe.num_shared_experts):
            concerns.append("shared experts (fitted without)")
        if any(group.ffn != moe for group in arch.layers[1:]):
            concerns.append("layers of several kinds (fitted with one)")
        return tuple(concerns)

    @output("E_hat")
    def expert_effect(self, E: Values) -> Values:
        """Ê, the saturated expert count."""
        c = self.row.coefficients
        return saturated_experts(E, c["E_start"], c["E_max"])

    @output("m")
    def m(self, E: Values) -> Values:
        """M = a·Ê^δ."""
        c = self.row.coefficients
        return c["a"] * self.expert_effect(E) ** c["delta"]

    @output("mu")
    def mu(self, E: Values) -> Values:
        """μ = α + γ·ln Ê."""
        c = self.row.coefficients
        return c["alpha"] + c["gamma"] * np.log(self.expert_effect(E))

    @output("n")
    def n(self, E: Values) -> Values:
        """N = b·Ê^ω."""
        c = self.row.coefficients
        return c["b"] * self.expert_effect(E) ** c["omega"]

    @output("nu")
    def nu(self, E: Values) -> Values:
        """ν = β + ζ·ln Ê."""
        c = self.row.coefficients
        return c["beta"] + c["zeta"] * np.log(self.expert_effect(E))

    @output("L")
    def loss(self, N_act: Values, D: Values, E: Values) -> Values:
        """Nats per token."""
        return self.curve(N_act=N_act, E=E).loss(D)

    def gradient(self, N_act: Values, D: Values, E: Values) -> dict[str, Values]:
        """dL/dcoefficient, by symbol."""
        c = self.row.coefficients
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
        mu, nu = np.abs(self.mu(E)), np.abs(self.nu(E))
        factor = (mu * self.m(E) / (nu * self.n(E))) ** (1 / (mu + nu))
        return factor * (F / TRAIN_FLOPS_PER_PARAM_TOKEN) ** (nu / (mu + nu))

    @output("D_opt")
    def optimal_tokens(self, F: Values, E: Values) -> Values:
        """Compute-optimal tokens: D = F/(6·N_act)."""
        return F / (TRAIN_FLOPS_PER_PARAM_TOKEN * self.optimal_params(F, E))

    @output("L_opt")
    def optimal_loss(self, F: Values, E: Values) -> Values:
        """Least loss at F training FLOPs and E experts."""
        return self.loss(self.optimal_params(F, E), self.optimal_tokens(F, E), E)

    @output("N_total")
    def paper_total(self, d_model: Values, E: Values) -> Values:
        """Total parameters of the paper's shapes (eq. 9): 2·d·V + (4 + 9E)·n_b·d², n_b = d/64."""
        return 2 * d_model * VOCABULARY + (4 + 9 * E) * d_model**3 / HEAD_DIM

    @output("N_active")
    def paper_active(self, d_model: Values, E: Values) -> Values:
        """Active parameters of the paper's shapes (eq. 10): 2·d·V + 13·n_b·d², whatever E."""
        return self.paper_total(d_model, np.ones_like(E))

    @output("L_at_total")
    def loss_at_total(self, N_total: float, E: float, D: float) -> float:
        """Loss of the paper's shape with so many total parameters (real-valued width)."""
        return float(self.loss(self._active_at_total(N_total, E), D, E))

    @output("flops_saving")
    def flops_saving(self, N_total: float, E: float) -> float:
        """Share of FLOPs per token that E experts save against a dense model of equal total size."""
        return 1 - self._active_at_total(N_total, E) / N_total

    def _active_at_total(self, N_total: float, E: float) -> float:
        width = brentq(lambda d: self.paper_total(d, E) - N_total, 1.0, 1e7, xtol=1e-9, rtol=1e-14)
        return float(self.paper_active(width, E))

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
        return int(experts[best.argmin()])


class JointPeakRate(Law):
    """Peak learning rate of Ludziejewski 2025 (eq. 8): exp(c0 + c_N·ln N_act∖emb + c_E·ln E)."""

    family = "lr-rule"

    @output("lr")
    def peak_rate(self, N_act_nonembedding: Values, E: Values) -> Values:
        """Peak learning rate from active non-embedding parameters and experts."""
        c = self.row.coefficients
        return np.exp(c["c0"] + c["c_N"] * np.log(N_act_nonembedding) + c["c_E"] * np.log(E))
