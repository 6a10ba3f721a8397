"""The page's files: what ships of it, by path, and nothing else."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from starlette.requests import Request
from starlette.responses import Response

KINDS = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "svg": "image/svg+xml",
}
"""Media types of what is served; files with other endings stand beside it unserved."""

START = "/"
"""Path of the page itself …"""
FOLDER = "/page/"
""" … and of all that it loads."""

SMALL_BYTES = 1024
"""A file of fewer is sent as it is."""


@dataclass(frozen=True, kw_only=True)
class PageFile:
    """One file of the page.

    Attributes:
        body: Its bytes.
        packed: The same, packed by gzip; empty where that gains nothing.
        kind: Its media type.
        tag: Names its content, so that a browser that has it is told so.
    """

    body: bytes
    packed: bytes
    kind: str
    tag: str


def is_open(path: str) -> bool:
    """Whether a path is of the page, which holds no answers and so needs no token."""
    return path == START or path.startswith(FOLDER)


async def page_file(request: Request) -> Response:
    """The file of a path that has one; 304 where the browser has it."""
    found = page_files()[request.url.path]
    headers = {"ETag": found.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
    if found.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if found.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, headers | {"Content-Encoding": "gzip"}, found.kind)
    return Response(found.body, 200, headers, found.kind)


@cache
def page_files() -> dict[str, PageFile]:
    """Every file that is served, by its path."""
    found = _below(files("optimoe.app.web") / "page", FOLDER)
    found |= _below(files("optimoe.report.pages") / "vendor", f"{FOLDER}vendor/")  # what reports hold too
    return found | {START: found.pop(f"{FOLDER}index.html")}


def _below(folder: Traversable, path: str) -> dict[str, PageFile]:
    """The files of a folder and of those in it."""
    found: dict[str, PageFile] = {}
    for one in folder.iterdir():
        kind = KINDS.get(one.name.rpartition(".")[2])
        if one.is_dir():
            found |= _below(one, f"{path}{one.name}/")
        elif kind:
            found[f"{path}{one.name}"] = _read(one.read_bytes(), kind)
    return found


def _read(body: bytes, kind: str) -> PageFile:
    tag = f'"{hashlib.sha256(body).hexdigest()[:20]}"'
    packed = gzip.compress(body, mtime=0) if len(body) >= SMALL_BYTES else b""
    return PageFile(body=body, packed=packed, kind=kind, tag=tag)
