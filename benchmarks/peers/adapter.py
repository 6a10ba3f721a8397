"""What every adapter shares: rows as JSON lines in, predictions as JSON lines out, one row a line.

An adapter runs in the interpreter that has its peer installed and imports nothing of optimoe. It is a function
that takes a row and returns TPOT and, where the peer has one, TTFT, in milliseconds; whatever it raises is the
peer's refusal. A row's keys: id, model_path, system, backend, backend_version, weights (``fp8`` or ``bf16``),
gemm_quant, moe_quant, input_tokens, output_tokens, batch (requests per data-parallel rank), tp, pp, dp,
moe_tp, moe_ep, and shape: sizes of the model, empty where it has latent attention.
"""

import contextlib
import json
import sys
from collections.abc import Callable
from typing import Any

Row = dict[str, Any]
Answer = tuple[float, float | None]
LONGEST_REASON = 160


class Refused(Exception):
    """The peer has no answer to this row."""


def serve(predict: Callable[[Row], Answer]) -> None:
    """Answer every row of standard input on standard output; the peer's own prints go to standard error."""
    out = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        for line in sys.stdin:
            row = json.loads(line)
            print(json.dumps({"id": row["id"], **_answer(predict, row)}), file=out, flush=True)


def _answer(predict: Callable[[Row], Answer], row: Row) -> dict[str, Any]:
    try:
        tpot_ms, ttft_ms = predict(row)
    except Exception as error:  # noqa: BLE001 - a peer may raise anything, and all of it is a refusal
        return {"refused": f"{type(error).__name__}: {' '.join(str(error).split())}"[:LONGEST_REASON]}
    return {"tpot_ms": float(tpot_ms), "ttft_ms": None if ttft_ms is None else float(ttft_ms)}
