#!/usr/bin/env bash
# What a GPU says: the CUDA tests, the layer benchmarks beside the other implementations that are installed, and a MoE
# served beside its dense twin, in at most eight minutes, as one JSON.
#
#   bash benchmarks/cuda.sh [cuda.json]          # PYTHON=… for another interpreter
#
# Steps that fail, run out of time or miss a package are in the JSON with their output; the others run all the same.
set -uo pipefail
out=$(realpath -m "${1:-cuda.json}")
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { # NAME SECONDS COMMAND…: run it, keep its output and how it ended
  local name=$1 limit=$2 start=$SECONDS rc
  shift 2
  echo "$name: $*" >&2
  timeout "$limit" "$@" > "$work/$name.out" 2>&1
  rc=$?
  printf '%s\n' "$rc" "$((SECONDS - start))" "$*" > "$work/$name.step"
  echo "$name: rc $rc after $((SECONDS - start)) s" >&2
}

# Limits add up to 460 s: the tests compile kernels, a served model loads, the layers are timed in few rounds.
step machine 20 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader
step versions 20 "$python" -c "
from importlib import metadata
for name in ('torch', 'triton', 'transformers', 'vllm', 'sglang', 'flash-attn', 'scattermoe', 'megablocks'):
    try: print(name, metadata.version(name))
    except metadata.PackageNotFoundError: print(name, 'not installed')
import torch
assert torch.cuda.is_available(), 'no GPU'
print('cuda', torch.version.cuda, torch.cuda.get_device_name())"
step tests 120 "$python" -m pytest -n 0 -q -rs tests/models/test_device.py
step layer 80 "$python" benchmarks/moe_layer.py --device cuda --rounds 7
step compiled 50 "$python" benchmarks/compiled_model.py --device cuda --rounds 5
step dispatch 50 "$python" benchmarks/dispatch_table.py --device cuda
step shapes 20 "$python" benchmarks/served_twins.py "$work"
for name in moe dense; do
  step "served_$name" 50 "$python" -m vllm.entrypoints.cli.main bench latency --model "$work/$name" \
    --load-format dummy --skip-tokenizer-init --dtype bfloat16 --enforce-eager --max-model-len 1024 \
    --input-len 512 --output-len 64 --batch-size 32 --num-iters-warmup 1 --num-iters 3 \
    --output-json "$work/served_$name.json"
done

"$python" - "$work" "$out" <<'PY'
import datetime, json, pathlib, sys

work, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
steps = {}
for file in sorted(work.glob("*.step"), key=lambda file: file.stat().st_mtime_ns):
    rc, seconds, command = file.read_text().splitlines()[:3]
    made = work / f"{file.stem}.json"
    steps[file.stem] = {
        "command": command,
        "rc": int(rc),  # 124: out of time
        "seconds": int(seconds),
        "output": file.with_suffix(".out").read_text(errors="replace").splitlines()[-200:],
        "result": json.loads(made.read_text()) if made.exists() else None,
    }
out.write_text(json.dumps({"date": datetime.date.today().isoformat(), "steps": steps}, indent=1) + "\n")
failed = [name for name, one in steps.items() if one["rc"]]
print(f"{out}: {len(steps)} steps, not done: {', '.join(failed) or 'none'}")
PY
