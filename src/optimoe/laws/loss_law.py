"""What a law is: coefficients with their evidence, outputs by symbol, and a loss for a design.

::

    Law          outputs in its own variables (the symbols of its paper)
    └── ArchLaw  a loss for an architecture: converts it explicitly, says what it was never fitted on
        └── LossLaw  also gives that loss as a curve in training tokens

A law that can be fitted has ``free`` and ``linear`` coefficients and a ``gradient``. Its formula takes
coefficients of shape (fits, 1) against variables of shape (runs,), by broadcasting.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from optimoe.arch.spec import ArchSpec
from optimoe.core.arrays import Flags, Values
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.laws.domain import ALIASES, READING_WORDS, Domain, Models, Reading, Seen, Standing
from optimoe.laws.law import Law
from optimoe.laws.terms.band import loss_band
from optimoe.laws.terms.sizes import Size

SIZES_SEEN: Mapping[str, Seen] = {
    "total": "params_total",
    "nonembedding": "params_total",
    "total_nonembedding": "params_total",
    "active": "params_active",
    "active_nonembedding": "params_active",
    "dense": "params_dense",
}
"""What an N by its convention sees of a design."""


@dataclass(frozen=True, kw_only=True)
class TokenCurve:
    """Loss against training tokens at a fixed design: L(D) = floor + scale·D^exponent, exponent < 0.

    Fields are numbers, or arrays over a grid of designs.
    """

    floor: Values
    scale: Values
    exponent: Values

    def loss(self, tokens: Values) -> Values:
        """Loss in nats per token after so many tokens."""
        return self.floor + self.scale * np.power(tokens, self.exponent, dtype=float)

    def tokens(self, loss: Values) -> Values:
        """Tokens that reach a loss; infinite at or below the floor."""
        above = np.subtract(loss, self.floor)
        with np.errstate(divide="ignore", over="ignore"):
            reached = np.power(np.maximum(above, 0) / self.scale, 1 / np.asarray(self.exponent))
        return np.where(above > 0, reached, np.inf)[()]


class ArchLaw(Law):
    """A law that gives a loss for an architecture and a number of training tokens.

    Attributes:
        sizes: What its N may count, by the name of a convention; empty for a class that counts by itself.
        stated_elsewhere: Variables that no run gave: other laws state them, with a spread of their own.
        own_size: What its paper's N counts, where that is part of the equation; empty where it is for runs to say.
        sees: What its variables see of a design beside that size; what they do not see, it cannot rank by.
        usual_models: What its formula is about where the row does not say.
        readings: Mappings of a row's domain that it can follow.
    """

    sizes: ClassVar[Mapping[str, Size]] = {}
    own_size: ClassVar[str] = ""
    stated_elsewhere: ClassVar[frozenset[str]] = frozenset()
    sees: ClassVar[tuple[Seen, ...]] = ()
    usual_models: ClassVar[Models] = "unknown"
    readings: ClassVar[tuple[Reading, ...]] = ()

    def size(self, arch: ArchSpec) -> Values:
        """N of a design by the row's ``n_convention``; where that says nothing, by the family's first.

        :meth:`require_usable` refuses a row that says nothing, before anything is planned or compared.
        """
        return self.sizes[self.counted](arch)

    @property
    def counted(self) -> str:
        """The name of what its N counts; empty for a class that counts by itself."""
        stated = self.row.n_convention in self.sizes
        return self.row.n_convention if stated else self.own_size or next(iter(self.sizes), "")

    @abstractmethod
    def variables(self, arch: ArchSpec) -> dict[str, Values]:
        """The design in the law's own variables (without D), converted by the law's own conventions."""

    @abstractmethod
    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss in nats per token of an architecture or a grid of them; NaN where the law may not rank a design."""

    @property
    def ranks(self) -> Domain:
        """The designs that the law may rank: its row's domain."""
        domain = self.row.domain
        return domain if domain.known else replace(domain, models=self.usual_models)

    @property
    def by(self) -> tuple[str, ...]:
        """What its variables see of a design: as its row says, or what its N counts and its class."""
        size = SIZES_SEEN.get(self.counted)
        return self.row.domain.by or (*((size,) if size else ()), *self.sees)

    def judge(self, arch: ArchSpec) -> Standing:
        """Whether it may rank a design, or each of a grid, and what must be said about that."""
        return self.ranks.judge(arch, self.by)

    def require_applicable(self, arch: ArchSpec) -> Flags:
        """Which of the designs the law may rank; it is refused where that is none of them.

        Raises:
            InputError: It may rank none; in one line, with the reason.
        """
        standing = self.judge(arch)
        if not np.any(standing.applicable):
            raise InputError(f"law {self.row.name}: not applicable: {standing.reason}")
        return standing.applicable

    def blind_to(self, designs: Sequence[ArchSpec]) -> str:
        """What differs between designs, sets their total size and is not seen by the law; empty if nothing."""
        return self.ranks.blind_to(designs, self.by) if self.by else ""

    @property
    def unseen(self) -> tuple[str, ...]:
        """Traits that set total sizes of designs and that it does not see; none where nobody says what it sees."""
        return self.ranks.unseen(self.by) if self.by else ()

    def reading(self, arch: ArchSpec) -> str:
        """How a design is read that no run was like, with its source; empty where none needs it."""
        if not np.any(self.judge(arch).assumed):
            return ""
        stated, read = self.as_stated(arch), self.variables(arch)
        changed = [
            f"{name} = {np.ravel(stated[name])[-1]:.4g} as {np.ravel(read[name])[-1]:.4g}"
            for name in stated
            if np.any(np.not_equal(stated[name], read[name]))
        ]
        return f"reads {', '.join(changed)}, {READING_WORDS[self.ranks.mapping]} ({self.ranks.mapping_source})"

    def as_stated(self, arch: ArchSpec) -> dict[str, Values]:
        """The design in the law's variables as it stands, without the mapping that reads it otherwise."""
        return self.variables(arch)

    def reading_gap(self, arch: ArchSpec, tokens: Values) -> Values:
        """How many nats a mapping moves the loss of a design; 0 where none is used."""
        assumed = self.judge(arch).assumed
        if not np.any(assumed):
            return 0.0
        stated = self.evaluate("L", self.as_stated(arch) | {"D": tokens})
        return np.where(assumed, np.abs(self.evaluate("L", self.arch_inputs(arch, tokens)) - stated), 0.0)[()]

    def other_readings(self, arch: ArchSpec) -> tuple[dict[str, Values], ...]:
        """The design in the law's variables as others would read it; none where nobody would otherwise."""
        return (self.as_stated(arch),) if np.any(self.judge(arch).assumed) else ()

    def dense_law(self) -> "ArchLaw":
        """Law of the same paper for dense models: this one, or the one that its row names."""
        law = self.find(self.row.dense_baseline) if self.row.dense_baseline else self
        if not isinstance(law, ArchLaw):
            raise ConfigError(f"dense_baseline: must be a loss of architectures, got {law.row.name}")
        return law

    def arch_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The design in the law's own variables, and D."""
        return self.variables(arch) | {"D": tokens}

    def run_inputs(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """The design and its tokens in those variables that runs give, which a fit takes.

        As it stands, without a mapping; what other laws state of it is in its sizes, so that the loss is that of
        :meth:`arch_inputs`.
        """
        return self.as_stated(arch) | {"D": tokens}

    def placed(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """Everything that ``row.range`` may name: the inputs, D/N and E."""
        inputs = self.arch_inputs(arch, tokens)
        moe = arch.moe
        return {"D_over_N": tokens / next(iter(inputs.values())), "E": moe.num_experts if moe else 1} | inputs

    def require_usable(self) -> None:
        """Refuse a law that cannot be right as printed, has no published coefficients, or does not say its N.

        Raises:
            InputError: With the reason.
        """
        self.require_consistent()
        if self.row.status == "form-only":
            raise InputError(f"law {self.row.name}: form-only, not for predictions: {self.row.notes}")
        if self.sizes and not self.own_size and self.row.n_convention not in self.sizes:
            raise InputError(
                f"law {self.row.name}: n_convention: must say what its N counts ({', '.join(self.sizes)}), got "
                f"{self.row.n_convention or 'nothing'}: fit again with --n-convention, or write it into the file"
            )

    def decades_beyond(self, arch: ArchSpec, tokens: Values) -> dict[str, Values]:
        """How far outside the fitted range a design lies: |log10| of the overshoot, by symbol; 0 inside.

        Symbols are those of ``row.range``, and what the row's domain bounds beside them, such as tokens per
        parameter.
        """
        placed = self.placed(arch, tokens)
        for symbol in self.row.range:
            if symbol not in placed:
                raise UnknownNameError(f"law {self.row.name}: range", symbol, placed)
        more = self.ranks.decades(arch, tokens, self.by)
        beside = {name: far for name, far in more.items() if ALIASES.get(name) not in self.row.range}
        return self.decades_outside(placed) | beside

    def without_range(self, arch: ArchSpec) -> tuple[str, ...]:
        """Variables, D among them, whose fitted range nobody stated: nothing says whether they are inside."""
        stated = {"E", *self.stated_elsewhere} if self.ranks.num_experts else {*self.stated_elsewhere}
        # D/N bounds both, N_act bounds N, 1 − S bounds S
        for symbol in self.row.range:
            stated |= {symbol, symbol.split("_")[0], symbol.removeprefix("1-"), *symbol.split("_over_")}
        return tuple(
            symbol for symbol in self.arch_inputs(arch, 1.0) if symbol not in stated | self.stated_elsewhere
        )

    def unstated(self, arch: ArchSpec) -> tuple[str, ...]:
        """What nobody stated about the runs, by name: then no design is known to be inside."""
        symbols = self.without_range(arch)
        return ((f"the range of {', '.join(symbols)}",) if symbols else ()) + self.judge(arch).unknown

    def band(self, loss: Values, arch: ArchSpec, tokens: Values) -> tuple[Values, Values]:
        """An interval of 90 % around a predicted loss, by the law's draws and scatter: :func:`loss_band`.

        Where a mapping reads the design, what it moves the loss by is added on both sides, so that the band covers
        both readings. NaN when neither the law's draws nor its fit error are known.

        Args:
            loss: Nats per token, such as that on repeated tokens; the draws move it as they move the law's own.
            arch: The design, or a grid of them.
            tokens: Training tokens.
        """
        decades = sum(self.decades_beyond(arch, tokens).values())
        many, drawn = self.with_draws(), None
        if many is not None:
            drawn = loss * np.asarray(many.arch_loss(arch, tokens)) / self.arch_loss(arch, tokens)
        low, high = loss_band(loss, self.row.rmse_log, decades, drawn)
        gap = self.reading_gap(arch, tokens)
        return low - gap, high + gap


class LossLaw(ArchLaw):
    """A law whose loss falls with training tokens as a power towards a floor."""

    @abstractmethod
    def curve(self, *args: Any, **variables: Any) -> TokenCurve:
        """Loss against tokens for a design given in the law's own variables."""

    def with_effect(self, name: str, train_flops: float = 0.0) -> "LossLaw | None":
        """The law with one more effect of :mod:`optimoe.laws.factors`; none where its family takes no effects.

        Args:
            name: Of the effect.
            train_flops: The training budget at which it is taken, where it moves with that.
        """
        return None

    def arch_curve(self, arch: ArchSpec) -> TokenCurve:
        """Loss against tokens of an architecture or a grid of them; NaN where the law may not rank a design.

        Raises:
            InputError: The law may rank none of them, or cannot be used for predictions.
        """
        self.require_usable()
        applicable = self.require_applicable(arch)
        curve = self.curve(**self.variables(arch))
        return curve if np.all(applicable) else replace(curve, floor=np.where(applicable, curve.floor, np.nan))

    def arch_loss(self, arch: ArchSpec, tokens: Values) -> Values:
        """Loss in nats per token: the design's curve at so many tokens."""
        return self.arch_curve(arch).loss(tokens)
