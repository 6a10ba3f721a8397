"""Text into token ids: bytes as they are, or a ``tokenizer.json`` of the ``tokenizers`` library."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from optimoe.core.errors import ConfigError, InputError, require
from optimoe.core.files import write_text
from optimoe.core.records import to_json

BYTES = "bytes"
"""The tokenizer that needs no file: a token is a byte of UTF-8, and 256 ends a text."""

LEARNED = "bpe:"
"""What the name of a tokenizer that is to be learned begins with: ``bpe:SIZE``."""

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


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """The narrowest type that holds every id."""
    return np.dtype("<u2" if vocab_size <= 1 << 16 else "<u4")


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

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Ids of each text, as :func:`token_dtype` has them, without any that the text does not hold."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids; what is no valid UTF-8 becomes U+FFFD."""
        ...

    def save(self, folder: Path) -> None:
        """Write it into a folder as ``tokenizer.json``, which the ``tokenizers`` library reads; bytes too."""
        ...


class ByteTokenizer:
    """A token is a byte of UTF-8; see :class:`Tokenizer`."""

    name, vocab_size, end_of_text = BYTES, 257, 256

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """The bytes of each text."""
        wide = token_dtype(self.vocab_size)
        return [np.frombuffer(text.encode("utf-8", errors="replace"), np.uint8).astype(wide) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of bytes, without ends of texts."""
        return bytes(one for one in ids if one < self.end_of_text).decode("utf-8", errors="replace")

    def save(self, folder: Path) -> None:
        """Write a byte-level tokenizer without merges, whose ids are the same, as ``tokenizer.json``."""
        letters = {letter: byte for byte, letter in enumerate(_letters())}
        library = _byte_level(letters)
        library.add_special_tokens([END_WORDS[0]])
        _save(library, folder / TOKENIZER_FILE)


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
            self._library: Any = Library.from_buffer(path.read_bytes())  # from_file() raises a bare Exception
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as a tokenizer ({error})") from None
        self.name = str(path)
        self.vocab_size = int(self._library.get_vocab_size())
        self.end_of_text = _end_of_text(self._library, path)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Ids of each text, in parallel."""
        wide = token_dtype(self.vocab_size)
        # without the offsets of each token in its text, which the library would count
        encoded = self._library.encode_batch_fast(list(texts), add_special_tokens=False)
        return [np.array(one.ids, wide) for one in encoded]

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, without ends of texts."""
        return str(self._library.decode([int(one) for one in ids]))

    def save(self, folder: Path) -> None:
        """Write the tokenizer as ``tokenizer.json``."""
        _save(self._library, folder / TOKENIZER_FILE)

    @property
    def content(self) -> dict[str, Any]:
        """What its ``tokenizer.json`` holds."""
        table: dict[str, Any] = json.loads(self._library.to_str())
        return table

    def save_pretrained(self, folder: Path) -> None:
        """Write what ``AutoTokenizer`` and ``generate`` of ``transformers`` read.

        As in every corpus, the id that ends a text is put before it too: :data:`END_WORDS`.
        """
        from tokenizers.processors import TemplateProcessing

        end = str(self._library.id_to_token(self.end_of_text))
        library = type(self._library).from_str(self._library.to_str())
        library.post_processor = TemplateProcessing(
            single=[end, "$A"], pair=[end, "$A", end, "$B"], special_tokens=[(end, self.end_of_text)]
        )
        _save(library, folder / TOKENIZER_FILE)
        words = {"bos_token": end, "eos_token": end, "clean_up_tokenization_spaces": False}
        stated = {"tokenizer_class": "PreTrainedTokenizerFast"} | words
        write_text(folder / "tokenizer_config.json", to_json(stated) + "\n")
        ids = {"bos_token_id": self.end_of_text, "eos_token_id": self.end_of_text}
        write_text(folder / "generation_config.json", to_json(ids) + "\n")


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
        wanted = f"{BYTES}, {LEARNED}SIZE, a {TOKENIZER_FILE} or a folder with one"
        raise InputError(f"tokenizer: must be {wanted}, got {name!r}")
    return FileTokenizer(path)


def learned_size(name: str) -> int:
    """Ids of a tokenizer that is to be learned, from its name ``bpe:SIZE``; 0 of any other.

    Raises:
        ConfigError: The size is no whole number.
    """
    size = name.removeprefix(LEARNED)
    if size == name:
        return 0
    require(size.isdecimal(), "tokenizer", f"{LEARNED}SIZE with a whole number", name)
    return int(size)


def train_tokenizer(texts: Iterable[str], vocab_size: int, path: Path) -> FileTokenizer:
    """A byte-level BPE tokenizer of a vocabulary, learned from texts and written to a file.

    Args:
        texts: To learn from.
        vocab_size: Ids in all, the 256 bytes and the end of a text among them.
        path: Where ``tokenizer.json`` is written.

    Raises:
        ConfigError: The vocabulary is smaller than its bytes.
    """
    from tokenizers.trainers import BpeTrainer

    require(
        vocab_size >= ByteTokenizer.vocab_size, "vocab_size", f"{ByteTokenizer.vocab_size} or more", vocab_size
    )
    library = _byte_level({})
    how = BpeTrainer(
        vocab_size=vocab_size, special_tokens=[END_WORDS[0]], initial_alphabet=_letters(), show_progress=False
    )
    library.train_from_iterator(_some(texts), how)
    _save(library, path)
    return FileTokenizer(path)


def _byte_level(vocabulary: Mapping[str, int]) -> Any:
    """A byte-level BPE tokenizer of the library, without merges."""
    from tokenizers import Tokenizer as Library
    from tokenizers import decoders, models, pre_tokenizers

    library: Any = Library(models.BPE(vocab=dict(vocabulary), merges=[]))
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    return library


def _letters() -> list[str]:
    """The letter that byte-level tokenizers write each byte as (Radford et al. 2019, GPT-2).

    Its own in Latin-1, or the next from U+0100 on where that is not printed.
    """
    printed = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = count(0x100)
    return [chr(byte if byte in printed else next(others)) for byte in range(256)]


def _save(library: Any, path: Path) -> None:
    write_text(path, library.to_str(pretty=True) + "\n")


def _some(texts: Iterable[str], most_characters: int = 100_000_000) -> Iterator[str]:
    """Texts up to a number of characters: merges are settled by the first 100 MB (assumed)."""
    seen = 0
    for text in texts:
        if seen > most_characters:
            return
        seen += len(text)
        yield text
