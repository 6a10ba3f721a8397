"""One connection: its bytes are stamped at once, and parsed in small portions between two polls."""

import asyncio
import math
from array import array
from collections import deque
from collections.abc import Callable

import httptools

from optimoe.loadtest.client.clock import StampedSelector, StampedSocket, now
from optimoe.loadtest.client.exchange import HttpExchange

PORTION = 16
"""Pieces that are parsed between two polls: some 0.3 ms, so that stamps do not wait for what came before."""


class Intake:
    """Pieces of bytes of all connections, in the order in which they were read, that wait to be parsed.

    Attributes:
        delays_s: How long each had lain ready before it was read.
        by_kernel: How many of them the kernel has stamped.
    """

    def __init__(self, selector: StampedSelector) -> None:
        self.delays_s, self.by_kernel = array("d"), 0
        self._selector = selector
        self._waiting: deque[tuple[Connection, float, bytes]] = deque()

    def add(self, connection: "Connection", piece: bytes) -> None:
        """Stamp a piece, by the kernel or else by the poll; an empty one is the end of the connection."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._parse)
        wait_s = connection.socket.wait_s if connection.socket is not None and piece else math.nan
        if math.isnan(wait_s):
            stamp, wait_s = self._selector.stamp, self._selector.wait_s
        else:
            stamp, self.by_kernel = now() - wait_s, self.by_kernel + 1
        self.delays_s.append(wait_s)
        self._waiting.append((connection, stamp, piece))

    def _parse(self) -> None:
        for _ in range(min(PORTION, len(self._waiting))):
            connection, stamp, piece = self._waiting.popleft()
            connection.parse(piece, stamp)
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._parse)


class Connection(asyncio.Protocol):
    """A connection to the endpoint, with at most one exchange at a time.

    Attributes:
        socket: What stamps its bytes, if anything does.
        exchange: The one under way.
        is_open: Whether it can carry another.
        carried: Exchanges that have ended on it.
    """

    def __init__(
        self,
        intake: Intake,
        when_free: "Callable[[Connection], None]",
        socket: StampedSocket | None = None,
    ) -> None:
        self.socket = socket
        self.exchange: HttpExchange | None = None
        self.is_open, self.carried = False, 0
        self._intake, self._when_free = intake, when_free
        self._transport: asyncio.Transport | None = None
        self._content_type, self._until_close = b"", True
        self._stamp = 0.0
        self._parser = httptools.HttpResponseParser(self)

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which writes."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self.is_open = transport, True

    def data_received(self, data: bytes) -> None:
        """Stamp bytes; they are parsed later."""
        self._intake.add(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, behind the bytes that came before."""
        self.is_open = False
        self._intake.add(self, b"")

    # what the client calls

    def send(self, exchange: HttpExchange) -> None:
        """Send the request of an exchange."""
        assert self._transport is not None
        self.exchange = exchange
        exchange.sending(now())
        self._transport.write(exchange.request)

    def close(self) -> None:
        """Close it; nothing more is read."""
        self.is_open, self.exchange = False, None
        if self._transport is not None:
            self._transport.abort()

    def parse(self, piece: bytes, stamp: float) -> None:
        """Parse a piece that came at a time, or see to the end of the connection."""
        exchange = self.exchange
        if not piece:
            self._ended(stamp)
            return
        if exchange is None:  # an answer to nothing, or what follows one that was given up
            return
        if not exchange.begun:
            exchange.first_byte_s = stamp
        self._stamp = stamp
        try:
            self._parser.feed_data(piece)
        except httptools.HttpParserCallbackError as error:
            raise error.__context__ or error from None
        except httptools.HttpParserError as error:
            exchange.finish(stamp, "not_http", str(error))
            self.close()
        else:
            if exchange.answer.done and self.exchange is exchange:  # the end mark: no more is waited for
                exchange.finish(stamp)

    def _ended(self, stamp: float) -> None:
        """See to the end of the connection: it ends a body without a length, and cuts any other short."""
        exchange, self.exchange = self.exchange, None
        if exchange is None:
            return
        if exchange.status and self._until_close:
            exchange.finish(stamp)
        else:
            exchange.finish(stamp, "closed", "the server closed the connection before the end of the answer")

    # what httptools calls

    def on_message_begin(self) -> None:
        """Forget the head of the answer before."""
        self._content_type, self._until_close = b"", True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep the type of the content, and whether its end is stated."""
        name = name.lower()
        if name == b"content-type":
            self._content_type = value.strip().lower()
        elif name in (b"content-length", b"transfer-encoding"):
            self._until_close = False

    def on_headers_complete(self) -> None:
        """Tell the exchange of its head."""
        if self.exchange is not None:
            self.exchange.head(self._parser.get_status_code(), self._content_type)

    def on_body(self, body: bytes) -> None:
        """Give a piece of the body to the exchange, with the stamp of the bytes that it came in."""
        if self.exchange is not None:
            self.exchange.take(body, self._stamp)

    def on_message_complete(self) -> None:
        """End the exchange, and offer the connection for the next one."""
        exchange, self.exchange = self.exchange, None
        self.carried += 1
        if exchange is not None:
            exchange.finish(self._stamp)
        if self.is_open and self._parser.should_keep_alive():
            self._when_free(self)
        else:
            self.close()
