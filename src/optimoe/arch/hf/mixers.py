"""Field tables of token mixers: a part of a ``config.json`` into a mixer, and back."""

from dataclasses import dataclass
from typing import Any, ClassVar

from optimoe.arch.hf.fields import Fields, Flag, read_flag
from optimoe.arch.parts import (
    UNLIMITED_WINDOW,
    Attention,
    BlockIndexer,
    BlockSparseAttention,
    GatedDeltaNet,
    Indexer,
    LatentAttention,
    LightningAttention,
    Mamba,
    Mixer,
    QkNorm,
    RoutedHeads,
)
from optimoe.core.errors import ConfigError, require


@dataclass(frozen=True, kw_only=True)
class Gqa:
    """Fields of softmax attention with grouped heads.

    Attributes:
        qkv_bias, output_bias, qk_norm, qk_norm_bias, inner_norm, differential, sinks, output_gate, gate_by_head,
            gate_bias, gate_head_bias: Of the part, or the field that states it.
        gating: Field that says whether the output's gate is by head (true, ``per-head``) or by channel.
        norm_flag: The field that says whether there are norms of queries and keys, where one does.
        heads, kv_heads: ModuleNames of the fields; without one of the latter, there are as many as heads.
        null_kv: Whether null key-value heads are as many as heads.
        floored: Whether heads that do not divide d have ⌊d/h⌋ channels.
        head_dim: What the family takes where the field is missing; 0: d/h, where it is null too.
        fixed_head_dim: Whether heads have d/h channels and no other number (the family's norms span d).
        head_field, value_field: Fields of the widths of a head's keys and of its values; where there is no second
            one, they are equal, and where there is no first one, heads always have d/h channels.
        sliding: Field table of layers with a window, where it is another one.
    """

    part: ClassVar = Attention
    qkv_bias: Flag = False
    output_bias: Flag = False
    qk_norm: QkNorm = "none"
    qk_norm_bias: bool = False
    norm_flag: str = ""
    inner_norm: bool = False
    differential: bool = False
    sinks: Flag = False
    output_gate: Flag = False
    gate_by_head: bool = False
    gate_bias: bool = True
    gate_head_bias: bool = False
    gating: str = ""
    heads: tuple[str, ...] = ("num_attention_heads",)
    kv_heads: tuple[str, ...] = ("num_key_value_heads",)
    null_kv: bool = False
    head_dim: int = 0
    fixed_head_dim: bool = False
    floored: bool = False
    head_field: str = "head_dim"
    value_field: str = ""
    sliding: "Gqa | None" = None

    def read(self, fields: Fields, d_model: int, window: int, chunked: bool) -> Attention:
        """The attention of a layer with that window."""
        if self.sliding is not None and window != UNLIMITED_WINDOW:
            return self.sliding.read(fields, d_model, window, chunked)
        num_heads = fields.count(*self.heads)
        normed = not self.norm_flag or fields.flag(self.norm_flag)
        return Attention(
            num_heads=num_heads,
            num_kv_heads=self._kv_heads(fields, num_heads),
            head_dim=(head_dim := self._head_dim(fields, d_model, num_heads)),
            qkv_bias=read_flag(fields, self.qkv_bias),
            output_bias=read_flag(fields, self.output_bias),
            qk_norm=self.qk_norm if normed else "none",
            qk_norm_bias=self.qk_norm_bias and normed,
            inner_norm=self.inner_norm,
            differential=self.differential,
            sinks=read_flag(fields, self.sinks),
            output_gate=(gated := read_flag(fields, self.output_gate)),
            gate_by_head=gated and self._gate_by_head(fields),
            gate_bias=self.gate_bias,
            gate_head_bias=self.gate_head_bias,
            window_tokens=window,
            chunked=chunked,
            v_dim=self._value_dim(fields, head_dim),
        )

    def write(self, mixer: Attention) -> dict[str, Any]:
        """The fields of an attention."""
        if self.sliding is not None and mixer.window_tokens != UNLIMITED_WINDOW:
            return self.sliding.write(mixer)
        config: dict[str, Any] = {
            self.heads[0]: mixer.num_heads,
        }
        config |= {self.head_field: mixer.head_dim} if self.head_field else {}
        config |= {self.kv_heads[0]: mixer.num_kv_heads} if self.kv_heads else {}
        config |= {self.value_field: mixer.value_dim} if self.value_field else {}
        flags = (
            (self.qkv_bias, mixer.qkv_bias),
            (self.output_bias, mixer.output_bias),
            (self.sinks, mixer.sinks),
            (self.output_gate, mixer.output_gate),
        )
        config |= {flag: value for flag, value in flags if isinstance(flag, str)}
        config |= {self.gating: "per-head" if mixer.gate_by_head else "per-element"} if self.gating else {}
        return config | ({self.norm_flag: mixer.qk_norm != "none"} if self.norm_flag else {})

    def _kv_heads(self, fields: Fields, num_heads: int) -> int:
        if not self.kv_heads:
            return num_heads
        return fields.count(*self.kv_heads, null=num_heads if self.null_kv else 0)

    def _gate_by_head(self, fields: Fields) -> bool:
        return self.gate_by_head or (bool(self.gating) and fields.value(self.gating) in (True, "per-head"))

    def _value_dim(self, fields: Fields, head_dim: int) -> int:
        """The width of values where it is not that of keys; 0 where it is."""
        value_dim = fields.count(self.value_field) if self.value_field else head_dim
        return value_dim if value_dim != head_dim else 0

    def _head_dim(self, fields: Fields, d_model: int, num_heads: int) -> int:
        if self.head_field not in ("head_dim", ""):  # no family takes d/h for a field of its own
            return fields.count(self.head_field)
        even = 0 if d_model % num_heads and not self.floored else d_model // num_heads
        if not self.head_field:
            require(even > 0, self.heads[0], f"a divisor of hidden_size = {d_model}", num_heads)
            return even
        head_dim = fields.count(self.head_field, null=0 if self.head_dim else even, absent=self.head_dim or even)
        if self.fixed_head_dim and head_dim != even:
            raise ConfigError(f"head_dim: must be hidden_size / num_attention_heads, got {head_dim}")
        return head_dim


