"""Krajewski et al. 2024 (arXiv 2402.07871): fine-grained experts at a fixed expansion rate."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from optimoe.arch.count import granularity
from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.core.errors import ConfigError
from optimoe.core.outputs import Domains
from optimoe.laws.families.dense import Chinchilla
from optimoe.laws.law import Decision, output, signed
from optimoe.laws.loss_law import LossLaw, TokenCurve
from optimoe.laws.terms.optimum import find_root
from optimoe.laws.terms.sizes import sizes_of

FFN_FLOPS, ROUTING_FLOPS = 6.0, 14.0
"""c_f and c_r: FLOPs per active parameter, and of routing per width and expert (App. E allows 6–20)."""
HEAD_WIDTH = 64
"""Of the paper's shapes: d = 64·n_blocks."""
GRANULARITIES = 2.0 ** np.arange(11)
PARAMS_RANGE = (1e3, 1e18)


def without_router(arch: ArchSpec) -> Values:
    """All parameters but both embeddings and the router."""
    params = count_params(arch)
    return params.nonembedding - params.router


class Krajewski(LossLaw):
    """L = c + (g/G^γ + a)/N^α + b/D^β.

    N TOTAL non-embedding parameters without the router, d²(8E + 4)·n_blocks; G granularity 4·d/d_expert, of
    whose G·E experts a token uses G; E the expansion rate, one for each row and not in the formula.
    Training FLOPs F = (12·d²·c_f + d·E·G·c_r)·D·n_blocks. Falls in N, D and G; the cost of routing is in F
    only, and models whose router outgrows their experts (G = 64 at d = 256) do worse than the law says.
    """

    family = "krajewski"
    sizes = sizes_of("total", "nonembedding", total_nonembedding=without_router)
    own_size = "total_nonembedding"
    free = ("a", "alpha", "b", "beta", "g", "gamma", "c")
    linear = ("a", "b", "g", "c")
    signs = signed(positive="b beta", zero_or_more="a alpha g gamma c")
    domain: ClassVar[Domains] = {"G": "count", "c_r": "nonnegative"}
    searched: ClassVar[Mapping[str, tuple[float, float]]] = {
        **dict.fromkeys(("granularity", "G_opt"), (float(GRANULARITIES[0]), float(GRANULARITIES[-1]))),
        **dict.fromkeys(("N_act_opt", "N_act_at_G"), PARAMS_RANGE),
    }
    sees = ("granularity",)
    usual_models = "routed"

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: everything but embeddings and router; G = 4·d/d_expert (1 when dense)."""
        return {
            "N": self.size(arch),
            "G": granularity(arch)["krajewski"] if arch.moe else 1.0,
        }

    def curve(self, N: Values, G: Values) -> TokenCurve:
        """Floor c + (g/G^γ + a)/N^α, scale b, exponent −β."""
        c = self.coefficients
        grain = c["g"] * np.power(G, -c["gamma"], dtype=float) + c["a"]
        floor = c["c"] + grain * np.power(N, -c["alpha"], dtype=float)
        return TokenCurve(floor=floor, scale=c["b"], exponent=-c["beta"])

    def placed(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """N_act without embeddings, and the expansion rate for E."""
        inputs = super().placed(arch, tokens)
        return inputs | {
            "N_act": count_params(arch).active_nonembedding,
            "E": inputs["E"] / inputs["G"],
        }

    @property
    def expansion(self) -> float:
        """E: total over active expert parameters of the row's runs.

        Raises:
            ConfigError: The row does not say.
        """
        if "E" not in self.row.range:
            raise ConfigError(f"law {self.row.name}: range: must give the expansion rate E")
        return self.row.range["E"][0]

    def complete(self, symbol: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """``L`` also takes N_act for N; optima also take, for F, the N_act that is optimal."""
        filled = dict(inputs)
        if symbol == "L" and "N_act" in filled and "N" not in filled:
            filled["N"] = self.total_params(filled.pop("N_act"))
        if symbol in ("G_opt", "D_opt") and "N_act" in filled and "F" not in filled:
            filled["F"] = self.compute_for_params(filled.pop("N_act"))
        return filled

    @output("L")
    def loss(self, N: Values, D: Values, G: Values) -> Values:
        """Loss in nats per token at granularity G."""
        return self.curve(N=N, G=G).loss(D)

    def gradient(self, N: Values, D: Values, G: Values) -> dict[str, Values]:
        """Slope of the loss by coefficient, dL/dcoefficient."""
        c = self.coefficients
        size, data = np.power(N, -c["alpha"], dtype=float), np.power(D, -c["beta"], dtype=float)
        grain = np.power(G, -c["gamma"], dtype=float)
        return {
            "a": size,
            "alpha": -(c["g"] * grain + c["a"]) * np.log(N) * size,
            "b": data,
            "beta": -c["b"] * np.log(D) * data,
            "g": grain * size,
            "gamma": -c["g"] * np.log(G) * grain * size,
            "c": np.ones_like(size),
        }

    @output("N_total")
    def total_params(self, N_act: Values) -> Values:
        """N of the paper's shapes: N_act·(8E + 4)/12."""
        return N_act * (8 * self.expansion + 4) / 12

    @output("train_flops")
    def train_flops(self, N_act: Values, D: Values, G: Values, c_r: Values = ROUTING_FLOPS) -> Values:
        """F of the paper's shapes, d = 64·n_blocks and N_act = 12·d²·n_blocks, with real-valued depth.

        c_r = 0 leaves the cost of routing out.
        """
        return D * sum(self._flops_per_token(N_act, G, c_r))

    @output("N_act_at_G")
    def optimal_params_at(self, F: Values, G: Values, c_r: Values = ROUTING_FLOPS) -> Values:
        """Active parameters at the optimum of F FLOPs for one granularity; c_r = 0 leaves routing out of F."""
        like = np.broadcast_to(F, np.broadcast_shapes(np.shape(F), np.shape(G), np.shape(c_r)))

        def spent(N_act: Values) -> Values:
            return self.train_flops(N_act, self._tokens_for_params(N_act, G, c_r), G, c_r)

        return find_root(lambda N_act: np.log(spent(N_act) / F), *PARAMS_RANGE, like=like)

    @output("D_at_G")
    def optimal_tokens_at(self, F: Values, G: Values, c_r: Values = ROUTING_FLOPS) -> Values:
        """Tokens at the optimum of F FLOPs for one granularity."""
        return self._tokens_for_params(self.optimal_params_at(F, G, c_r), G, c_r)

    @output("L_at_G")
    def optimal_loss_at(self, F: Values, G: Values, c_r: Values = ROUTING_FLOPS) -> Values:
        """Least loss at F FLOPs for one granularity: the best size and tokens with the cost of its routing."""
        params = self.optimal_params_at(F, G, c_r)
        return self.loss(self.total_params(params), self._tokens_for_params(params, G, c_r), G)

    @output("G_opt")
    def optimal_granularity(self, F: Values) -> Values:
        """Best of G = 1, 2, 4, … at F FLOPs."""
        return GRANULARITIES[np.argmin(self._by_granularity(F)[2], axis=-1)]

    @output("N_act_opt")
    def optimal_params(self, F: Values) -> Values:
        """Active parameters at the optimum of F FLOPs."""
        return self._at_best(F, 0)

    @output("D_opt")
    def optimal_tokens(self, F: Values) -> Values:
        """Tokens at the optimum of F FLOPs."""
        return self._at_best(F, 1)

    @output("L_opt")
    def optimal_loss(self, F: Values) -> Values:
        """Least loss at F FLOPs."""
        return self._at_best(F, 2)

    @output("dense_flops_ratio")
    def dense_flops_ratio(self, F: Values) -> Values:
        """FLOPs (6ND) of the compute-optimal dense model of equal loss, over F."""
        dense = self.dense_law()
        if not isinstance(dense, Chinchilla):
            raise ConfigError(f"law {self.row.name}: dense_baseline: must be of the family chinchilla")
        return dense.compute_for_loss(self.optimal_loss(F)) / F

    @output("F_for_N")
    def compute_for_params(self, N_act: Values) -> Values:
        """The budget at which N_act active parameters are optimal.

        Every granularity has such a budget, in closed form; it is that of the granularity which is best, or
        nearest to best, at its own budget.
        """
        params = np.asarray(N_act, dtype=float)[..., None]
        tokens = self._tokens_for_params(params, GRANULARITIES)
        flops = self.train_flops(params, tokens, GRANULARITIES)
        gap = self.loss(self.total_params(params), tokens, GRANULARITIES) - self.optimal_loss(flops)
        best = np.asarray(np.argmin(gap, axis=-1))[..., None]
        return np.take_along_axis(flops, best, axis=-1)[..., 0][()]

    def decide(self, train_flops: float) -> Decision:
        """Best granularity, and tokens per active parameter (without embeddings)."""
        params, tokens = float(self.optimal_params(train_flops)), float(self.optimal_tokens(train_flops))
        grain = float(self.optimal_granularity(train_flops))
        return Decision(
            answers={"granularity": grain, "tokens_per_param": tokens / params},
            at={"N_act": params, "D": tokens, "G": grain, "E": self.expansion},
        )

    def _flops_per_token(self, N_act: Values, G: Values, c_r: Values) -> tuple[Values, Values]:
        """(12·d²·c_f·n, d·E·G·c_r·n)."""
        blocks = np.cbrt(np.divide(N_act, 12 * HEAD_WIDTH**2))
        width = HEAD_WIDTH * blocks
        return 12 * width**2 * FFN_FLOPS * blocks, width * self.expansion * G * c_r * blocks

    def _tokens_for_params(self, N_act: Values, G: Values, c_r: Values = ROUTING_FLOPS) -> Values:
        """D with which N_act is optimal at its own budget.

        At fixed F = f(N_act)·D: α·(g/G^γ + a)·N^−α = s·β·b·D^−β, s = d ln f/d ln N_act, which is 1 for the
        experts' and 2/3 for the router's share of f.
        """
        c = self.coefficients
        experts, router = self._flops_per_token(N_act, G, c_r)
        slope = (experts + 2 / 3 * router) / (experts + router)
        size = (c["g"] * np.power(G, -c["gamma"], dtype=float) + c["a"]) * np.power(
            self.total_params(N_act), -c["alpha"], dtype=float
        )
        return np.power(c["alpha"] * size / (slope * c["beta"] * c["b"]), -1 / c["beta"])

    def _by_granularity(self, F: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N_act, D, L) at the optimum of F FLOPs for every granularity, along a last axis."""
        flops = np.asarray(F, dtype=float)[..., None]
        params = self.optimal_params_at(flops, GRANULARITIES)
        tokens = self._tokens_for_params(params, GRANULARITIES)
        return params, tokens, self.loss(self.total_params(params), tokens, GRANULARITIES)

    def _at_best(self, F: Values, which: int) -> Values:
        columns = self._by_granularity(F)
        best = np.argmin(columns[2], axis=-1)
        return np.take_along_axis(columns[which], np.asarray(best)[..., None], axis=-1)[..., 0][()]
