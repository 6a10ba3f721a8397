"""Feed-forwards of a layer: dense, and routed with shared experts.

Legend: B sequences, S positions, T = B·S tokens, K slots per token, E experts, D model width, F hidden width.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from optimoe.arch.parts import DenseFFN, MoE
from optimoe.core.errors import require
from optimoe.models.config import ModelConfig
from optimoe.models.dense.linear import Linear
from optimoe.models.experts.activations import find_activation, require_gated
from optimoe.models.experts.layer import Experts
from optimoe.models.routing import Routing


class FeedForward(nn.Module):
    """A dense feed-forward: (σ(x W_gate) · x W_up) W_out, or σ(x W_in) W_out where not gated.

    Attributes:
        w_in: D → 2F (gate first, then up), or D → F.
        w_out: F → D.
    """

    def __init__(self, d_model: int, d_ff: int, gated: bool, activation: str, bias: bool = False) -> None:
        super().__init__()
        require_gated(activation, gated)
        self.gated, self.activation = gated, activation  # the name: a function need not be picklable
        self.w_in = Linear(d_model, (1 + gated) * d_ff, bias=bias)
        self.w_out = Linear(d_ff, d_model, bias=bias)

    @classmethod
    def from_part(cls, part: DenseFFN, d_model: int, activation: str) -> "FeedForward":
        """The layer that an architecture describes."""
        return cls(d_model, part.d_ff, part.gated, activation, part.bias)

    def forward(self, x_BSD: Tensor) -> Tensor:
        """The layer's output, each token by itself."""
        h_BSF, act = self.w_in(x_BSD), find_activation(self.activation)
        return self.w_out(act.gated(*h_BSF.chunk(2, dim=-1)) if self.gated else act.function(h_BSF))


class MoELayer(nn.Module):
    """A routed feed-forward: y = Σ_k w_k·Expert_k(x) + shared(x), with the router's decision beside it.

    Shared experts are one feed-forward as wide as all of them, which is their sum; a learned gate σ(x·g) scales
    it where the architecture says so. Latent experts work between two projections D → D_l → D.

    Args:
        part: The feed-forward of an architecture.
        d_model: D.
        vocab_size: Token ids, for hash routing.
        config: How to route, and the activation.
        layer: The layer's number.

    Raises:
        ConfigError: The sum of the experts adds a bias.
    """

    def __init__(self, part: MoE, d_model: int, vocab_size: int, config: ModelConfig, layer: int = 0) -> None:
        super().__init__()
        require(not part.output_bias, "ffn.output_bias", "false: it is not built here", part.output_bias)
        require(not part.router_scales, "ffn.router_scales", "false: it is not built here", part.router_scales)
        self.part = part
        width = part.d_latent or d_model
        self.router = config.router_of(layer).build(part, d_model, vocab_size, layer)
        self.experts = Experts(
            part.num_experts, width, part.d_expert, part.gated, config.activation, part.expert_bias
        )
        self.down = Linear(d_model, width, bias=False) if part.d_latent else None
        self.up = Linear(width, d_model, bias=False) if part.d_latent else None
        d_shared = part.num_shared_experts * part.d_shared
        self.shared = FeedForward(d_model, d_shared, part.gated, config.activation) if d_shared else None
        self.shared_gate = Linear(d_model, 1, bias=False) if part.shared_gate else None

    def forward(
        self,
        x_BSD: Tensor,
        ids_BS: Tensor | None = None,
        valid_BS: Tensor | None = None,
        replay: Routing | None = None,
    ) -> tuple[Tensor, Routing]:
        """The layer's output and its routing decision.

        Args:
            x_BSD: Input.
            ids_BS: Token ids, which only hash routing reads.
            valid_BS: Which tokens are real; padding gets no routed expert and is no part of any choice.
            replay: A decision whose experts are taken again, with the gates of the router as it is now.
        """
        given = {"valid_BS": valid_BS, "replay": replay}
        routing: Routing = self.router(x_BSD, ids_BS, **{name: it for name, it in given.items() if it is not None})
        leaky = self.router.leaks if replay is None else replay.leaky
        routing = replace(routing, leaky=leaky, losses=self.router.config.losses)
        y_BSD = self.down(x_BSD) if self.down is not None else x_BSD
        y_TD = self.experts(y_BSD.flatten(0, 1), routing.dispatched_TK, routing.weight_TK)
        y_BSD = y_TD.view_as(y_BSD)
        y_BSD = self.up(y_BSD) if self.up is not None else y_BSD
        if self.shared is None:
            return y_BSD, routing
        shared_BSD = self.shared(x_BSD)
        if self.shared_gate is not None:
            shared_BSD = shared_BSD * torch.sigmoid(self.shared_gate(x_BSD))
        return y_BSD + shared_BSD, routing
