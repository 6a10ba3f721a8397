"""Routed experts, of which a token takes the top k, and shared experts that every token takes."""

from dataclasses import dataclass

from optimoe.arch.feedforwards.base import FeedForwardPart, Parts, bias_params, num_matrices
from optimoe.core.errors import holds, require, require_positive


@dataclass(frozen=True, kw_only=True)
class MoE(FeedForwardPart):
    """Routed experts, of which a token takes ``top_k``, and shared experts that every token takes.

    Attributes:
        num_experts: Routed experts, E.
        top_k: Routed experts per token, k.
        d_expert: Hidden width of a routed expert.
        num_shared_experts: Always-on experts, E_s.
        d_shared: Hidden width of a shared expert, f_s.
        shared_gate: Whether a learned scalar gates the shared experts (Qwen2-MoE).
        gated: Three matrices per expert (SwiGLU-like), or two.
        router_bias: Whether the router adds a bias.
        router_scales: Whether a weight per channel scales the router's input, and one per expert its gate (Gemma).
        expert_bias: Whether each expert matrix adds a bias (gpt-oss).
        output_bias: Whether the sum of the experts adds a bias (JetMoE); it counts with the router.
        d_latent: Width to which tokens are projected down before the routed experts and back after, d_l; 0
            routes them at d_model.
        latent_norms: Whether tokens pass a norm at that width before the experts and one behind them (Muse).
        num_other_experts: Experts of another modality with a router of their own, which text never takes (ERNIE).
        d_other: Hidden width of one of them.
        num_zero_experts: Choices of the router beside the E experts that give a token back as it is, without
            weights, Z (LongCat-Flash): how many experts a token passes is then not the same for all.
        d_router: Width of a router of three matrices behind a projection of the token, d_r (ZAYA); with 0 it is
            one matrix.
        router_carries: Whether that projection adds the one of the layer below, scaled by channel.
        shared_routed: Whether the router scores the shared experts beside the routed ones (Inkling).
        output_scale: Whether a learned number scales the output (Inkling); it counts with the router.

    Raises:
        ConfigError: A count is not positive, or E < k.
    """

    num_experts: int
    top_k: int
    d_expert: int
    num_shared_experts: int = 0
    d_shared: int = 0
    shared_gate: bool = False
    gated: bool = True
    router_bias: bool = False
    router_scales: bool = False
    expert_bias: bool = False
    output_bias: bool = False
    d_latent: int = 0
    latent_norms: bool = False
    num_other_experts: int = 0
    d_other: int = 0
    num_zero_experts: int = 0
    d_router: int = 0
    router_carries: bool = False
    shared_routed: bool = False
    output_scale: bool = False

    def __post_init__(self) -> None:
        require_positive(self, "num_experts", "top_k", "d_expert")
        require(
            self.top_k <= self.num_experts,
            "top_k",
            lambda: f"at most num_experts = {self.num_experts}",
            self.top_k,
        )
        require(self.num_shared_experts >= 0, "num_shared_experts", "zero or more", self.num_shared_experts)
        require(self.d_latent >= 0, "d_latent", "zero or more", self.d_latent)
        require(self.num_zero_experts >= 0, "num_zero_experts", "zero or more", self.num_zero_experts)
        require(self.num_other_experts >= 0, "num_other_experts", "zero or more", self.num_other_experts)
        require(self.d_other >= 0, "d_other", "zero or more", self.d_other)
        require(self.d_router >= 0, "d_router", "zero or more", self.d_router)
        require(
            (self.num_shared_experts == 0) == (self.d_shared == 0),
            "d_shared",
            "positive exactly when there are shared experts",
            self.d_shared,
        )

    @property
    def mean_top_k(self) -> float:
        """Experts with weights that a token passes at even routing: k·E/(E + Z), and k where all have weights."""
        without = self.top_k * self.num_zero_experts / (self.num_experts + self.num_zero_experts)
        return self.top_k - without

    @property
    def is_plain(self) -> bool:
        """Whether its router is one matrix over the routed experts, and nothing scales the output."""
        scored = self.num_zero_experts == 0 and not self.shared_routed
        plain = self.d_router == 0 and not self.output_scale and not self.latent_norms
        return scored and plain and self.num_other_experts == 0

    @property
    def num_matrices(self) -> int:
        """Matrices of an expert: up, gate and down, or up and down."""
        return num_matrices(self.gated)

    def expert_params(self, d_model: int) -> int:
        """The matrices of one routed expert: m·d·f, or m·d_l·f where tokens are routed at a latent width."""
        return self.num_matrices * self.routed_width(d_model) * self.d_expert

    def routed_width(self, d_model: int) -> int:
        """Width at which tokens are routed: d_l where they are projected down, else d."""
        return self.d_latent + (self.d_latent == 0) * d_model

    @property
    def num_choices(self) -> int:
        """What the router scores: E + Z experts, and the shared ones where it does so too."""
        return self.num_experts + self.num_zero_experts + self.shared_routed * self.num_shared_experts

    def router_products(self, d_model: int) -> tuple[tuple[int, int], ...]:
        """Outputs and inputs of the router's matrices: d·(E + Z), or d·d_r, d_r² twice, d_r·(E + Z)."""
        inner, choices = self.d_router, self.num_choices
        if holds(inner == 0):
            return ((choices, d_model),)
        return ((inner, d_model), (inner, inner), (inner, inner), (choices, inner + (inner == 0) * d_model))

    def matrix_params(self, d_model: int) -> Parts:
        """Router d·(E + Z), shared E_s·m·d·f_s (and its gate d), routed E·m·d·f, active k·m·d·f.

        A router behind a projection has d·d_r + 2·d_r² + d_r·(E + Z).
        Beside choices without weights ⌊k·E/(E + Z)·m·d·f⌋ are active, the mean at even routing. Latent experts are
        m·d_l·f, and the two projections 2·d·d_l count as shared: every token passes them.
        """
        expert = self.expert_params(d_model)
        shared = self.num_shared_experts * self.num_matrices * d_model * self.d_shared
        return {
            "router": sum(rows * columns for rows, columns in self.router_products(d_model)),
            "shared_experts": shared + self.shared_gate * d_model + 2 * d_model * self.d_latent,
            "routed_experts": self.num_experts * expert,
            "routed_experts_active": self._of_taken(expert),
        }

    def params(self, d_model: int) -> Parts:
        """Matrices, biases, norms and scales where it has them, and experts that text does not take."""
        parts = self.matrix_params(d_model)
        parts["router"] += self.router_bias * self.num_choices + self.output_bias * d_model
        # three biases and a norm; what it carries; a number for the output
        parts["router"] += (4 + self.router_carries) * self.d_router + self.output_scale
        parts["router"] += self.router_scales * (d_model + self.num_experts)
        bias = self.expert_bias * bias_params(self.gated, self.d_expert, d_model)
        parts["shared_experts"] += self.latent_norms * 2 * self.d_latent
        others = self.num_other_experts * d_model
        parts["router"] += others
        parts["routed_experts"] += self.num_experts * bias + others * self.num_matrices * self.d_other
        parts["routed_experts_active"] += self._of_taken(bias)
        return parts

    def _of_taken(self, values: int) -> int:
        """So many values of each expert that a token passes."""
        taken = self.top_k * values
        choices = self.num_experts + self.num_zero_experts
        return taken + (-taken * self.num_zero_experts) // choices  # rounded down; as it is without such choices
