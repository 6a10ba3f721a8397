"""FLOP accounting of Hoffmann 2022: C = 6ND, and a layer-by-layer count against it."""

from optimoe.arch.params import count_params
from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Values
from optimoe.laws.law import Law, output, signed


class FlopAccounting(Law):
    """Training FLOPs: C = 6ND, and Hoffmann's layer-by-layer count (arXiv 2203.15556, App. F) against it."""

    family = "flop-accounting"
    signs = signed(positive="train_per_param_token")

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """N all parameters of a dense model, active ones of a MoE, with both embeddings; D."""
        return {"N": count_params(arch).active, "D": tokens}

    @output("C")
    def train_flops(self, N: Values, D: Values) -> Values:
        """Training FLOPs by the rule of thumb, C = 6ND."""
        return self.coefficients["train_per_param_token"] * N * D

    @output("ratio_layers_only")
    def counted_ratio(
        self,
        N: Values,
        seq_len: Values,
        n_layers: Values,
        d_model: Values,
        d_ff: Values,
        n_heads: Values,
        d_key: Values,
    ) -> Values:
        """FLOPs of the layers (App. F, plain FFN, backward twice the forward) over 6ND, for one sequence.

        Forward per layer: QKV 2·3·s·d·(kh), logits and reduction 2·s²·(kh) each, softmax 3·h·s²,
        output 2·s·(kh)·d, FFN 2·s·(2·d·f). Embeddings and final logits are left out, as Table A4 does.
        """
        s, width = seq_len, n_heads * d_key
        attention = 6 * s * d_model * width + 4 * s**2 * width + 3 * n_heads * s**2 + 2 * s * width * d_model
        forward = n_layers * (attention + 4 * s * d_model * d_ff)
        return 3 * forward / self.train_flops(N, s)
