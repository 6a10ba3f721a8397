"""Sentences, labelled lines and tables as a piece of a page, for a notebook."""

from html import escape

from optimoe.report.words.lines import Blocks, Lines, Table


def blocks_html(blocks: Blocks) -> str:
    """An answer from top to bottom, without a style of its own but the alignment of numbers."""
    return "\n".join(_block(block) for block in blocks if block)


def _block(block: str | Lines | Table) -> str:
    if isinstance(block, str):
        return f"<p><strong>{escape(block)}</strong></p>"
    return _table(block) if isinstance(block, Table) else _lines(block)


def _lines(lines: Lines) -> str:
    rows = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{escape(label)}</th>'
        f'<td style="text-align:left">{escape(text)}</td></tr>'
        for label, text in lines
    )
    return f"<table>{rows}</table>"


def _table(table: Table) -> str:
    heads, *rows = table.rows
    left = {0, *(i for i, head in enumerate(heads) if head in table.words)}

    def cells(row: tuple[str, ...], tag: str) -> str:
        sides = ["left" if i in left else "right" for i in range(len(row))]
        written = (
            f'<{tag} style="text-align:{side}">{escape(cell)}</{tag}>'
            for side, cell in zip(sides, row, strict=True)
        )
        return f"<tr>{''.join(written)}</tr>"

    caption = f'<caption style="text-align:left">{escape(table.title)}</caption>' if table.title else ""
    return f"<table>{caption}{cells(heads, 'th')}{''.join(cells(row, 'td') for row in rows)}</table>"
