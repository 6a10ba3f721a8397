"""The application: every question, its description, the page, and processes that answer."""

from functools import partial

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from optimoe.app.web.desk import Desk
from optimoe.app.web.files import page_file, page_files
from optimoe.app.web.guard import HEADERS, JSON, Guard, refusal
from optimoe.app.web.limits import WebLimits
from optimoe.app.web.openapi import PREFIX, openapi_text, questions_text
from optimoe.app.web.questions import QUESTIONS, REPORTS
from optimoe.app.web.work import told


class TooLargeError(Exception):
    """A body has more bytes than are read."""


def site(limits: WebLimits) -> Starlette:
    """The API and its page as an ASGI application."""
    desk = Desk(limits)

    async def ask(name: str, request: Request) -> Response:
        if request.headers.get("content-type", JSON).partition(";")[0].strip().lower() != JSON:
            return refusal(415, f"content-type: must be {JSON}")
        try:
            body = await body_of(request, limits.body_bytes)
        except TooLargeError:
            return refusal(413, f"body: must be at most {limits.body_bytes} bytes")
        except ClientDisconnect:
            return Response(status_code=400)
        return await desk.answer(name, body, partial(gone, request))

    async def described(request: Request) -> Response:
        made = openapi_text if request.url.path.endswith("openapi.json") else questions_text
        return Response(await to_thread.run_sync(made), media_type=JSON)

    async def unknown(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refusal(error.status_code, f"{request.url.path[:100]}: {error.detail.lower()}", **_allowed(error))

    async def failed(request: Request, error: Exception) -> Response:
        return Response(
            told("the server failed; its log says where"), 500, HEADERS, JSON
        )  # the log has the traceback

    asked = [Route(f"{PREFIX}/{name}", partial(ask, name), methods=["POST"]) for name in (*QUESTIONS, *REPORTS)]
    page = [Route(path, page_file) for path in page_files()]
    return Starlette(
        routes=[
            *asked,
            *(Route(f"{PREFIX}/{name}", described) for name in ("openapi.json", "questions.json")),
            *page,
        ],
        middleware=[Middleware(Guard, limits=limits)],
        exception_handlers={HTTPException: unknown, Exception: failed},
    )


async def gone(request: Request) -> None:
    """Wait until whoever asked has gone; the body was read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request, of which no more is read than may be there.

    Raises:
        TooLargeError: It is longer.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise TooLargeError
    return bytes(body)


def _allowed(error: HTTPException) -> dict[str, str]:
    return {"Allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else {}
