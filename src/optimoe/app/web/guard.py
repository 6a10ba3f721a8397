"""Who may ask, and what a browser may do with the answer."""

import hmac
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimoe.app.web.files import is_open
from optimoe.app.web.limits import WebLimits, is_loopback
from optimoe.app.web.work import told

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Of every answer: nothing from elsewhere, nothing kept unless it says so, nobody frames it."""


class Guard:
    """Refuses what is not for this server, before anything is read of it.

    A name that resolves to this machine but is not its own (DNS rebinding) shows in ``Host``; a page of another
    site in ``Origin``. Both are refused with 403, a missing or wrong token with 401.
    """

    def __init__(self, app: ASGIApp, limits: WebLimits) -> None:
        self.app, self.limits = app, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, text in HEADERS.items():
                    headers.setdefault(name, text)
            await send(message)

        status, why = self._refused(scope)
        app = refusal(status, why) if why else self.app
        await app(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> tuple[int, str]:
        """Status and reason of a refusal; an empty reason for none."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host):
            return 403, f"host: must be {self.limits.host} or localhost, got {host[:60]!r}"
        origin = headers.get("origin")
        if origin is not None and (urlsplit(origin).scheme, urlsplit(origin).netloc) != (scope["scheme"], host):
            return 403, f"origin: must be {scope['scheme']}://{host}, got {origin[:60]!r}"
        if self.limits.token and not is_open(scope["path"]):
            kind, _, token = headers.get("authorization", "").partition(" ")
            if kind.lower() != "bearer" or not hmac.compare_digest(token.encode(), self.limits.token.encode()):
                return 401, "authorization: must be Bearer and the token of this server"
        return 0, ""

    def _is_ours(self, host: str) -> bool:
        """Whether a ``Host`` is one of this server's; any is, where others may ask and have a token."""
        try:
            name, port = urlsplit(f"//{host}").hostname or "", urlsplit(f"//{host}").port
        except ValueError:
            return False
        if not self.limits.is_local:
            return bool(name)
        return is_loopback(name) and port in (self.limits.port, None)


def refusal(status: int, line: str, **headers: str) -> Response:
    """An answer that is one line on what is wrong."""
    return Response(told(line), status, {name.replace("_", "-"): text for name, text in headers.items()}, JSON)


JSON = "application/json"
