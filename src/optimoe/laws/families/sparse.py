"""Losses in sparsity: Abnar 2025 (share of inactive experts) and Zhao 2025 (active and shared experts)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from optimoe.arch.count import active_share, sparsity
from optimoe.arch.flops import TRAIN_FLOPS_PER_PARAM_TOKEN
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.outputs import Domains
from optimoe.laws.law import Decision, output, signed
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.designs import EXPERT_CHOICES, EXPERTS_SEARCHED
from optimoe.laws.terms.optimum import find_minimum
from optimoe.laws.terms.sizes import SIZES, sizes_of

ACTIVE_BESIDE = {"nonembedding": "active_nonembedding"}
"""What N_a counts where N counts what the key says; ``active`` beside all others."""
PARAMS_RANGE = (1e4, 1e17)


class Abnar(LossLaw):
    """L = a/N^α + b/D^β + c/(1−S)^λ + d/((1−S)^δ·N^γ) + e (Abnar 2025, arXiv 2501.12370, eq. 6).

    N total parameters, S = (E − K)/E. λ < 0: at fixed N the third term falls with S while the fourth rises.
    Falls in N and D. On runs at a sparsity held out (0.98) the paper's R² is 68 % only. Optima here take
    N_act = N·(1 − S), C = 6·N_act·D: attention and embeddings counted as sparse, so too low a cost.
    """

    family = "abnar"
    sizes = sizes_of("total", "nonembedding")
    free = ("a", "alpha", "b", "beta", "c", "lambda_", "d", "delta", "gamma", "e")
    linear = ("a", "b", "c", "d", "e")
    signs = signed(positive="b", zero_or_more="a alpha beta c d gamma e")
    domain: ClassVar[Domains] = {"S": "share"}
    searched = EXPERTS_SEARCHED | {"N_opt": PARAMS_RANGE}
    sees = ("expert_ratio",)
    readings = ("activation_ratio",)

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N all parameters; S the inactive share of routed experts, 0 when dense.

        Where the row reads shared experts by the activation ratio, they are experts that are always active.
        """
        stated = self.as_stated(arch)
        assumed = self.judge(arch).assumed
        return stated | {"S": np.where(assumed, 1 - active_share(arch), stated["S"])[()]}

    def as_stated(self, arch: ArchSpec) -> dict[str, Values]:
        """N, and S of the routed experts whatever the shared ones."""
        return {"N": self.size(arch), "S": sparsity(arch)}

    def placed(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """What the range may name includes 1 − S, whose decades mean something."""
        return self.placed_inputs(super().placed(arch, tokens))

    def placed_inputs(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The inputs, and 1 − S, whose decades mean something."""
        placed = super().placed_inputs(inputs)
        return placed | ({"1-S": 1 - inputs["S"]} if "S" in inputs else {})

    def curve(self, N: Values, S: Values) -> TokenCurve:
        """Everything but b/D^β is the floor."""
        c = self.coefficients
        active = np.subtract(1.0, S)
        floor = (
            c["e"]
            + c["a"] * np.power(N, -c["alpha"], dtype=float)
            + c["c"] * np.power(active, -c["lambda_"])
            + c["d"] * np.power(active, -c["delta"]) * np.power(N, -c["gamma"], dtype=float)
        )
        return TokenCurve(floor=floor, scale=c["b"], exponent=-c["beta"])

    @output("L")
    def loss(self, N: Values, D: Values, S: Values) -> Values:
        """Loss in nats per token at sparsity S."""
        return self.curve(N=N, S=S).loss(D)

    def gradient(self, N: Values, D: Values, S: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        active = np.subtract(1.0, S)
        size, data = np.power(N, -c["alpha"], dtype=float), np.power(D, -c["beta"], dtype=float)
        sparse = np.power(active, -c["lambda_"])
        both = np.power(active, -c["delta"]) * np.power(N, -c["gamma"], dtype=float)
        return {
            "a": size,
            "alpha": -c["a"] * np.log(N) * size,
            "b": data,
            "beta": -c["b"] * np.log(D) * data,
            "c": sparse,
            "lambda_": -c["c"] * np.log(active) * sparse,
            "d": both,
            "delta": -c["d"] * np.log(active) * both,
            "gamma": -c["d"] * np.log(N) * both,
            "e": np.ones_like(size),
        }

    @output("N_opt")
    def optimal_params(self, C: Values, S: Values) -> Values:
        """Total parameters of least loss at C FLOPs and sparsity S (C = 6·N·(1 − S)·D)."""
        like = np.broadcast_to(C, np.broadcast_shapes(np.shape(C), np.shape(S)))
        return find_minimum(lambda N: self.loss(N, self._tokens(N, C, S), S), *PARAMS_RANGE, like=like)

    @output("L_opt")
    def optimal_loss(self, C: Values, S: Values) -> Values:
        """Least loss at C FLOPs and sparsity S."""
        params = self.optimal_params(C, S)
        return self.loss(params, self._tokens(params, C, S), S)

    def decide(self, train_flops: float) -> Decision:
        """Best of 1, 2, …, 64 experts with top-1 routing, and tokens per active parameter there."""
        sparsities = 1 - 1 / EXPERT_CHOICES
        best = int(np.argmin(self.optimal_loss(train_flops, sparsities)))
        share = float(1 - sparsities[best])
        params = float(self.optimal_params(train_flops, sparsities[best]))
        tokens = float(self._tokens(params, train_flops, sparsities[best]))
        return Decision(
            answers={
                "num_experts": float(EXPERT_CHOICES[best]),
                "tokens_per_param": tokens / (params * share),
            },
            at={"N": params, "D": tokens, "1-S": share},
        )

    @staticmethod
    def _tokens(N: Values, C: Values, S: Values) -> Values:
        return np.divide(C, TRAIN_FLOPS_PER_PARAM_TOKEN * N * np.subtract(1.0, S))


class Zhao(LossLaw):
    """L = q·(1/N^α + k/N_a^α + h·N_a/N) + a/N^α + b/D^β + c/N_a^α + ε, q = eG + f/G + mS² + nS.

    Zhao 2025 (arXiv 2509.23678, Table 2). N total and N_a active parameters (embeddings in or out: unstated;
    in, here), G number of ACTIVE experts, S shared over active experts. The expert count is not in the law.
    Falls in N and D at fixed N_a; in N_a only up to its best share of N.
    """

    family = "zhao"
    sizes = sizes_of("total", "nonembedding")
    free = ("e", "f", "m", "n", "k", "h", "a", "alpha", "b", "beta", "c", "eps")
    linear = ("e", "f", "m", "n", "a", "b", "c", "eps")
    signs = signed(positive="b", zero_or_more="alpha a beta c eps")
    domain: ClassVar[Domains] = {"S": "share", "G": "count"}
    sees = ("params_active", "top_k", "num_shared_experts")
    usual_models = "routed"

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N and N_a with embeddings or without, as ``n_convention`` says; G = k + E_s; S = E_s/(k + E_s)."""
        moe = arch.moe
        active = moe.top_k + moe.num_shared_experts if moe else 1
        return {
            "N": self.size(arch),
            "N_a": SIZES[ACTIVE_BESIDE.get(self.row.n_convention, "active")](arch),
            "G": active,
            "S": moe.num_shared_experts / active if moe else 0.0,
        }

    def curve(self, N: Values, N_a: Values, G: Values, S: Values) -> TokenCurve:
        """Everything but b/D^β is the floor."""
        c = self.coefficients
        total = np.power(N, -c["alpha"], dtype=float)
        active = np.power(N_a, -c["alpha"], dtype=float)
        inner = total + c["k"] * active + c["h"] * np.divide(N_a, N)
        floor = self.expert_factor(G, S) * inner + c["a"] * total + c["c"] * active + c["eps"]
        return TokenCurve(floor=floor, scale=c["b"], exponent=-c["beta"])

    def complete(self, symbol: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Optima are at the best G and S unless these are given."""
        best = {"G": self.optimal_active_experts(), "S": self.optimal_shared_share()}
        return (best if symbol in ("ratio_opt", "excess") else {}) | dict(inputs)

    @output("q")
    def expert_factor(self, G: Values, S: Values) -> Values:
        """Effect of active and shared experts, q = eG + f/G + mS² + nS."""
        c = self.coefficients
        return c["e"] * G + np.divide(c["f"], G) + c["m"] * np.square(S) + c["n"] * S

    @output("L")
    def loss(self, N: Values, D: Values, N_a: Values, G: Values, S: Values) -> Values:
        """Loss in nats per token with G active experts, a share S of them shared."""
        return self.curve(N=N, N_a=N_a, G=G, S=S).loss(D)

    def gradient(self, N: Values, D: Values, N_a: Values, G: Values, S: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c, q = self.coefficients, self.expert_factor(G, S)
        total = np.power(N, -c["alpha"], dtype=float)
        active = np.power(N_a, -c["alpha"], dtype=float)
        data, share = np.power(D, -c["beta"], dtype=float), np.divide(N_a, N)
        inner = total + c["k"] * active + c["h"] * share
        return {
            "e": G * inner,
            "f": inner / G,
            "m": np.square(S) * inner,
            "n": S * inner,
            "k": q * active,
            "h": q * share,
            "a": total,
            "alpha": -(q + c["a"]) * np.log(N) * total - (q * c["k"] + c["c"]) * np.log(N_a) * active,
            "b": data,
            "beta": -c["b"] * np.log(D) * data,
            "c": active,
            "eps": np.ones_like(total),
        }

    @output("G_opt")
    def optimal_active_experts(self) -> Values:
        """Best number of active experts, √(f/e)."""
        return np.sqrt(self.coefficients["f"] / self.coefficients["e"])

    @output("S_opt")
    def optimal_shared_share(self) -> Values:
        """Best share of shared experts, −n/(2m)."""
        return -self.coefficients["n"] / (2 * self.coefficients["m"])

    @output("ratio_opt")
    def optimal_share(self, N: Values, G: Values, S: Values) -> Values:
        """Best N_a/N at N total parameters: (α(qk + c)·N/(qh))^(1/(1+α))/N, whatever D."""
        c, q = self.coefficients, self.expert_factor(G, S)
        return np.power(c["alpha"] * (q * c["k"] + c["c"]) * N / (q * c["h"]), 1 / (1 + c["alpha"])) / N

    @output("excess")
    def excess(self, N: Values, ratio: Values, G: Values, S: Values) -> Values:
        """Loss at N_a/N = ratio above that at the best ratio, nats."""
        best = self.optimal_share(N, G, S)
        floor = self.curve(N=N, N_a=ratio * N, G=G, S=S).floor
        return floor - self.curve(N=N, N_a=best * N, G=G, S=S).floor

    def decide(self, train_flops: float) -> Decision:
        """Best number of active experts, and D/N_a at the best N and N_a for C = 6·N_a·D."""
        G, S = self.optimal_active_experts(), self.optimal_shared_share()

        def loss(N: Values) -> Values:
            active = N * self.optimal_share(N, G, S)
            return self.loss(N, train_flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * active), active, G, S)

        params = float(find_minimum(loss, *PARAMS_RANGE, like=train_flops))
        active = params * float(self.optimal_share(params, G, S))
        tokens = train_flops / (TRAIN_FLOPS_PER_PARAM_TOKEN * active)
        return Decision(
            answers={
                "active_experts": float(G),
                "active_share": active / params,
                "tokens_per_param": tokens / active,
            },
            at={"N": params, "N_a": active, "D": tokens},
        )
