"""Dense laws: Chinchilla's form with the coefficients of Hoffmann 2022 and Besiroglu 2024, and 6ND."""

import numpy as np
from scipy.special import huber

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.base import TRAIN_FLOPS_PER_PARAM_TOKEN, Law, LossLaw, TokenCurve, output
from optimoe.laws.datasets import load_chinchilla_runs


class Chinchilla(LossLaw):
    """L = E + A/N^α + B/D^β; N all parameters with embeddings, D tokens, C = 6ND.

    The compute optimum is closed (Hoffmann 2022, eq. 4): N = G·(C/6)^a, D = (C/6)^b/G with a = β/(α+β),
    b = α/(α+β), G = (αA/(βB))^(1/(α+β)).
    """

    family = "chinchilla"
    free = ("E", "A", "B", "alpha", "beta")
    linear = ("E", "A", "B")

    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """N: every parameter, both embeddings included."""
        return {"N": count_params(arch).total}

    def curve(self, N: Values) -> TokenCurve:
        """Floor E + A/N^α, scale B, exponent −β."""
        c = self.row.coefficients
        return TokenCurve(
            floor=c["E"] + c["A"] * np.power(N, -c["alpha"], dtype=float),
            scale=c["B"],
            exponent=-c["beta"],
        )

    def concerns(self, arch: ArchSpec) -> tuple[str, ...]:
        """It was fitted on dense models only."""
        return ("routed experts (a dense law)",) if arch.moe else ()

    @output("L")
    def loss(self, N: Values, D: Values) -> Values:
        """Nats per token."""
        return self.curve(N=N).loss(D)

    def gradient(self, N: Values, D: Values) -> dict[str, Values]:
        """dL/dcoefficient, by symbol."""
        c = self.row.coefficients
        size, data = np.power(N, -c["alpha"], dtype=float), np.power(D, -c["beta"], dtype=float)
        return {
            "E": np.ones_like(size),
            "A": size,
            "B": data,
            "alpha": -c["A"] * np.log(N) * size,
            "beta": -c["B"] * np.log(D) * data,
        }

    @output("a")
    def params_exponent(self) -> float:
        """N_opt ∝ C^a, a = β/(α+β)."""
        c = self.row.coefficients
        return float(c["beta"] / (c["alpha"] + c["beta"]))

    @output("b")
    def tokens_exponent(self) -> float:
        """D_opt ∝ C^b, b = α/(α+β)."""
        return 1 - self.params_exponent()

    @output("G")
    def optimum_factor(self) -> float:
        """G = (αA/(βB))^(1/(α+β))."""
        c = self.row.coefficients
        ratio = c["alpha"] * c["A"] / (c["beta"] * c["B"])
        return ratio ** (1 / (c["alpha"] + c["beta"]))

    @output("N_opt")
    def optimal_params(self, C: Values) -> Values:
        """Compute-optimal parameters at C FLOPs."""
        return self.optimum_factor() * (C / TRAIN_FLOPS_PER_PARAM_TOKEN) ** self.params_exponent()

    @output("D_opt")
    def optimal_tokens(self, C: Values) -> Values:
        """Compute-optimal tokens at C FLOPs."""
        return C / TRAIN_FLOPS_PER_PARAM_TOKEN / self.optimal_params(C)

    @output("L_opt")
    def optimal_loss(self, C: Values) -> Values:
        """Least loss at C FLOPs."""
        return self.loss(self.optimal_params(C), self.optimal_tokens(C))

    @output("huber_objective")
    def huber_objective(self, delta: float) -> float:
        """Σ Huber_δ(ln L_law − ln L) over the 240 Chinchilla runs, the objective of Besiroglu 2024."""
        runs = load_chinchilla_runs()
        residual = np.log(self.loss(runs.params, runs.tokens)) - np.log(runs.loss)
        return float(huber(delta, residual).sum())

    @output("C_for_N")
    def compute_for_params(self, N: Values) -> Values:
        """The budget at which N parameters are compute-optimal."""
        return TRAIN_FLOPS_PER_PARAM_TOKEN * (N / self.optimum_factor()) ** (1 / self.params_exponent())

    @output("D_for_N")
    def tokens_for_params(self, N: Values) -> Values:
        """The tokens with which N parameters are compute-optimal."""
        return self.compute_for_params(N) / (TRAIN_FLOPS_PER_PARAM_TOKEN * N)


class FlopAccounting(Law):
    """Training FLOPs: C = 6ND, and Hoffmann's layer-by-layer count (App. F) against it."""

    family = "flop-accounting"

    @output("C")
    def train_flops(self, N: Values, D: Values) -> Values:
        """C = 6ND."""
        return self.row.coefficients["train_per_param_token"] * N * D

    @output("ratio_layers_only")
    def counted_ratio(
        self,
        N: float,
        seq_len: float,
        n_layers: float,
        d_model: float,
        d_ff: float,
        n_heads: float,
        d_key: float,
    ) -> float:
        """FLOPs of the layers (App. F, plain FFN, backward twice the forward) over 6ND, for one sequence.

        Forward per layer: QKV 2·3·s·d·(kh), logits and reduction 2·s²·(kh) each, softmax 3·h·s²,
        output 2·s·(kh)·d, FFN 2·s·(2·d·f). Embeddings and final logits are left out, as Table A4 does.
        """
        s, width = seq_len, n_heads * d_key
        attention = 6 * s * d_model * width + 4 * s**2 * width + 3 * n_heads * s**2 + 2 * s * width * d_model
        forward = n_layers * (attention + 4 * s * d_model * d_ff)
        return 3 * forward / self.train_flops(N, s)
