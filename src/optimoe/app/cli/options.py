"""What commands share: ``--json``, ``--quiet``, ``--config``, ``--page``, and how options come from a file."""

from collections.abc import Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

JsonFlag = Annotated[bool, Parameter(negative="", help="One JSON object instead of text.")]
"""``--json``."""
QuietFlag = Annotated[
    bool, Parameter(negative="", help="Print the lines that decide and nothing else; files are written.")
]
"""``--quiet``."""
ConfigFile = Annotated[
    Path | None, Parameter(help="TOML or JSON file of these options, with underscores; the command line wins.")
]
"""``--config``."""
PageFile = Annotated[
    Path | None, Parameter(help="Write a page here: figures, tables and sources in one file that opens offline.")
]
"""``--page``."""


def fill_from_file(app: Any, commands: Sequence[str], arguments: Any) -> None:
    """Give the options that are left out the values of the file that ``--config`` names.

    cyclopts calls it between the words of the command line and the request that is made of them. The file is read
    as a request over the web would be, by the fields of the command's request.

    Raises:
        ConfigError: The file cannot be read, or a value is of the wrong type.
        UnknownNameError: A key is no option of the command; lists the nearest.
    """
    by_option = {argument.names[0]: argument for argument in arguments}
    config = by_option.get("--config")
    if config is None or not config.tokens:
        return
    from optimoe.core.config import load_table
    from optimoe.inputs.tables import read_values

    path = Path(config.tokens[0].value)
    (request,) = (
        one.hint for one in arguments if isinstance(one.hint, type) and is_dataclass(one.hint) and not one.keys
    )
    for name, value in read_values(request, load_table(path), where=str(path)).items():
        argument = by_option[f"--{name.replace('_', '-')}"]
        if not argument.tokens:
            argument.append(Token(keyword=name, source=str(path), implicit_value=value))
