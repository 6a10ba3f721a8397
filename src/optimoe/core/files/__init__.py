"""Files in and out: texts written whole or not at all, lines that are appended, and tables as people have them."""

from optimoe.core.files.lines import append_json_line, append_json_lines
from optimoe.core.files.owned import require_owned, write_owned
from optimoe.core.files.reading import JsonLines, read_json_lines
from optimoe.core.files.writing import remove_file, write_bytes, write_text

__all__ = [
    "JsonLines",
    "append_json_line",
    "append_json_lines",
    "read_json_lines",
    "remove_file",
    "require_owned",
    "write_bytes",
    "write_owned",
    "write_text",
]
