"""How routing went over layers and steps, in a handful of scalars."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributed import ProcessGroup

from optimoe.core.errors import require
from optimoe.models.decoder import Output
from optimoe.models.losses.ranks import all_over_ranks
from optimoe.models.routing import Routing, report


@dataclass(frozen=True, kw_only=True)
class RoutingSummary:
    """How routing went, as few numbers as a log should have whatever the number of layers and experts.

    Attributes:
        load_imbalance: Busiest expert's load ÷ mean, over all that was added; mean over layers. 1 is balanced.
        worst_load_imbalance: That of the worst layer.
        worst_layer: Its number.
        dead_share: Share of all layers' experts that no token chose.
        entropy: Mean entropy of the router's probabilities, nats; mean over layers.
        dropped_share: Share of chosen slots that were turned away, in all layers.
        unrouted_share: Share of tokens that no expert computes; mean over layers.
        computed_experts: Experts that a token computes, mean over tokens and layers: k, unless slots are dropped
            or experts compute nothing.
        leaky_layers: Layers of which a decision saw later tokens, this rank's.
    """

    load_imbalance: float
    worst_load_imbalance: float
    worst_layer: int
    dead_share: float
    entropy: float
    dropped_share: float
    unrouted_share: float
    computed_experts: float
    leaky_layers: tuple[int, ...]


class RunningReport:
    """Adds up what routing did over micro-batches, steps and ranks, and sums it up; nothing waits for the device.

    Attributes:
        loads: Slots per expert of each layer so far, by layer number: the whole matrix, for who asks.

    Args:
        group: The ranks whose tokens are counted together; none is this process alone.
    """

    def __init__(self, group: ProcessGroup | None = None) -> None:
        self._group = group
        self.reset()

    def add(self, output: Output) -> None:
        """Add the decisions of a forward pass."""
        self._leaky |= set(output.leaky_layers)
        for layer, routing in output.routings.items():
            load_E, counts = _counted(routing)
            seen = layer in self.loads
            self.loads[layer] = self.loads[layer] + load_E if seen else load_E
            self._counts[layer] = self._counts[layer] + counts if seen else counts

    def reset(self) -> None:
        """Forget what was added."""
        self.loads: dict[int, Tensor] = {}
        self._counts: dict[int, Tensor] = {}
        self._leaky: set[int] = set()

    def state_dict(self) -> dict[str, Any]:
        """The sums over all ranks as plain numbers, exact; every rank asks for it."""
        layers = list(self.loads)
        summed = all_over_ranks([*self.loads.values(), *self._counts.values()], self._group) if layers else []
        rows = [row.tolist() for row in summed]
        names = [str(layer) for layer in layers]
        loads, counts = (dict(zip(names, some, strict=True)) for some in (rows[: len(names)], rows[len(names) :]))
        return {"loads": loads, "counts": counts, "leaky": sorted(self._leaky)}

    def load_state_dict(self, state: Mapping[str, Any], device: torch.device, *, mine: bool = True) -> None:
        """Go on where :meth:`state_dict` was taken.

        Args:
            state: What it returned.
            device: Where to add up.
            mine: Whether this rank takes the sums; of several, one does.
        """
        wide = torch.float64 if device.type != "mps" else torch.float32
        self.loads, self._counts = (
            {
                int(layer): mine * torch.tensor(row, dtype=wide, device=device)
                for layer, row in state.get(name, {}).items()
            }
            for name in ("loads", "counts")
        )
        self._leaky = set(state.get("leaky", ()))

    def summary(self) -> RoutingSummary:
        """What was added so far, over all ranks.

        Raises:
            ConfigError: Nothing was added, or no layer routes.
        """
        require(len(self.loads) > 0, "decisions", "added before they are summed up", "none")
        layers = list(self.loads)
        summed = all_over_ranks([*self.loads.values(), *self._counts.values()], self._group)
        loads = [load_E.double().cpu() for load_E in summed[: len(layers)]]
        tokens, dropped, unrouted, computed, entropy = torch.stack(
            [c.cpu() for c in summed[len(layers) :]]
        ).unbind(1)
        imbalance = torch.stack([load_E.max() / load_E.mean().clamp_min(1 / len(load_E)) for load_E in loads])
        worst = int(imbalance.argmax())
        experts, slots = torch.cat(loads), sum(float(load_E.sum()) for load_E in loads)
        return RoutingSummary(
            load_imbalance=float(imbalance.mean()),
            worst_load_imbalance=float(imbalance[worst]),
            worst_layer=layers[worst],
            dead_share=float((experts == 0).double().mean()),
            entropy=float((entropy / tokens.clamp_min(1)).mean()),
            dropped_share=float(dropped.sum()) / max(1.0, slots),
            unrouted_share=float((unrouted / tokens.clamp_min(1)).mean()),
            computed_experts=float((computed / tokens.clamp_min(1)).mean()),
            leaky_layers=tuple(sorted(self._leaky)),
        )


def _counted(routing: Routing) -> tuple[Tensor, Tensor]:
    """Loads, and (tokens, dropped, unrouted, computed slots, entropy·tokens)."""
    seen = report(routing)
    wide = torch.float64 if routing.score_TE.device.type != "mps" else torch.float32  # mps has no float64
    counts = [seen.tokens, seen.dropped, seen.unrouted, seen.computed_E.sum(), seen.entropy * seen.tokens]
    return seen.load_E.to(wide), torch.stack([count.to(wide) for count in counts])
