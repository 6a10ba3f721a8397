"""Decoders whose layers share a block of attention and feed-forward: Zamba and Zamba2."""

from dataclasses import dataclass, replace
from typing import Any

from optimoe.arch.hf.families.shared import TIED
from optimoe.arch.hf.family import ConfigFamily, Stack
from optimoe.arch.hf.ffns import Dense
from optimoe.arch.hf.fields import Fields
from optimoe.arch.hf.layers import LINEAR
from optimoe.arch.hf.recurrent.state_space import Mamba2Fields, MambaFields
from optimoe.arch.parts import Attention, DenseFFN, Mamba, Mamba2, MatrixChain, Mixer, NoFeedForward
from optimoe.arch.spec import LayerGroup
from optimoe.core.errors import ConfigError, require, shown

_HYBRID = "hybrid"
_WORDS = {LINEAR: LINEAR, "mamba": LINEAR, _HYBRID: _HYBRID}
_KINDS, _HEADS, _KV_HEADS, _HEAD_DIM, _NUMBERS, _INPUTS, _BLOCKS, _ADAPTS, _RANK = (
    "layers_block_type",
    "num_attention_heads",
    "num_key_value_heads",
    "attention_head_dim",
    "hybrid_layer_ids",
    "attention_hidden_size",
    "num_mem_blocks",
    "use_shared_attention_adapter",
    "adapter_rank",
)

_REMARK = "a block that layers share counts as a layer before each of them"


@dataclass(frozen=True, kw_only=True)
class SharedBlockStack(Stack):
    """State-space layers, of which some pass a block before their mixer, and add a projection of its output.

    The block attends and has a feed-forward; its input is the residual beside the token's embedding, 2·d, and it
    has no residual of its own. It stands as a layer before the one that it belongs to. One block, or ``adapted``
    ``num_mem_blocks`` in turn, are stored; each layer that passes one adds adapters of its own to its matrices.

    Attributes:
        recurrent: Field table of the state-space layers.
        dense: Field table of the block's feed-forward.
        adapted: Whether there are several blocks, and adapters (Zamba2).
    """

    parts: tuple[type, ...]
    recurrent: MambaFields | Mamba2Fields
    dense: Dense
    adapted: bool

    def read(self, fields: Fields, d_model: int) -> list[LayerGroup]:
        """Read every layer by its word, a block before each that passes one."""
        words = fields.items(_KINDS, str, fields.depth("num_hidden_layers"))
        unknown = sorted(set(words) - set(_WORDS))
        require(not unknown, _KINDS, f"of {', '.join(_WORDS)}", shown(", ".join(unknown)))
        kinds = [_WORDS[word] for word in words]
        plain = LayerGroup(
            num_layers=1, mixer=self.recurrent.read(fields, d_model), ffn=NoFeedForward(), num_norms=1
        )
        numbers = [number for number, kind in enumerate(kinds) if kind == _HYBRID]
        stated = fields.stated(_NUMBERS, numbers)
        require(stated == numbers, _NUMBERS, f"the layers that {_KINDS} calls {_HYBRID}", shown(str(stated)))
        if not numbers:
            return [plain] * len(kinds)
        block, stored = self._block(fields, d_model), fields.count(_BLOCKS) if self.adapted else 1
        own = replace(plain, beside=self._own(fields, d_model, block))
        again, layers = replace(block, reused=True), []
        for number, kind in enumerate(kinds):
            if kind == _HYBRID:
                layers.append(block if numbers.index(number) < stored else again)
            layers.append(own if kind == _HYBRID else plain)
        return layers

    def _block(self, fields: Fields, d_model: int) -> LayerGroup:
        """The block that is shared: a norm of both inputs, 2·d, and one of the attention's output."""
        inputs, heads = fields.stated(_INPUTS, None), fields.count(_HEADS)
        require(inputs in (None, 2 * d_model), _INPUTS, f"twice hidden_size = {d_model}", inputs)
        even = 2 * d_model // heads
        mixer = Attention(
            num_heads=heads,
            num_kv_heads=fields.count(_KV_HEADS, null=heads),
            head_dim=fields.count(_HEAD_DIM, null=even, absent=even),
            with_embedding=True,
        )
        return LayerGroup(num_layers=1, mixer=mixer, ffn=self.dense.read(fields, d_model), num_norms=3)

    def _own(self, fields: Fields, d_model: int, block: LayerGroup) -> tuple[MatrixChain, ...]:
        """A layer's projection of the block's output, and its adapters."""
        chains: list[tuple[int, ...]] = [(d_model, d_model)]
        if self.adapted:
            rank, mixer, ffn = fields.count(_RANK), block.mixer, block.ffn
            assert isinstance(mixer, Attention)  # as it was just read
            assert isinstance(ffn, DenseFFN)
            if fields.flag(_ADAPTS):
                limit = f"as many as heads, together 2·hidden_size = {2 * d_model} wide, where adapters are added"
                wide = mixer.num_heads * mixer.head_dim == 2 * d_model and mixer.num_kv_heads == mixer.num_heads
                require(wide, _KV_HEADS, limit, mixer.num_kv_heads)
                chains += [(2 * d_model, rank, 2 * d_model)] * 3
            chains.append((d_model, rank, 2 * ffn.d_ff))
        return tuple(MatrixChain(widths=widths) for widths in chains)

    def write(self, layers: list[LayerGroup]) -> dict[str, Any]:
        """Write layers into the fields that they were read from; without a block, how wide is open."""
        kinds, passes, blocks = [], False, []
        own: tuple[MatrixChain, ...] = ()
        recurrent: list[Mixer] = []
        for layer in layers:
            if layer.mixer.recurrent:
                kinds.append(_HYBRID if passes else LINEAR)
                own = own or tuple(part for part in layer.beside if isinstance(part, MatrixChain))
                recurrent.append(layer.mixer)
            else:
                blocks.append(layer)
            passes = not layer.mixer.recurrent
        if not (blocks and own and recurrent):
            raise ConfigError(f"{_KINDS}: a layer must be {_HYBRID}, which says what its block is")
        mixer, ffn, table = blocks[0].mixer, blocks[0].ffn, self.recurrent
        assert isinstance(mixer, Attention)  # as the family's parts are
        require(isinstance(ffn, DenseFFN), "ffn", "dense in a block", type(ffn).__name__)
        config: dict[str, Any] = {
            "num_hidden_layers": len(kinds),
            _KINDS: kinds,
            _HEADS: mixer.num_heads,
            _KV_HEADS: mixer.num_kv_heads,
            _HEAD_DIM: mixer.head_dim,
        }
        if self.adapted:
            adapters = {_BLOCKS: sum(not block.reused for block in blocks), _ADAPTS: len(own) > 2}
            config |= adapters | {_RANK: own[-1].widths[1]}
        config |= self.dense.write(ffn)  # type: ignore[arg-type]  # required to be one above
        return config | table.write(recurrent[0], own[0].widths[0])  # type: ignore[arg-type]


