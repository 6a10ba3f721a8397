"""Text into token ids: bytes as they are, or a ``tokenizer.json`` of the ``tokenizers`` library."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from optimoe.core.errors import ConfigError, InputError, require

BYTES = "bytes"
"""The tokenizer that needs no file: a token is a byte of UTF-8, and 256 ends a text."""

END_WORDS = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|im_end|>",
    "<|end▁of▁sentence|>",
    "<|eot_id|>",
)
"""What tokenizers call the end of a text, the first of which that one knows is taken."""

TOKENIZER_FILE = "tokenizer.json"


class Tokenizer(Protocol):
    """What turns text into ids and back.

    Attributes:
        name: ``bytes``, or the file.
        vocab_size: Number of ids.
        end_of_text: The id that stands before each document, and so after the one before it.
    """

    name: str
    vocab_size: int
    end_of_text: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without any that the text does not hold."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; what is no valid UTF-8 becomes U+FFFD."""
        ...

    def save(self, folder: Path) -> None:
        """Write what :func:`find_tokenizer` reads into a folder; bytes need nothing."""
        ...


class ByteTokenizer:
    """A token is a byte of UTF-8; see :class:`Tokenizer`."""

    name, vocab_size, end_of_text = BYTES, 257, 256

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The bytes of each text."""
        return [list(text.encode("utf-8", errors="replace")) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of bytes, without ends of texts."""
        return bytes(one for one in ids if one < self.end_of_text).decode("utf-8", errors="replace")

    def save(self, folder: Path) -> None:
        """Bytes need no file."""


class FileTokenizer:
    """A tokenizer of the ``tokenizers`` library; see :class:`Tokenizer`.

    Args:
        path: Its ``tokenizer.json``.

    Raises:
        InputError: The file cannot be read.
        ConfigError: It knows none of :data:`END_WORDS`.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Library

        try:
            self._library: Any = Library.from_file(str(path))
        except Exception as error:  # noqa: BLE001 (the library raises nothing narrower)
            raise InputError(f"{path}: cannot be read as a tokenizer ({error})") from None
        self.name = str(path)
        self.vocab_size = int(self._library.get_vocab_size())
        self.end_of_text = _end_of_text(self._library, path)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, in parallel."""
        return [one.ids for one in self._library.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without ends of texts."""
        return str(self._library.decode([int(one) for one in ids]))

    def save(self, folder: Path) -> None:
        """Write the tokenizer as ``tokenizer.json``."""
        self._library.save(str(folder / TOKENIZER_FILE))


def _end_of_text(library: Any, path: Path) -> int:
    """The id that ends a text.

    Raises:
        ConfigError: There is no word for it.
    """
    for word in END_WORDS:
        found = library.token_to_id(word)
        if found is not None:
            return int(found)
    raise ConfigError(f"{path}: must know a token that ends a text, one of {', '.join(END_WORDS)}")


def find_tokenizer(name: str) -> Tokenizer:
    """A tokenizer by name: ``bytes``, a ``tokenizer.json``, or a folder with one.

    Raises:
        InputError: There is no such file, or it cannot be read.
        ConfigError: It knows no end of a text.
    """
    if name == BYTES:
        return ByteTokenizer()
    path = Path(name)
    path = path / TOKENIZER_FILE if path.is_dir() else path
    if not path.exists():
        raise InputError(f"tokenizer: must be {BYTES}, a {TOKENIZER_FILE} or a folder with one, got {name!r}")
    return FileTokenizer(path)


def train_tokenizer(texts: Iterable[str], vocab_size: int, path: Path) -> FileTokenizer:
    """A byte-level BPE tokenizer of a vocabulary, learned from texts and written to a file.

    Args:
        texts: To learn from.
        vocab_size: Ids in all, the 256 bytes and the end of a text among them.
        path: Where ``tokenizer.json`` is written.

    Raises:
        ConfigError: The vocabulary is smaller than its bytes.
    """
    from tokenizers import Tokenizer as Library
    from tokenizers import decoders, models, pre_tokenizers, trainers

    require(
        vocab_size >= ByteTokenizer.vocab_size, "vocab_size", f"{ByteTokenizer.vocab_size} or more", vocab_size
    )
    library: Any = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    how = trainers.BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END_WORDS[0]], initial_alphabet=alphabet, show_progress=False
    )
    library.train_from_iterator(_some(texts), how)
    path.parent.mkdir(parents=True, exist_ok=True)
    library.save(str(path))
    return FileTokenizer(path)


def _some(texts: Iterable[str], most_characters: int = 100_000_000) -> Iterator[str]:
    """Texts up to a number of characters: merges are settled by the first 100 MB (assumed)."""
    seen = 0
    for text in texts:
        if seen > most_characters:
            return
        seen += len(text)
        yield text
