"""Runs the server until Ctrl-C."""

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import uvicorn

from optimoe.app.web.limits import WebLimits
from optimoe.app.web.site import site
from optimoe.core.errors import ConfigError

SHUTDOWN_S = 5
"""Seconds that questions have to end at Ctrl-C."""


def serve(limits: WebLimits, begun: Callable[[str], None]) -> None:
    """Answer until Ctrl-C or SIGTERM.

    Args:
        limits: Where, for whom and how much.
        begun: Is told the address when it listens.

    Raises:
        ConfigError: The address cannot be listened at.
    """
    family = socket.AF_INET6 if ":" in limits.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((limits.host.strip("[]"), limits.port))
        except OSError as error:
            raise ConfigError(
                f"port: must be free at {limits.host} ({error.strerror}), got {limits.port}"
            ) from None
        limits = replace(limits, port=listener.getsockname()[1])
        config = uvicorn.Config(
            site(limits),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_keep_alive=5,
            timeout_graceful_shutdown=SHUTDOWN_S,
        )
        server = uvicorn.Server(config)
        listener.listen(128)
        begun(f"http://{limits.host}:{limits.port}")
        with suppress(KeyboardInterrupt):  # which is how it is meant to end
            server.run(sockets=[listener])
