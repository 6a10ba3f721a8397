"""How much a server of the API does, and for whom."""

import ipaddress
from dataclasses import dataclass

from optimoe.core.errors import require, require_positive


@dataclass(frozen=True, kw_only=True)
class WebLimits:
    """What one server takes on.

    Attributes:
        host: Address at which it listens.
        port: Port; 0 takes a free one.
        token: What a request must hold as ``Authorization: Bearer``; empty asks for none.
        workers: Processes that answer, one question each at a time.
        waiting: Questions that may wait for one; more are refused with 429. A page asks one at a time or two, so
            that some fifty users wait a little, and none is refused.
        answer_s: Seconds after which a question is given up with 504, and its process is ended.
        body_bytes: Of the largest body; a larger one is refused with 413.
        kept_bytes: Of answers that are kept for those who ask the same.

    Raises:
        ConfigError: A number is out of limits, or other machines may ask without a token.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    token: str = ""
    workers: int = 2
    waiting: int = 64
    answer_s: float = 60.0
    body_bytes: int = 1 << 20
    kept_bytes: int = 32 << 20

    def __post_init__(self) -> None:
        require_positive(self, "workers", "answer_s", "body_bytes")
        require(self.kept_bytes >= 0, "kept_bytes", "zero or more", self.kept_bytes)
        require(0 <= self.port < 65_536, "port", "0 to 65535", self.port)
        require(self.waiting >= 0, "waiting", "zero or more", self.waiting)
        require(bool(self.token) or self.is_local, "token", "stated where other machines may ask", "none")

    @property
    def is_local(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: its own name, or an address that never leaves it."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
