"""What people's files hold: texts, JSON, TOML, and tables row by row; whatever is wrong with one is one line."""

from optimoe.core.files.reading.delimited import DelimitedText
from optimoe.core.files.reading.grammar import GrammarError, parse_json, parse_toml
from optimoe.core.files.reading.lines import JsonLines, parse_object, placed_lines, read_json_lines
from optimoe.core.files.reading.text import Source, read_text

__all__ = [
    "DelimitedText",
    "GrammarError",
    "JsonLines",
    "Source",
    "parse_json",
    "parse_object",
    "parse_toml",
    "placed_lines",
    "read_json_lines",
    "read_text",
]