@dataclass(frozen=True, kw_only=True)
class Mla:
    """Fields of latent attention, as the DeepSeek families name them.

    Attributes:
        indexer: Whether layers that do not share a selection have an indexer.
        rope: Names of the field of the RoPE key's width.
        prefix: What stands before the names of all fields but the indexer's and ``attention_bias``.
        output_gate, gate_by_head, gate_of_queries, sinks, rope_norm: Of the part.
    """

    part: ClassVar = LatentAttention
    indexer: bool = False
    rope: tuple[str, ...] = ("qk_rope_head_dim",)
    prefix: str = ""
    output_gate: bool = False
    gate_by_head: bool = False
    gate_of_queries: bool = False
    sinks: bool = False
    rope_norm: bool = False

    def read(self, fields: Fields, d_model: int, window: int, chunked: bool) -> LatentAttention:
        """The attention of a layer: its own selection, or that of a layer below in ``window`` tokens."""
        index = None
        if self.indexer and window == UNLIMITED_WINDOW:
            index = Indexer(
                num_heads=fields.count("index_n_heads"),
                head_dim=fields.count("index_head_dim"),
                top_k=fields.count("index_topk"),
            )
        return LatentAttention(
            num_heads=fields.count(f"{self.prefix}num_attention_heads"),
            q_lora_rank=0
            if fields.null(f"{self.prefix}q_lora_rank")
            else fields.count(f"{self.prefix}q_lora_rank"),
            kv_lora_rank=fields.count(f"{self.prefix}kv_lora_rank"),
            qk_nope_dim=fields.count(f"{self.prefix}qk_nope_head_dim"),
            qk_rope_dim=fields.count(*(f"{self.prefix}{name}" for name in self.rope)),
            v_dim=fields.count(f"{self.prefix}v_head_dim"),
            bias=fields.flag("attention_bias"),
            indexer=index,
            selected_tokens=window,
            output_gate=self.output_gate,
            gate_by_head=self.gate_by_head,
            gate_of_queries=self.gate_of_queries,
            sinks=self.sinks,
            rope_norm=self.rope_norm,
        )

    def write(self, mixer: LatentAttention) -> dict[str, Any]:
        """The fields of a latent attention."""
        widths: dict[str, Any] = {
            "num_attention_heads": mixer.num_heads,
            "num_key_value_heads": mixer.num_heads,
            "q_lora_rank": mixer.q_lora_rank or None,
            "kv_lora_rank": mixer.kv_lora_rank,
            "qk_nope_head_dim": mixer.qk_nope_dim,
            "qk_rope_head_dim": mixer.qk_rope_dim,
            "v_head_dim": mixer.v_dim,
        }
        config: dict[str, Any] = {f"{self.prefix}{name}": value for name, value in widths.items()}
        config["attention_bias"] = mixer.bias
        if mixer.indexer is not None:
            config |= {
                "index_n_heads": mixer.indexer.num_heads,
                "index_head_dim": mixer.indexer.head_dim,
                "index_topk": mixer.indexer.top_k,
            }
        return config


