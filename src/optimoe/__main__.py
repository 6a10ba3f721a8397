"""The command ``optimoe``, also as ``python -m optimoe``: Ctrl-C is answered from the first import on."""

import sys

INTERRUPTED = 130
"""What a shell shows of a process that Ctrl-C has ended."""


def main() -> None:
    """Load the command line and run it."""
    try:
        from optimoe.app.main import main as run

        run()
    except KeyboardInterrupt:
        print("optimoe: interrupted", file=sys.stderr)  # noqa: T201  nothing that prints may be loaded yet
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()
