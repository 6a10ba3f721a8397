"""``optimoe web``: the answers over HTTP."""

import os
import webbrowser

from optimoe.app.cli.printing import print_lines
from optimoe.inputs.web import WebRequest


def web(request: WebRequest = WebRequest()) -> None:  # noqa: B008 (frozen)
    """Answer over HTTP what the command line answers, as a page and a JSON API, until Ctrl-C."""
    request.require_installed()
    from optimoe.app.web.limits import WebLimits, is_loopback
    from optimoe.app.web.openapi import PREFIX
    from optimoe.app.web.serve import serve

    limits = WebLimits(
        host=request.host,
        port=request.port,
        token=request.token(needed=not is_loopback(request.host)),
        workers=request.workers or os.cpu_count() or 1,
        answer_s=request.answer_time,
    )

    def begun(address: str) -> None:
        drawn = limits.token if not request.token_variable else ""
        page = f"{address}/{f'#token={drawn}' if drawn else ''}"
        lines = [
            ("Page", page),
            ("API", f"{address}{PREFIX}, described in {address}{PREFIX}/openapi.json"),
        ]
        if drawn:
            lines.append(("Token", f"{limits.token}, in the header Authorization: Bearer"))
        print_lines(lines)
        if request.open:
            webbrowser.open(page)

    serve(limits, begun)