@dataclass(frozen=True, kw_only=True)
class BlockSparse:
    """Fields of block-sparse attention: of its heads, and of the indexer, flat or in a table (MiniMax-M3)."""

    heads: Gqa
    part: ClassVar = BlockSparseAttention

    def read(self, fields: Fields, d_model: int) -> BlockSparseAttention:
        """The heads of a layer and what selects for them."""
        table = "sparse_attention_config."
        indexer = BlockIndexer(
            num_heads=fields.count("index_n_heads", f"{table}sparse_num_index_heads"),
            head_dim=fields.count("index_head_dim", f"{table}sparse_index_dim"),
            block_tokens=fields.count("index_block_size", f"{table}sparse_block_size"),
            top_blocks=fields.count("index_topk_blocks", f"{table}sparse_topk_blocks"),
        )
        heads = self.heads.read(fields, d_model, UNLIMITED_WINDOW, chunked=False)
        return BlockSparseAttention(attention=heads, indexer=indexer)

    def write(self, mixer: BlockSparseAttention, d_model: int) -> dict[str, Any]:
        """The fields of both, the indexer's flat."""
        return self.heads.write(mixer.attention) | {
            "index_n_heads": mixer.indexer.num_heads,
            "index_head_dim": mixer.indexer.head_dim,
            "index_block_size": mixer.indexer.block_tokens,
            "index_topk_blocks": mixer.indexer.top_blocks,
        }


class HeadExperts:
    """Fields of attention whose query heads are experts, as many as the feed-forward's (JetMoE)."""

    part: ClassVar = RoutedHeads

    def read(self, fields: Fields, d_model: int, window: int, chunked: bool) -> RoutedHeads:
        """The attention of a layer, which has no window."""
        return RoutedHeads(
            num_kv_heads=fields.count("num_key_value_heads"),
            head_dim=fields.count("kv_channels"),
            num_experts=fields.count("num_local_experts"),
            top_k=fields.count("num_experts_per_tok"),
            output_bias=True,
        )

    def write(self, mixer: RoutedHeads) -> dict[str, Any]:
        """The fields of an attention that are not the feed-forward's too."""
        return {"num_key_value_heads": mixer.num_kv_heads, "kv_channels": mixer.head_dim}


class DeltaNet:
    """Gated delta rule of Qwen3-Next and Qwen3.5."""

    part: ClassVar = GatedDeltaNet

    def read(self, fields: Fields, d_model: int) -> GatedDeltaNet:
        """Read a linear mixer from its fields."""
        return GatedDeltaNet(
            num_key_heads=fields.count("linear_num_key_heads"),
            num_value_heads=fields.count("linear_num_value_heads"),
            key_dim=fields.count("linear_key_head_dim"),
            value_dim=fields.count("linear_value_head_dim"),
            d_conv=fields.count("linear_conv_kernel_dim"),
        )

    def write(self, mixer: GatedDeltaNet, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        return {
            "linear_num_key_heads": mixer.num_key_heads,
            "linear_num_value_heads": mixer.num_value_heads,
            "linear_key_head_dim": mixer.key_dim,
            "linear_value_head_dim": mixer.value_dim,
            "linear_conv_kernel_dim": mixer.d_conv,
        }


class JambaMamba:
    """State-space layers of Jamba: the inner width is ``mamba_expand`` · d."""

    part: ClassVar = Mamba

    def read(self, fields: Fields, d_model: int) -> Mamba:
        """Read a state-space mixer from its fields."""
        return Mamba(
            d_inner=fields.count("mamba_expand") * d_model,
            d_state=fields.count("mamba_d_state"),
            d_conv=fields.count("mamba_d_conv"),
            dt_rank=-(-d_model // 16)
            if fields.is_text("mamba_dt_rank", "auto")
            else fields.count("mamba_dt_rank"),
            conv_bias=fields.flag("mamba_conv_bias"),
            proj_bias=fields.flag("mamba_proj_bias"),
            inner_norms=True,
        )

    def write(self, mixer: Mamba, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        return {
            "mamba_expand": mixer.d_inner // d_model,
            "mamba_d_state": mixer.d_state,
            "mamba_d_conv": mixer.d_conv,
            "mamba_dt_rank": mixer.dt_rank,
            "mamba_conv_bias": mixer.conv_bias,
            "mamba_proj_bias": mixer.proj_bias,
        }


class Lightning:
    """Linear attention of MiniMax: the heads of its softmax layers."""

    part: ClassVar = LightningAttention

    def read(self, fields: Fields, d_model: int) -> LightningAttention:
        """Read a linear mixer from its fields."""
        heads = fields.count("num_attention_heads")
        even = d_model // heads
        return LightningAttention(num_heads=heads, head_dim=fields.count("head_dim", null=even, absent=even))

    def write(self, mixer: LightningAttention, d_model: int) -> dict[str, Any]:
        """Write a mixer into the fields that it was read from."""
        return {"num_attention_heads": mixer.num_heads, "head_dim": mixer.head_dim}


def window_of(mixer: Mixer) -> int:
    """The window of a mixer, or the tokens of a selection that it takes over; unlimited where it has neither."""
    if isinstance(mixer, LatentAttention):
        return mixer.selected_tokens
    return mixer.window_tokens if isinstance(mixer, Attention) else UNLIMITED_WINDOW