_PARTS = (Attention, DenseFFN, NoFeedForward)
# Where embeddings are not tied, transformers ties no blocks either, whatever a checkpoint holds: it is refused.
SHARED_BLOCK: dict[str, ConfigFamily] = {
    "zamba": ConfigFamily(
        architecture="ZambaForCausalLM",
        stack=SharedBlockStack(
            parts=(*_PARTS, Mamba),
            recurrent=MambaFields(
                inner="",
                expand="mamba_expand",
                state="mamba_d_state",
                conv="mamba_d_conv",
                rank="mamba_dt_rank",
                conv_bias="mamba_conv_bias",
                proj_bias="mamba_proj_bias",
            ),
            dense=Dense(),
            adapted=False,
        ),
        remark=_REMARK,
        aliases={"layer_types": _KINDS, "head_dim": _HEAD_DIM},
        defaults=TIED | {"mamba_conv_bias": True, "mamba_proj_bias": False, "mamba_dt_rank": "auto"},
        only=TIED | {"hidden_mamba_act": "silu"},
    ),
    "zamba2": ConfigFamily(
        architecture="Zamba2ForCausalLM",
        stack=SharedBlockStack(
            parts=(*_PARTS, Mamba2),
            recurrent=Mamba2Fields(
                heads="n_mamba_heads",
                head_dim="mamba_headdim",
                groups="mamba_ngroups",
                conv_bias="use_conv_bias",
                in_bias="add_bias_linear",
                out_bias="add_bias_linear",
            ),
            dense=Dense(bias="add_bias_linear", times=4),
            adapted=True,
        ),
        remark=_REMARK,
        aliases={"layer_types": _KINDS, "head_dim": _HEAD_DIM},
        defaults=TIED
        | {
            "mamba_headdim": "auto",
            "use_conv_bias": True,
            "add_bias_linear": False,
            "num_key_value_heads": None,
            "intermediate_size": None,
            _ADAPTS: False,
            _BLOCKS: 1,
        },
        only=TIED | {"use_conv_bias": True, "use_shared_mlp_adapter": True},
    ),
}
"""By ``model_type``."""
