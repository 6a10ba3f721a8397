#!/usr/bin/env bash
# What a GPU says: the CUDA tests, the layer benchmarks beside the other implementations that are installed, what it was
# measured to do, a run of a minute, and a MoE served beside its dense twin and beside what was predicted, in at most eight
# minutes, as one JSON.
#
#   bash benchmarks/cuda.sh [cuda.json]          # PYTHON=… for another interpreter
#   bash benchmarks/cuda.sh --tiny [cuda.json]   # the same steps on a CPU, as small as they go: that they start
#
# Steps that fail, run out of time or miss a package are in the JSON with their output; the others run all the same.
set -uo pipefail
tiny=
if [ "${1:-}" = --tiny ]; then tiny=1; shift; fi
out=$(realpath -m "${1:-cuda.json}")
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

step() { # NAME SECONDS COMMAND…: now; in the tiny form, Python's are queued for one process, which imports torch once
  if [ "$tiny" ] && [ "$3" = "$python" ]; then
    printf '%s\0' "$1" "${@:4}" > "$work/$1.queued"
    echo "$1" >> "$work/queue"
  else
    run_step "$@"
  fi
}

run_step() { # NAME SECONDS COMMAND…: run it, keep its output and how it ended
  local name=$1 limit=$2 start=$SECONDS rc
  shift 2
  echo "$name: $*" >&2
  timeout "$limit" "$@" > "$work/$name.out" 2>&1
  rc=$?
  printf '%s\n' "$rc" "$((SECONDS - start))" "$*" > "$work/$name.step"
  echo "$name: rc $rc after $((SECONDS - start)) s" >&2
}

size() { # what is passed on a GPU -- what is passed in the tiny form
  local word words=() chosen=
  [ "$tiny" ] || chosen=1
  for word in "$@"; do
    if [ "$word" = -- ]; then chosen=$tiny; else [ "$chosen" ] && words+=("$word"); fi
  done
  printf '%s\n' "${words[@]}"
}

# Limits add up to 480 s: the tests compile kernels, a served model loads, the layers are timed in few rounds.
need_gpu=$(size "assert torch.cuda.is_available(), 'no GPU'" -- "")
step machine 20 $(size nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv,noheader \
  -- uname -a)
step versions 20 "$python" -c "
from importlib import metadata
for name in ('torch', 'triton', 'transformers', 'vllm', 'sglang', 'flash-attn', 'scattermoe', 'megablocks'):
    try: print(name, metadata.version(name))
    except metadata.PackageNotFoundError: print(name, 'not installed')
import torch
$need_gpu
print('cuda', torch.version.cuda, torch.cuda.is_available() and torch.cuda.get_device_name())"
step tests 90 "$python" -m pytest -n 0 -q -rs -p no:cacheprovider \
  $(size tests/models/test_device.py tests/models/experts -- --collect-only tests/models/test_device.py)
step layer 60 "$python" benchmarks/moe_layer.py \
  $(size --device cuda --rounds 7 -- --rounds 1 --tokens 16 --shapes 4,2,16)
step step 40 "$python" benchmarks/whole_step.py $(size --device cuda -- --rounds 1 --threads 1 --shapes 16,1)
step compiled 40 "$python" benchmarks/compiled_model.py $(size --device cuda --rounds 5 --widths 256 -- --widths)
step dispatch 40 "$python" benchmarks/dispatch_table.py \
  $(size --device cuda -- --seconds 0 --threads 1 --tokens 4 --experts 4 --widths 16,16)
step probe 20 "$python" -m optimoe hardware probe --out "$work/here.toml" --json
step train 50 "$python" -m optimoe train $(size benchmarks/gpu_run.toml --evaluations 2 -- examples/tiny-moe.toml \
  --data pydoc-topics --tokens 512 --batch-tokens 256 --seq-len 64 --eval-tokens 500 --threads 1) --out "$work/runs" --json
step shapes 20 "$python" benchmarks/served_twins.py "$work"
for name in moe dense; do
  step "served_$name" 40 "$python" -m vllm.entrypoints.cli.main bench latency --model "$work/$name" \
    --load-format dummy --skip-tokenizer-init --dtype bfloat16 --enforce-eager --max-model-len 1024 \
    --input-len 512 --output-len 64 --batch-size 32 --num-iters-warmup 1 --num-iters 3 \
    --output-json "$work/served_$name.json"
done
step predicted 30 "$python" benchmarks/served_predictions.py "$work" --gpu \
  "$(size "$(nvidia-smi --query-gpu=name --format=csv,noheader --id=0 2>/dev/null)" -- "NVIDIA H200")"
[ "$tiny" ] && run_step all 600 "$python" - "$work" <<'PY'
import contextlib, pathlib, runpy, sys, time, traceback

work = pathlib.Path(sys.argv[1])
sys.path[0] = "benchmarks"
for name in (work / "queue").read_text().split():
    words = (work / f"{name}.queued").read_text().split("\0")[1:-1]
    start, rc = time.monotonic(), 0
    with (work / f"{name}.out").open("w") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            if words[0] == "-c":
                exec(words[1], {})
            elif words[0] == "-m":
                sys.argv = words[1:]
                runpy.run_module(words[1], run_name="__main__", alter_sys=True)
            else:
                sys.argv = words
                runpy.run_path(words[0], run_name="__main__")
        except SystemExit as end:
            rc = int(end.code or 0)
        except Exception:
            traceback.print_exc()
            rc = 1
    (work / f"{name}.step").write_text(f"{rc}\n{time.monotonic() - start:.0f}\n{' '.join(words)}\n")
PY

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
