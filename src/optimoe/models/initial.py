"""Initial weights: every kind of feed-forward writes as much to a decoder's residual stream at step 0.

Legend: D model width, F hidden width, E experts, k experts of a token, H heads, s the standard deviation of the
configuration, L layers.

What reads the stream is drawn with s, what writes to it is smaller by √(2L) (GPT-2). The output of a dense gated
feed-forward then has the rms s/√(2L)·√F·h, h the rms of one hidden channel. That is the measure of all others:
gates that sum to 1 over k independent experts divide it by √k, a softmax over E by about E, and a feed-forward
without gate matrix or a pool of single neurons starts many times larger. Their second matrices make up for it.
Projections into a latent space and out of it, and the keys of PEER, keep variances and know no s.
"""

import numpy as np
import torch
from torch import nn

from optimoe.models.attention.grouped import SelfAttention
from optimoe.models.attention.latent import LatentSelfAttention
from optimoe.models.config import ModelConfig
from optimoe.models.experts.activations import find_activation
from optimoe.models.experts.layer import Experts
from optimoe.models.moe import FeedForward, MoELayer
from optimoe.models.peer.layer import PEERLayer
from optimoe.models.routers import Router
from optimoe.models.surroundings import has_no_data

USUAL_WIDTH = 4
"""F/D of the dense feed-forward that others are measured by where a decoder has none: that of Vaswani et al. 2017
(arXiv 1706.03762, Sec. 3.3), on which GPT-2 and GPT-3 stayed."""


def initialise(model: nn.Module, d_model: int, num_layers: int, config: ModelConfig) -> None:
    """Draw the weights of a decoder's modules anew; norms start at 1, biases at 0, tables are made.

    Args:
        model: The decoder.
        d_model: D.
        num_layers: L.
        config: Its ``init_std`` is s.
    """
    routers = [module for module in model.modules() if isinstance(module, Router)]
    within = {id(part) for router in routers for part in router.modules() if part is not router}
    for module in model.modules():
        if id(module) not in within:  # a router draws what it consists of by itself
            _reset(module, config.init_std)
    if not any(has_no_data(p) for p in model.parameters()):
        write_alike(model, d_model, num_layers, config)


def write_alike(model: nn.Module, d_model: int, num_layers: int, config: ModelConfig) -> None:
    """Draw what writes to the stream anew, as large as the measure wants it: the end of :func:`initialise`."""
    std = config.init_std
    small = std / (2 * num_layers) ** 0.5
    shared = {id(m.shared) for m in model.modules() if isinstance(m, MoELayer)}
    dense = [m for m in model.modules() if isinstance(m, FeedForward) and id(m) not in shared]
    widths = [m.w_out.in_features for m in dense] or [USUAL_WIDTH * d_model]
    spread = std * d_model**0.5  # of what a first matrix makes of a normed stream
    channel = hidden_rms(config.activation, True, spread)
    target = small * float(np.mean(widths)) ** 0.5 * channel
    for module in model.modules():
        if isinstance(module, SelfAttention | LatentSelfAttention):
            nn.init.normal_(module.output.weight, std=small)
        elif isinstance(module, MoELayer):
            _scale_routed(module, d_model, target, std)
        elif isinstance(module, PEERLayer):
            nn.init.normal_(module.down, std=std)
            neuron = hidden_rms(module.activation, False, spread)
            power = module.num_heads * module.gate_power(spread)
            nn.init.normal_(module.up, std=target / neuron / power**0.5)
    for module in dense:
        of_kind = channel / hidden_rms(config.activation, module.gated, spread)
        nn.init.normal_(module.w_out.weight, std=small * of_kind)


def _scale_routed(layer: MoELayer, d_model: int, target: float, std: float) -> None:
    """Second matrices of routed and shared experts, of which each hidden channel writes as much."""
    part, experts, activation = layer.part, layer.experts, layer.experts.activation
    spread = std * d_model**0.5
    d_shared = 0 if layer.shared is None else layer.shared.w_out.in_features
    per_channel = target / (part.top_k * part.d_expert + d_shared) ** 0.5
    inside = spread
    if layer.down is not None and layer.up is not None:
        for projection in (layer.down, layer.up):
            nn.init.normal_(projection.weight, std=projection.in_features**-0.5)
        inside = std * experts.d_model**0.5
    power = layer.router.config.gate_power(part, d_model, std)
    routed = per_channel * (part.top_k / power) ** 0.5 / hidden_rms(activation, part.gated, inside)
    nn.init.normal_(experts.w_in, std=std)
    nn.init.normal_(experts.w_out, std=routed)
    if layer.shared is not None:
        # A sigmoid of logits near zero halves what it gates.
        gate = 1.0 if layer.shared_gate is None else 0.5
        by_shared = per_channel / hidden_rms(activation, part.gated, spread) / gate
        nn.init.normal_(layer.shared.w_out.weight, std=by_shared)


def hidden_rms(activation: str, gated: bool, spread: float) -> float:
    """The rms of a hidden channel, √E[σ(a)²·b²] where gated, √E[σ(a)²] where not; a, b normal.

    Args:
        activation: Name of σ.
        gated: Whether there is a gate matrix.
        spread: Standard deviation of a and b.
    """
    # 64 nodes: within 1e-3 also at the kink of a relu.
    node_N, weight_N = np.polynomial.hermite_e.hermegauss(64)
    value_N = find_activation(activation).function(torch.from_numpy(spread * node_N)).numpy()
    mean = float((weight_N * value_N**2).sum() / weight_N.sum())
    return mean**0.5 * (spread if gated else 1.0)


def _reset(module: nn.Module, std: float) -> None:
    """New weights of one module, those of its children apart."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=std)
    elif isinstance(module, Router):
        module.reset_parameters(std)
    elif isinstance(module, Experts | PEERLayer | nn.RMSNorm | nn.LayerNorm):
        module.reset_parameters()
    if isinstance(module, SelfAttention) and module.sink_H is not None:
        nn.init.zeros_(module.sink_H)
