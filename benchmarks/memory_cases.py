"""Room for the cache beside weights, held against what people's engine logs print: the K cases, before and after.

    python benchmarks/memory_cases.py

Each case is asked as on the command line. ``printed`` is what the log said; ``before`` what release 0.1 answered
(shared reference, cases.md).
"""

import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.cache import kv_tokens
from optimoe.cost.serving.memory import gpu_memory, request_bytes
from optimoe.inputs.cost import CostRequest
from optimoe.inputs.groups.engine import EngineChoice
from optimoe.inputs.groups.hardware import Hardware, LayoutChoice

GIB = 2**30

DISTILLED_14B = {
    "model_type": "qwen2",
    "hidden_size": 5120,
    "intermediate_size": 13824,
    "num_hidden_layers": 48,
    "num_attention_heads": 40,
    "num_key_value_heads": 8,
    "vocab_size": 152064,
    "tie_word_embeddings": False,
    "max_position_embeddings": 131072,
}
"""R1-Distill-Qwen-14B, as its config.json states it."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One question with a known answer.

    Attributes:
        name: As in cases.md.
        model: A name of the catalog, or the fields of a ``config.json``.
        gpus, tp: Where it runs.
        options: Of :class:`EngineChoice`.
        tokens: That the log prints room for; 0 where the model did not start.
        weights_gib: Of a GPU, where the log prints them; 0 elsewhere.
        missing_gib: Below zero what was missing, where the log says so.
        before: What 0.1 said.
    """

    name: str
    model: str | dict[str, Any]
    gpus: str
    tp: int
    tokens: float
    before: str
    weights_gib: float = 0.0
    missing_gib: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)


QWEN, LLAMA = "qwen3-235b-a22b-fp8", "llama-3.3-70b"
CASES = (
    Case(name="K5", model=QWEN, gpus="4xh100-sxm", tp=4, tokens=178_880, before="364,000–372,000"),
    Case(
        name="K6",
        model=QWEN,
        gpus="4xh100-sxm",
        tp=4,
        tokens=367_404,
        before="372,310 at 0.90",
        options={"engine": "sglang", "memory_share": 0.93},
    ),
    # 3.33 GiB of pages of 18 layers with 2,048 bytes a token, by the pool of vLLM.
    Case(
        name="K7",
        model="gpt-oss-120b",
        gpus="1xh100-sxm",
        tp=1,
        tokens=48_496,
        before="13.3 GiB (4.0×)",
        weights_gib=64.38,
        options={"memory_share": 0.95},
    ),
    Case(
        name="K9",
        model=LLAMA,
        gpus="1xh100-sxm",
        tp=1,
        tokens=0,
        before="13,652",
        weights_gib=67.72,
        missing_gib=-1.44,
        options={"precision": "fp8"},
    ),
    Case(
        name="K11",
        model="llama-3.1-405b",
        gpus="8xh100-sxm",
        tp=8,
        tokens=79_392,
        before="389,049",
        weights_gib=57.75,
        options={"precision": "fp8", "attention_precision": "bf16"},
    ),
    Case(
        name="K13",
        model=LLAMA,
        gpus="1xh100-sxm",
        tp=1,
        tokens=22_096,
        before="cannot be asked",
        options={"precision": "int8", "memory_share": 0.98},
    ),
    Case(
        name="K15",
        model=DISTILLED_14B,
        gpus="2xrtx-4090",
        tp=2,
        tokens=81_536,
        before="refused",
        options={"memory_share": 0.98},
    ),
    Case(
        name="K16",
        model="kimi-k2",
        gpus="8xh200-sxm",
        tp=8,
        tokens=0,
        before="136,754",
        options={"precision": "fp8"},
    ),
    Case(
        name="K18",
        model="minimax-m2.5",
        gpus="4xh100-sxm@96GiB",
        tp=4,
        tokens=400_000,
        before="452,000",
        options={"precision": "fp8"},
    ),
    Case(
        name="K18",
        model="minimax-m2.5",
        gpus="8xh200-sxm@144GiB",
        tp=8,
        tokens=3_000_000,
        before="3.38M",
        options={"precision": "fp8"},
    ),
)


def asked(case: Case, folder: Path) -> CostRequest:
    """The case as a request of the command line."""
    model = case.model
    if isinstance(model, dict):
        path = folder / f"{case.name}.json"
        path.write_text(json.dumps(model), encoding="utf-8")
        model = str(path)
    return CostRequest(
        model=model,
        hardware=Hardware(gpus=case.gpus),
        engine=EngineChoice(**case.options),
        layout=LayoutChoice(tp=case.tp),
    )


def row(case: Case, folder: Path) -> str:
    """One line of a Markdown table: tokens printed, before, now with its band, and weights of a GPU."""
    request = asked(case, folder)
    spec, deployment = request.spec(), request.deployment()
    machine, engine, workload = deployment.machine(Layout(tp=case.tp)), deployment.engine, deployment.workload
    memory = gpu_memory(machine, engine, spec, workload)

    def tokens(usable: float) -> float:
        free = float(usable - memory.weights)
        if free <= 0:
            return free / float(request_bytes(machine, spec, 1000)) * 1000
        return kv_tokens(machine, engine, spec, free, workload.full_context).tokens

    room = memory.room
    low, usual, high = (tokens(end) for end in (room.usable_low, room.usable, room.usable_high))
    inside = low <= case.tokens <= high or (case.tokens == 0 and usual <= 0)
    near = case.tokens > 0 and abs(usual / case.tokens - 1) <= 0.15
    printed = f"{case.tokens:,.0f}" if case.tokens else "does not start"
    if case.missing_gib:
        printed += f" ({case.missing_gib:.2f} GiB)"
    said = f"{usual:,.0f}" if usual > 0 else f"no ({float(memory.cache) / GIB:.2f} GiB)"
    share = f" at {case.options['memory_share']}" if "memory_share" in case.options else ""
    weights = f"{float(memory.weights) / GIB:.2f}" + (f" ({case.weights_gib:.2f})" if case.weights_gib else "")
    name = spec.name if isinstance(case.model, str) else "R1-Distill-Qwen-14B"
    verdict = "15 %" if near else "band" if inside else "OUTSIDE"
    return (
        f"| {case.name} | {name}, {case.gpus}, {engine.name}{share} | {weights} | {printed} | {case.before} | "
        f"{said} ({max(low, 0):,.0f} – {max(high, 0):,.0f}) | {verdict} |"
    )


def main() -> None:
    """Print the table."""
    print("| case | deployment | weights a GPU, GiB (log) | log | 0.1 | now | within |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            print(row(case, Path(folder)))


if __name__ == "__main__":
    main()
