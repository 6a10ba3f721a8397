"""The connections to an endpoint, and exchanges over them."""

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from optimoe.core.errors import InputError
from optimoe.loadtest.client.clock import StampedSelector, StampedSocket, now
from optimoe.loadtest.client.connection import Connection, Intake
from optimoe.loadtest.client.exchange import HttpExchange
from optimoe.loadtest.workload import Endpoint

OPENING_S = 30.0
"""A connection that takes longer to open is given up."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """The place that requests go to.

    Attributes:
        host, port: Of the server.
        tls: Whether the connection is encrypted.
        root: Path before ``/v1``.
        key: API key; empty for none.
    """

    host: str
    port: int
    tls: bool
    root: str
    key: str

    @classmethod
    def of(cls, endpoint: Endpoint) -> "Address":
        """The address of an endpoint, with its key.

        Raises:
            InputError: There is no host or port in it, or the variable of the key is not set.
        """
        parts = urlsplit(endpoint.url)
        try:
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InputError(f"url: {endpoint.url}: {error}") from None
        if not host or parts.query or parts.username:
            raise InputError(f"url: must be like http://127.0.0.1:8000, got {endpoint.url}")
        key = os.environ.get(endpoint.key_variable, "") if endpoint.key_variable else ""
        if endpoint.key_variable and not key:
            raise InputError(f"key_variable: {endpoint.key_variable} is not set in the environment")
        tls = parts.scheme == "https"
        root = parts.path.rstrip("/").removesuffix("/v1")
        return cls(host=host, port=port or (443 if tls else 80), tls=tls, root=root, key=key)

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """The bytes of a request to a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        head = [
            f"{method} {self.root}{path} HTTP/1.1",
            f"Host: {host}:{self.port}",
            "User-Agent: optimoe",
            "Accept: text/event-stream, application/json",
            *([f"Authorization: Bearer {self.key}"] if self.key else []),
            *(["Content-Type: application/json", f"Content-Length: {len(body)}"] if method == "POST" else []),
        ]
        return "\r\n".join([*head, "", ""]).encode() + body


class Client:
    """Exchanges with one endpoint; a connection whose exchange is over carries the next one.

    Attributes:
        address: Of the endpoint.
    """

    def __init__(self, address: Address, selector: StampedSelector, timeout_s: float) -> None:
        self.address = address
        self._intake, self._timeout_s = Intake(selector), timeout_s
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._all: set[Connection] = set()
        self._context = ssl.create_default_context() if address.tls else None

    async def get(self, path: str) -> HttpExchange:
        """What the endpoint says at a path."""
        exchange, _ = await self.send("GET", path)
        return exchange

    async def post(self, path: str, body: object) -> tuple[HttpExchange, int]:
        """Send a JSON body to a path.

        Returns:
            The exchange when it is over, well or not, and how often it was sent again.
        """
        return await self.send("POST", path, msgspec.json.encode(body))

    async def send(self, method: str, path: str, body: bytes = b"") -> tuple[HttpExchange, int]:
        """Send a request, and again over another connection where a kept one was closed before a byte came back.

        Returns:
            The exchange when it is over, well or not, and how often it was sent again.
        """
        request = self.address.request(method, path, body)
        again = 0
        while True:
            exchange = HttpExchange(request)
            try:
                connection = self._kept() or await self._opened()
            except OSError as error:
                exchange.finish(now(), *_unreachable(error))
                return exchange, again
            kept = connection.carried > 0
            self._busy.add(connection)
            connection.send(exchange)
            try:
                async with asyncio.timeout(self._timeout_s):
                    await exchange.over.wait()
            except TimeoutError:
                exchange.finish(now(), "timeout", f"not over after {self._timeout_s:g} s")
                connection.close()
            finally:
                self._busy.discard(connection)
            if not (kept and exchange.error == "closed" and not exchange.begun):
                return exchange, again
            again += 1

    @property
    def delays_s(self) -> Sequence[float]:
        """How long what came had lain ready before it was read, in the order of reading."""
        return self._intake.delays_s

    @property
    def by_kernel(self) -> bool:
        """Whether the kernel has stamped what came."""
        return self._intake.by_kernel > 0

    def cancel(self) -> None:
        """End what is under way; each exchange says so."""
        for connection in tuple(self._busy):
            if connection.exchange is not None:
                connection.exchange.finish(now(), "cancelled", "given up when the measurement ended")
            connection.close()

    async def close(self) -> None:
        """Close every connection there is."""
        self.cancel()
        for connection in self._all:
            connection.close()
        await asyncio.sleep(0)  # the loop closes sockets in its next turn

    def _kept(self) -> Connection | None:
        """A connection that is free, the one used last."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _opened(self) -> Connection:
        """A new connection, to the first of the host's addresses that takes one.

        Raises:
            OSError: It cannot be opened.
        """
        loop, at = asyncio.get_running_loop(), self.address
        async with asyncio.timeout(OPENING_S):  # a TimeoutError is an OSError
            known = await loop.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)
            for number, (family, kind, protocol, _, place) in enumerate(known, 1):
                opened = StampedSocket(family, kind, protocol)
                opened.setblocking(False)
                opened.stamp()
                try:
                    await loop.sock_connect(opened, place)
                except BaseException as error:
                    opened.close()
                    if number == len(known) or not isinstance(error, OSError):
                        raise
                    continue
                break
            _, connection = await loop.create_connection(
                lambda: Connection(self._intake, self._idle.append, opened),
                sock=opened,
                ssl=self._context,
                server_hostname=at.host if at.tls else None,
            )
        self._all = {one for one in self._all if one.is_open} | {connection}
        return connection


def _unreachable(error: OSError) -> tuple[str, str]:
    """A connection that could not be opened, as a word and what the system says of it."""
    if isinstance(error, ConnectionRefusedError):
        return "refused", "nothing listens at the address"
    if isinstance(error, ssl.SSLError):
        return "tls", str(error)
    if isinstance(error, TimeoutError):
        return "unreachable", f"no connection within {OPENING_S:g} s"
    return "unreachable", error.strerror or str(error)
