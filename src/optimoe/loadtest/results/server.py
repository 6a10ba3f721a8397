"""What a server tells of itself before it is put under load."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Server:
    """What is known of a server before it is put under load.

    Attributes:
        model: The name that requests state.
        engine, version: As it tells; empty where it does not.
        ignores_eos: Whether it knows ``ignore_eos`` and ``min_tokens``.
        tells_usage: Whether it knows ``stream_options``.
        tokens_per_word: Of its tokenizer on our words.
        tokens_around: Of a prompt without words: what a chat's template adds.
    """

    model: str
    engine: str = ""
    version: str = ""
    ignores_eos: bool = True
    tells_usage: bool = True
    tokens_per_word: float = 1.0
    tokens_around: float = 0.0

    @property
    def engine_told(self) -> tuple[str, str]:
        """Engine and version, as it tells them."""
        return self.engine, self.version
