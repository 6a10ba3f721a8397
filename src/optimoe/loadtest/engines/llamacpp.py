"""llama.cpp's server in a process of its own: ``python -m optimoe.loadtest.engines.llamacpp MODEL.gguf …``."""

import argparse
import sys
from collections.abc import Sequence

WARNINGS = 2
"""llama.cpp's level of what it prints: by default it prints a dozen lines for each request."""


def main(words: Sequence[str] | None = None) -> None:
    """Serve a file until the standard input ends, as it does where the process that started this one is gone.

    The context is of each request: llama.cpp divides its own by the requests that it works on at once. Threads
    beside the first sleep while they wait for each other. By default they spin, and where another program wants
    the core, each product then waits for the end of its time slice.
    """
    import xllamacpp

    asked = _parser().parse_args(words)
    how = xllamacpp.CommonParams()
    how.model.path, how.hostnames, how.port = asked.model, [asked.host], asked.port
    how.n_parallel, how.n_ctx, how.kv_unified = asked.requests, asked.requests * asked.context, False
    for part in (how.cpuparams, how.cpuparams_batch):
        part.n_threads, part.poll = asked.threads, 0
    how.verbosity = WARNINGS
    if asked.device == "cpu":
        how.n_gpu_layers = 0
    try:
        server = xllamacpp.Server(how)
    except RuntimeError as error:  # why stands in the lines that it has printed
        sys.exit(str(error))
    sys.stdin.buffer.read()
    del server


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m optimoe.loadtest.engines.llamacpp")
    parser.add_argument("model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--host", default="127.0.0.1")
    for name in ("port", "requests", "context", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    return parser


if __name__ == "__main__":
    main()
