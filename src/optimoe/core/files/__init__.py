"""Files in and out: texts written whole or not at all, and tables of delimited text as people have them."""

from optimoe.core.files.owned import require_owned, write_owned
from optimoe.core.files.writing import remove_file, write_text

__all__ = ["remove_file", "require_owned", "write_owned", "write_text"]
