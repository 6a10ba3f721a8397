"""What the peers predict for the measured deployments of serving_e2e_hopper, beside the measurements.

    OPTIMOE_DATA=… OPTIMOE_PEERS_PYTHON=… python benchmarks/serving_peers.py [--python P] [--output F] [PEER…]

The peers live in an environment of their own (``pip install aiconfigurator==0.12.0 genz-llm llm-analysis``), whose
interpreter is named by the variable or the option. Each has an adapter in benchmarks/peers. All 1,119 rows are put
to each; answers are kept in the output file and only rows that are not there are asked again.

    {peer: {id: {"tpot_ms": …, "ttft_ms": … or null} or {"refused": reason}}}

``load_peer_predictions`` reads the file for other benchmarks.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from optimoe.arch.parts import Attention, DenseFFN, MoE
from optimoe.arch.spec import ArchSpec
from serving_rows import PRECISION, QUEUED_TTFT_S, read_model

ADAPTERS = Path(__file__).parent / "peers"
OUTPUT = Path(os.environ.get("OPTIMOE_PEERS_FILE", "build/serving_peers.json"))
PEERS = {
    "aiconfigurator": ["aiconfigurator_peer.py", "SILICON"],
    "aiconfigurator-hybrid": ["aiconfigurator_peer.py", "HYBRID"],
    "aiconfigurator-sol": ["aiconfigurator_peer.py", "SOL"],
    "genz": ["genz_peer.py"],
    "llm-analysis": ["llm_analysis_peer.py"],
    "erdil-code": ["erdil_peer.py"],
}
"""Script and its arguments, by the name of the column."""
OWN = {"erdil-code"}
"""Models that optimoe itself carries: they run in this interpreter."""

Answers = dict[str, dict[str, Any]]


def load_peer_predictions(path: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """TPOT and TTFT in seconds by peer and row; TTFT is NaN where a peer has none. Refused rows are absent."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return {
        peer: {
            key: (1e-3 * answer["tpot_ms"], 1e-3 * (answer["ttft_ms"] or float("nan")))
            for key, answer in answers.items()
            if "refused" not in answer
        }
        for peer, answers in table.items()
    }


