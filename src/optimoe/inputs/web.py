"""The request of ``optimoe web``: where the API listens, and how much it does."""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from secrets import token_urlsafe

from cyclopts import Parameter

from optimoe.core.errors import InputError
from optimoe.inputs.quantities import Flag, Seconds


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class WebRequest:
    """The answers of this command line over HTTP, on this machine unless stated otherwise."""

    host: str = "127.0.0.1"
    """Address to listen at; elsewhere than on this machine, requests need a token."""
    port: int = 8080
    """Port; 0 takes a free one."""
    token_variable: str = ""
    """Environment variable that holds the token of requests; left out, one is drawn where one is needed."""
    workers: int = 0
    """Processes that answer; left out, one to a core."""
    answer_time: Seconds = 60.0
    """A question that takes longer is given up."""
    open: Flag = False
    """Show the page in the browser of this machine."""

    def token(self, needed: bool) -> str:
        """The token that requests must hold; empty where none is needed or stated.

        Raises:
            InputError: The variable is not set.
        """
        if not self.token_variable:
            return token_urlsafe(24) if needed else ""
        token = os.environ.get(self.token_variable, "")
        if not token:
            raise InputError(f"token_variable: {self.token_variable} is not set in the environment")
        return token

    def require_installed(self) -> None:
        """Check that a server is at hand.

        Raises:
            InputError: It is not.
        """
        for name in ("starlette", "uvicorn"):
            if find_spec(name) is None:
                raise InputError(f"web: needs {name} (pip install 'optimoe[web]')")
