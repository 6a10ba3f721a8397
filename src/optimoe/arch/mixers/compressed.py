"""Attention over a window and over compressed entries of what lies before it (DeepSeek-V4)."""

from dataclasses import dataclass
from typing import Any

from optimoe.arch.mixers.attended import UNLIMITED_WINDOW, MlaForm, Phase, attended, minimum
from optimoe.arch.mixers.base import MixerFlops, TokenMixer
from optimoe.arch.mixers.latent import Indexer
from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class CompressedAttention(TokenMixer):
    """Attention of many heads over one shared key, which is the value too, near by token and far by entry.

    A token attends to the last ``window_tokens``, and to entries into which every m tokens before it were pooled:
    to all of them (DeepSeek-V4's heavily compressed layers), or to those that an indexer selects by compressed
    keys of its own (its compressed sparse layers, whose entries overlap). Queries come from a compressed vector,
    heads are projected back group by group through a narrow width.

    Attributes:
        num_heads: Query heads, h.
        head_dim: Width of a head, of the shared key, and of an entry, d_h.
        q_lora_rank: Width of the compressed queries, q.
        output_groups: Groups of heads that are projected down by themselves, g.
        output_rank: Width to which each group is projected, r.
        window_tokens: Tokens before and with itself that a token attends to one by one, w.
        ratio: Tokens of an entry, m; 0 where nothing but the window is seen.
        overlap: Whether an entry pools the tokens of the one before it too, by projections of their own.
        indexer: Selection of entries; none attends to all of them.

    Raises:
        ConfigError: A count is not positive, groups do not divide the heads, or an indexer has nothing to select.
    """

    num_heads: int
    head_dim: int
    q_lora_rank: int
    output_groups: int
    output_rank: int
    window_tokens: int
    ratio: int = 0
    overlap: bool = False
    indexer: Indexer | None = None

    def __post_init__(self) -> None:
        require_positive(
            self, "num_heads", "head_dim", "q_lora_rank", "output_groups", "output_rank", "window_tokens"
        )
        require(self.ratio >= 0, "ratio", "zero or more", self.ratio)
        require(
            self.num_heads % self.output_groups == 0,
            "output_groups",
            lambda: f"a divisor of num_heads = {self.num_heads}",
            self.output_groups,
        )
        if self.indexer is not None:
            require(self.ratio > 0, "ratio", "positive beside an indexer", self.ratio)

    @property
    def series(self) -> int:
        """Projections that an entry pools, each with its gate: 2 where entries overlap, 1 else; 0 without."""
        return self.compresses * (1 + self.overlap)

    @property
    def compresses(self) -> Any:
        """Whether there are entries beside the window, as a factor."""
        return (self.ratio > 0) * 1

    @property
    def _tokens_an_entry(self) -> int:
        """m, and 1 where there are no entries to divide by it."""
        return self.ratio + (self.ratio == 0)

    def matrix_params(self, d_model: int) -> int:
        """Queries d·q + q·h·d_h, key d·d_h, output h·d_h·r + g·r·d, and what makes and selects entries."""
        heads = self.num_heads * self.head_dim
        queries = self.q_lora_rank * (d_model + heads)
        output = self.output_rank * (heads + self.output_groups * d_model)
        entries = 2 * self.series * d_model * self.head_dim
        return queries + d_model * self.head_dim + output + entries + self.indexer_matrix_params(d_model)

    def indexer_matrix_params(self, d_model: int) -> int:
        """Index queries q·h_i·d_i, entries of index keys with their gates 2·series·d·d_i, head weights d·h_i."""
        if self.indexer is None:
            return 0
        heads, width = self.indexer.num_heads, self.indexer.head_dim
        return self.q_lora_rank * heads * width + d_model * (2 * self.series * width + heads)

    def vector_params(self, d_model: int) -> int:
        """Norms q + d_h, a sink per head; entries' biases by place m·series·(d_h + d_i) and norms d_h + d_i."""
        width = self.head_dim + (self.indexer.head_dim if self.indexer else 0)
        pooled = (self.ratio * self.series + self.compresses) * width
        return self.q_lora_rank + self.head_dim + self.num_heads + pooled

    def entries(self, length: float, most: float, phase: Phase) -> Any:
        """Entries that one token sees: ⌊t/m⌋ of the last of ``length`` tokens, or the mean; ``most`` at most.

        With c the most that any token sees, Σ_i min(⌊i/m⌋, c) = c·(length + 1) − m·c·(c + 1)/2.
        """
        count = self.compresses * minimum(length // self._tokens_an_entry, most)
        if phase == "decode":
            return count
        return (count * (length + 1) - self.ratio * count * (count + 1) / 2) / length

    def seen(self, length: float, phase: Phase) -> Any:
        """Keys that one token attends to: those of its window, and entries."""
        most = self.indexer.top_k if self.indexer else UNLIMITED_WINDOW
        return attended(length, self.window_tokens, phase) + self.entries(length, most, phase)

    def flops(self, d_model: int, length: float, phase: Phase, mla: MlaForm) -> MixerFlops:
        """Projections 2 per weight, 4·h·d_h per key seen; an indexer's matrices and 2·h_i·(d_i + 1) per entry."""
        selection = 2 * self.indexer_matrix_params(d_model)
        if self.indexer is not None:
            scores = self.indexer.num_heads * (self.indexer.head_dim + 1)
            selection = selection + 2 * scores * self.entries(length, UNLIMITED_WINDOW, phase)
        return {
            "attention_projections": 2 * (self.matrix_params(d_model) - self.indexer_matrix_params(d_model)),
            "attention_scores": 4 * self.num_heads * self.head_dim * self.seen(length, phase),
            "indexer": selection,
        }

    @property
    def cache_values(self) -> float:
        """Values that one token adds once its window is full: its share of an entry, (d_h + d_i)/m; 0 without.

        The window itself is of a fixed size: :meth:`held_values` has it.
        """
        return self.compresses * self._entry_values / self._tokens_an_entry

    def held_values(self, tokens: float) -> Any:
        """Values of a sequence's cache: keys of the window, and whole entries with their index keys."""
        entries = self.compresses * (tokens // self._tokens_an_entry) * self._entry_values
        return self.head_dim * minimum(tokens, self.window_tokens) + entries

    def read_values(self, tokens: float) -> Any:
        """Values that one decoded token reads: the keys that it sees, and every index key."""
        keys = self.indexer.head_dim if self.indexer else 0
        every = self.entries(tokens, UNLIMITED_WINDOW, "decode")
        return self.head_dim * self.seen(tokens, "decode") + keys * every

    @property
    def state_values(self) -> int:
        """Tokens that wait for their entry, with their gates, and those that the next one overlaps.

        2·m·(series + overlap)·(d_h + d_i): all m of an entry, an upper estimate by at most one of them.
        """
        return 2 * self.ratio * (self.series + self.overlap) * self._entry_values

    @property
    def tp_heads(self) -> int:
        """Heads that tensor parallelism splits."""
        return self.num_heads

    @property
    def cache_heads(self) -> int:
        """The cache is one key that all heads share: it does not split by heads."""
        return 1

    @property
    def _entry_values(self) -> int:
        return self.head_dim + (self.indexer.head_dim if self.indexer else 0)