def measured_rows() -> list[dict[str, str]]:
    """All rows of the file."""
    path = Path(os.environ["OPTIMOE_DATA"]) / "serving_e2e_hopper" / "serving.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def questions(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """The rows as the adapters take them (see peers/adapter.py)."""
    shapes: dict[str, dict[str, Any]] = {}
    return [_question(row, shapes) for row in rows]


def _question(row: dict[str, str], shapes: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """One row. Experts over more GPUs than the attention mean that the attention is data parallel.

    19 rows of Qwen3-235B-A22B are like that, and their weights do not fit tp GPUs.
    """
    model = row["model_path"].split("/")[-1].lower().removesuffix("-fp8").removesuffix("-instruct")
    if model not in shapes:
        arch = read_model(model)
        shapes[model] = shape(arch) if arch is not None else {}
    tp, dp, batch = _degree(row["tp_size"]), _degree(row["attention_dp_size"]), float(row["batch_size"] or 1)
    ep = _degree(row["moe_ep_size"])
    if shapes[model].get("experts", 1) > 1 and _degree(row["moe_tp_size"]) * ep > tp * dp:
        dp = _degree(row["moe_tp_size"]) * ep // tp
        batch /= dp
    return {
        "id": row["id"],
        "model_path": row["model_path"],
        "model": model,
        "shape": shapes[model],
        "system": row["system"],
        "backend": row["backend"],
        "backend_version": row["backend_version"],
        "weights": PRECISION[row["gemm_quant_mode"]],
        "gemm_quant": row["gemm_quant_mode"],
        "moe_quant": row["moe_quant_mode"],
        "input_tokens": int(row["isl"]),
        "output_tokens": int(row["osl"]),
        "batch": batch,
        "tp": tp,
        "pp": _degree(row["pp_size"]),
        "dp": dp,
        "moe_ep": ep,
        "moe_tp": max(1, tp * dp // ep),
    }


def _degree(text: str) -> int:
    """Of a column where blank and 0 mean one."""
    return int(float(text or 1)) or 1


def shape(arch: ArchSpec) -> dict[str, Any]:
    """Sizes of a model with softmax attention in every layer; empty where a peer could not be told of it."""
    if not all(type(group.mixer) is Attention for group in arch.layers):
        return {}
    last = arch.layers[-1]
    sizes: dict[str, Any] = {
        "d_model": arch.d_model,
        "vocab": arch.vocab_size,
        "layers": sum(group.num_layers for group in arch.layers),
        "heads": last.mixer.num_heads,
        "kv_heads": last.mixer.num_kv_heads,
        "head_dim": last.mixer.head_dim,
        "experts": 1,
        "top_k": 1,
    }
    if isinstance(last.ffn, DenseFFN):
        return sizes | {"d_ff": last.ffn.d_ff}
    assert isinstance(last.ffn, MoE)
    return sizes | {"d_ff": last.ffn.d_expert, "experts": last.ffn.num_experts, "top_k": last.ffn.top_k}


def ask(peer: str, python: str, rows: list[dict[str, Any]], known: Answers) -> Answers:
    """The peer's answers to all rows; those that are known are not asked again.

    Raises:
        RuntimeError: The adapter did not start; the last line says why.
    """
    missing = [row for row in rows if row["id"] not in known]
    if not missing:
        return known
    script, *arguments = PEERS[peer]
    command = [sys.executable if peer in OWN else python, str(ADAPTERS / script), *arguments]
    text = "\n".join(json.dumps(row) for row in missing) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    answers = dict(known)
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        answers[answer.pop("id")] = answer
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise RuntimeError(f"{peer}: {last}")
    return answers


def report(rows: list[dict[str, str]], table: dict[str, Answers]) -> None:
    """One line a peer: rows answered, and the errors on rows that did not queue."""
    heads = "".join(f"{name:>14}{'bias':>7}{'<20 %':>7}" for name in ("TPOT |ln|", "TTFT |ln|"))
    print(f"{'':<24}{'answered':>10}{'refused':>9}{heads}")
    for peer, answers in table.items():
        pairs: dict[str, list[tuple[float, float]]] = {"tpot_ms": [], "ttft_ms": []}
        for row in rows:
            answer = answers.get(row["id"], {"refused": "not asked"})
            if "refused" in answer or float(row["silicon_ttft_ms"]) >= 1e3 * QUEUED_TTFT_S:
                continue
            for name, errors in pairs.items():
                if answer[name] is not None:
                    errors.append((answer[name], float(row[f"silicon_{name}"])))
        answered = sum("refused" not in answer for answer in answers.values())
        cells = "".join(map(_errors, pairs.values()))
        print(f"{peer:<24}{answered:>10}{len(answers) - answered:>9}{cells}")
        reasons = Counter(answer["refused"][:90] for answer in answers.values() if "refused" in answer)
        for reason, count in reasons.most_common(4):
            print(f"    {count:>5} × {reason}")


def _errors(pairs: list[tuple[float, float]]) -> str:
    if not pairs:
        return f"{'–':>14}{'–':>7}{'–':>7}"
    predicted, measured = np.array(pairs).T
    error = np.log(predicted / measured)
    near = np.mean(abs(error) < np.log(1.2))
    return f"{np.median(abs(error)):>14.3f}{np.median(error):>7.2f}{near:>7.2f}"


def main(words: Sequence[str]) -> None:
    """Ask the peers and print how far they are off."""
    parser = argparse.ArgumentParser()
    parser.add_argument("peers", nargs="*", help=f"some of {', '.join(PEERS)}; all that start if left out")
    parser.add_argument("--python", default=os.environ.get("OPTIMOE_PEERS_PYTHON", sys.executable))
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args(words)
    table = json.loads(options.output.read_text(encoding="utf-8")) if options.output.exists() else {}
    rows = measured_rows()
    for peer in options.peers or PEERS:
        try:
            table[peer] = ask(peer, options.python, questions(rows), table.get(peer, {}))
        except RuntimeError as error:
            print(error, file=sys.stderr)
            continue
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(table, indent=1), encoding="utf-8")
    report(rows, {peer: table[peer] for peer in PEERS if peer in table})


if __name__ == "__main__":
    main(sys.argv[1:])
