"""The bias that balances experts without a loss, moved once per optimiser step.

Legend: T tokens, K experts of a token, E experts.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributed import ProcessGroup

from optimoe.core.errors import ConfigError, require
from optimoe.models.decoder import Output, find_decoder
from optimoe.models.losses.ranks import all_over_ranks, refuse_forgotten_group
from optimoe.models.routers.top_k import TopKRouter
from optimoe.models.routing import Routing, load_of

Rate = Callable[[int], float]
"""Step of the bias at an optimiser step, counted from 0."""


class Balancer:
    """Moves every balancing bias: b_e += rate·(s_e − mean s), s_e = sign(mean load − load_e), by a step's loads.

    Loads are those of all micro-batches of the step and of all ranks. Sources: DeepSeek V3 (arXiv 2412.19437,
    Sec. 2.1.2) for the sign; Moonlight (arXiv 2502.16982) for the mean, without which the biases drift together:
    that changes no choice, and costs precision where an engine holds them in 16 bits. Nothing is counted inside
    the model, so recomputed activations count once::

        balancer = Balancer(model, 1e-3, group=group)
        for ids, targets in batches:
            output = model(ids)
            balancer.add(output)
            ...
        optimizer.step()
        balancer.step()

    Attributes:
        num_steps: How often the biases were moved.
        loads: Slots per expert of each layer since then, by layer number; this rank's.

    Args:
        model: With ``balanced_by_bias``; the decoder, or what wraps it (DDP, FSDP, ``torch.compile``).
        rate: Step of the bias, or a function of the number of steps so far, such as :func:`cosine_to_zero`.
        centred: Whether the mean of a move is subtracted.
        group: The ranks that share a step; none is this process alone.

    Raises:
        ConfigError: The model holds no decoder or no balancing bias, the rate is no number of zero or more, or
            several ranks are at work and no group is given.
    """

    _rows: ClassVar[tuple[int, ...]] = ()  # axes of what is counted, before E

    def __init__(
        self, model: nn.Module, rate: float | Rate, *, centred: bool = True, group: ProcessGroup | None = None
    ) -> None:
        refuse_forgotten_group(group, "the loads")
        self._rate: Rate = rate if callable(rate) else _constant(rate)
        self._model, self._centred, self._group = find_decoder(model), centred, group
        self.num_steps = 0
        self.loads: dict[int, Tensor] = {}
        if not self._biases():
            raise ConfigError("balanced_by_bias: must be true in a layer to move its bias, false in all")

    def add(self, output: Output | Mapping[int, Tensor]) -> None:
        """Add the loads of a micro-batch: its output, or slots per expert of each layer by layer number.

        Raises:
            ConfigError: A layer is none of the model's, or its loads are not one per expert; loads that are given
                by number are also refused for a layer without a bias.
        """
        biases = self._biases()
        if isinstance(output, Output):
            decisions = {layer: routing for layer, routing in output.routings.items() if layer in biases}
            loads = {layer: self._counted(layer, routing) for layer, routing in decisions.items()}
            require(loads.keys() == biases.keys(), "output", f"of layers {list(biases)}", list(output.routings))
        else:
            loads = dict(output)
        for layer, load_E in loads.items():
            require(layer in biases, "layer", f"one balanced by a bias, {list(biases)}", layer)
            shape = (*self._rows, len(biases[layer]))
            numbers = " × ".join(str(axis) for axis in shape)
            fits = load_E.shape == shape
            require(fits, f"loads of layer {layer}", f"{numbers} numbers", f"shape {tuple(load_E.shape)}")
            before = self.loads.get(layer)
            self.loads[layer] = load_E.detach() if before is None else before + load_E.detach()

    @torch.no_grad()
    def step(self) -> None:
        """Move the biases by the loads since the last move, in float32 or wider, and forget them.

        Raises:
            ConfigError: Nothing was added since the last move.
        """
        require(len(self.loads) > 0, "loads", "added before the biases move", "none")
        rate, biases = self._rate(self.num_steps), self._biases()
        summed = all_over_ranks(list(self.loads.values()), self._group)
        for layer, load_E in zip(self.loads, summed, strict=True):
            bias_E = biases[layer]
            load_E = load_E.to(bias_E.device, torch.promote_types(bias_E.dtype, torch.float32))
            move_E = self._wanted_move(bias_E, load_E)
            bias_E += rate * (move_E - move_E.mean() if self._centred else move_E)
        self.loads = {}
        self.num_steps += 1

    def _counted(self, layer: int, routing: Routing) -> Tensor:
        """What a micro-batch adds."""
        return load_of(routing)

    def _wanted_move(self, bias_E: Tensor, load_E: Tensor) -> Tensor:
        """The move at a rate of 1, by what all micro-batches and ranks added."""
        return (load_E.mean() - load_E).sign()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs beside the model, whose state holds the biases."""
        return {"num_steps": self.num_steps, "loads": dict(self.loads)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where :meth:`state_dict` was taken.

        Raises:
            ConfigError: The loads are of other layers or numbers of experts.
        """
        self.num_steps, self.loads = int(state["num_steps"]), {}
        self.add(state["loads"])

    def _biases(self) -> dict[int, Tensor]:
        """The bias of each layer that has one, by layer number; asked for anew, since casts replace buffers."""
        routers = self._model.routers.items()
        return {
            layer: router.get_buffer("balance_bias_E")
            for layer, router in routers
            if router.config.balanced_by_bias
        }


class QuantileBalancer(Balancer):
    """Sets every balancing bias to the quantile at which its expert has its even share of tokens.

    A token takes expert e if b_e exceeds c − s_e, what its score s_e lacks to the cutoff c, the (K + 1)-th of all
    s + b. The new b_e is the K/E quantile of c − s_e over a step's tokens: K/E of them would take e, were their
    cutoffs to stay. The step's quantile is the mean of those of micro-batches and ranks, weighed by tokens, so
    that it depends on the cut where these are small. A bias comes from earlier steps: no token sees later ones.
    Source: J. Su, kexue.fm/archives/11619 (alternating quantiles); Megatron-Core, pull request 5349.

    Attributes:
        num_steps: How often the biases were moved.
        loads: Quantiles times tokens, and tokens, since then, by layer number, (2, E); this rank's.

    Args:
        model: With ``balanced_by_bias``; the decoder, or what wraps it.
        rate: Share of the way from the old bias to the new one, 1 in the source, or a function of the number of
            steps so far.
        group: The ranks that share a step; none is this process alone.

    Raises:
        ConfigError: As :class:`Balancer`; or the experts of a layer with a bias have groups, or are all chosen.
    """

    _rows = (2,)

    def __init__(self, model: nn.Module, rate: float | Rate = 1.0, *, group: ProcessGroup | None = None) -> None:
        super().__init__(model, rate, group=group)
        for layer in self._biases():
            router = self._router(layer)
            require(router.config.num_groups == 1, "num_groups", "1 for quantiles", router.config.num_groups)
            fewer = router.top_k < router.num_experts
            require(fewer, "top_k", f"below the {router.num_experts} experts, for quantiles", router.top_k)

    def _router(self, layer: int) -> TopKRouter:
        router = self._model.routers[layer]
        assert isinstance(router, TopKRouter)
        return router

    @torch.no_grad()
    def _counted(self, layer: int, routing: Routing) -> Tensor:
        router = self._router(layer)
        K, E = router.top_k, router.num_experts
        if not len(routing.logits_TE):
            return torch.zeros_like(router.balance_bias_E).expand(2, E)
        score_TE = router.log_score(routing.logits_TE).exp()
        cutoff_T1 = (score_TE + router.balance_bias_E).topk(K + 1, dim=1).values[:, -1:]
        short_TE = (cutoff_T1 - score_TE).masked_fill(~routing.real_T[:, None], math.inf).sort(dim=0).values
        tokens = routing.real_T.sum()
        last = ((tokens * K + E - 1) // E - 1).clamp_min(0)  # of the even share
        quantile_E = short_TE.index_select(0, last[None])[0]
        total_E = torch.where(tokens > 0, quantile_E * tokens, 0)
        return torch.stack([total_E, tokens.expand(E).to(total_E.dtype)])

    def _wanted_move(self, bias_E: Tensor, load_E: Tensor) -> Tensor:
        total_E, tokens_E = load_E
        return torch.where(tokens_E > 0, total_E / tokens_E.clamp_min(1) - bias_E, 0)


def linear_to_zero(rate: float, num_steps: int) -> Rate:
    """A rate that falls from its start to zero in a straight line: rate·(1 − step ÷ num_steps), 0 after it.

    Raises:
        ConfigError: The rate is no number of zero or more, or there is no step.
    """
    return _falling(rate, num_steps, lambda done: 1 - done)


def cosine_to_zero(rate: float, num_steps: int) -> Rate:
    """A rate that falls to zero along half a cosine: rate·(1 + cos(π·step ÷ num_steps)) ÷ 2, 0 after it.

    Raises:
        ConfigError: The rate is no number of zero or more, or there is no step.
    """
    return _falling(rate, num_steps, lambda done: (1 + math.cos(math.pi * done)) / 2)


def _falling(rate: float, num_steps: int, shape: Callable[[float], float]) -> Rate:
    start = _constant(rate)(0)
    require(num_steps > 0, "num_steps", "positive", num_steps)
    return lambda step: start * shape(min(1.0, step / num_steps))


def _constant(rate: float) -> Rate:
    require(0 <= rate < math.inf, "rate", "zero or more, and finite", rate)
    return lambda step: rate
