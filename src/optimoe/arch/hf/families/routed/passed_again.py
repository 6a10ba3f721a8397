"""Routed decoders of layers that a token passes again, each time with messages of the last pass (Inkling 2)."""

from dataclasses import replace
from math import gcd
from typing import Any

from optimoe.arch.hf.families.routed.convolved import CONVOLVED, Inkling2Stack
from optimoe.arch.hf.family import ConfigFamily
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import NormRule
from optimoe.arch.parts import ConvolvedAttention, MatrixChain, MoE, NoFeedForward, NoMixer
from optimoe.arch.spec import MOST_LAYERS, LayerGroup
from optimoe.core.errors import ConfigError, require

_START, _END, _PASSES, _RANK = (
    "loop_layer_index_start",
    "loop_layer_index_end",
    "loop_num_passes",
    "loop_gate_rank",
)
_BLOCK = "n_layers_per_attn_res_block"
MESSAGES = 4
"""What a layer takes of the pass before: one for queries, for keys, for values and for its feed-forward."""


class MessageQueries(NormRule):
    """Vectors beside the layers: a query over all outputs, and one for each message of a layer in the section."""

    def read(self, fields: Fields) -> int:
        """The number of vectors of d."""
        return 1 + MESSAGES * (fields.count(_END) - fields.count(_START))

    def write(self, number: int) -> dict[str, Any]:
        """No field counts them: the section does."""
        return {}


class LoopedStack(Inkling2Stack):
    """Layers of Inkling 2 of which a section is passed ``loop_num_passes`` times, each pass with its own cache.

    From the second pass on, each of its layers has four gates of low rank, 2·d → r → 2·d, that mix what the pass
    before gave into its inputs. They stand as a layer before it. (``transformers``, modeling_inkling2_loop.py.)
    """

    parts: tuple[type, ...] = (ConvolvedAttention, MoE, NoMixer, NoFeedForward)

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every pass through a layer; those after the first read its weights."""
        layers = super().read(fields, d_model)
        start, end, passes = fields.count(_START), fields.count(_END), fields.count(_PASSES)
        block, rank = fields.count(_BLOCK), fields.count(_RANK)
        require(start < end <= len(layers), _END, f"from {_START} + 1 to {len(layers)}", end)
        require(start % block == 0 and end % block == 0, _BLOCK, f"a divisor of {_START} and {_END}", block)
        require(passes >= 2, _PASSES, "two or more: a single pass would never read the gates", passes)
        limit = f"at most {MOST_LAYERS} layers that a token passes"
        require(len(layers) + 2 * passes * (end - start) <= MOST_LAYERS, _PASSES, limit, passes)
        gates = (MatrixChain(widths=(2 * d_model, rank, 2 * d_model)),) * MESSAGES
        message = LayerGroup(num_layers=1, mixer=NoMixer(), ffn=NoFeedForward(), beside=gates, num_norms=0)
        again = [replace(layer, reused=True) for layer in layers[start:end]]
        second = [part for layer in again for part in (message, layer)]
        later = [replace(part, reused=True) for part in second] * (passes - 2)
        return [*layers[:end], *second, *later, *layers[end:]]

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from."""
        own = [layer for layer in layers if not layer.reused and not layer.mixer.absent]
        messages = [layer for layer in layers if not layer.reused and layer.mixer.absent]
        gates = [part for layer in messages for part in layer.beside if isinstance(part, MatrixChain)]
        if not gates:
            raise ConfigError(f"{_PASSES}: layers must be passed again, with gates")
        end = layers.index(messages[0])
        start, again = end - len(messages), sum(layer.reused for layer in layers if not layer.mixer.absent)
        return super().write(own) | {
            "num_hidden_layers": len(own),
            _START: start,
            _END: end,
            _PASSES: 1 + again // len(messages),
            _RANK: gates[0].widths[1],
            _BLOCK: gcd(start, end),
        }


_INKLING2 = CONVOLVED["inkling2_text"]
PASSED_AGAIN: dict[str, ConfigFamily] = {
    "inkling2_loop_text": replace(
        _INKLING2,
        architecture="Inkling2LoopForCausalLM",
        stack=LoopedStack(),
        num_end_scales=MessageQueries(),
        remark="what a pass takes of the last one counts as a layer before each",
        aliases=_INKLING2.aliases
        | {
            "loop_config.core_start": _START,
            "loop_config.core_end": _END,
            "loop_config.num_passes": _PASSES,
            "loop_config.gate_rank": _RANK,
        },
    ),
}
"""By ``model_type``."""
