"""What Megatron-LM checks of its arguments before a run starts, written down from its own documentation.

Sources: megatron/training/arguments.py (``validate_args``), megatron/core/transformer/transformer_config.py
(``__post_init__``), user guide (Custom Pipeline Model Parallel Layout; Mixture of Experts).
"""

import re
from collections.abc import Iterator


def parsed(text):
    """Arguments by name; a flag is an empty text. Comments are left out."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def chunks(layout):
    """Decoder layers of each chunk of a pipeline layout such as ``Et*2|t*3|t*2L``."""
    expanded = re.sub(r"t\*(\d+)", lambda match: "t" * int(match[1]), layout)
    parts = expanded.split("|")
    assert parts[0].startswith("E")
    assert parts[-1].endswith("L")
    assert set(expanded) <= set("EtL|")
    return [part.count("t") for part in parts]


def violations(text, num_gpus) -> Iterator[str]:
    """Each rule that the arguments break, on so many GPUs."""
    args = parsed(text)

    def number(name, default=None):
        return int(args.get(name, default))

    tp, pp = number("--tensor-model-parallel-size"), number("--pipeline-model-parallel-size")
    ep, etp = number("--expert-model-parallel-size", 1), number("--expert-tensor-parallel-size", tp)
    layers, heads = number("--num-layers"), number("--num-attention-heads")
    virtual = number("--num-virtual-stages-per-pipeline-rank", 1)
    layout = args.get("--pipeline-model-parallel-layout")
    dp, left = divmod(num_gpus, tp * pp)
    micro_batches, rest = divmod(number("--global-batch-size"), number("--micro-batch-size") * dp)
    if left:
        yield "world size is not divisible by tp · pp"
    if rest:
        yield "the global batch is not divisible by micro batch · dp"
    if num_gpus % (etp * ep * pp):
        yield "world size is not divisible by expert tp · ep · pp"
    if layout is not None:
        sizes = chunks(layout)
        if sum(sizes) != layers:
            yield "the pipeline layout has another number of layers"
        if len(sizes) % pp:
            yield "the pipeline layout is not divisible by pp"
        if "--num-virtual-stages-per-pipeline-rank" in args:
            yield "virtual stages beside a pipeline layout"
        virtual = len(sizes) // pp
    elif layers % (pp * virtual):
        yield "layers are not divisible by the stages"
    if virtual > 1 and pp < 2:
        yield "interleaved without a pipeline"
    if virtual > 1 and micro_batches % pp:
        yield "interleaved, and micro-batches are no multiple of the stages"
    if heads % tp:
        yield "heads are not divisible by tp"
    groups = number("--num-query-groups", heads)
    if groups % tp and tp % groups:
        yield "query groups are neither a multiple nor a divisor of tp"
    if heads % groups:
        yield "heads are not divisible by query groups"
    if number("--max-position-embeddings") < number("--seq-length"):
        yield "positions end before a sequence does"
    if float(args["--min-lr"]) > float(args["--lr"]):
        yield "the lowest rate is above the peak"
    yield from _of_experts(args, tp, ep, layers)
    yield from _of_sharding(args)


def _of_experts(args, tp, ep, layers):
    if "--num-experts" not in args:
        if ep > 1:
            yield "expert parallel without experts"
        return
    if int(args["--num-experts"]) % ep:
        yield "experts are not divisible by ep"
    if tp > 1 and "--sequence-parallel" not in args:
        yield "experts with tensor but no sequence parallelism"
    if "--moe-grouped-gemm" in args and "--bf16" not in args:
        yield "grouped products need bf16"
    balanced = float(args.get("--moe-aux-loss-coeff", 0)) > 0
    if args["--moe-router-load-balancing-type"] == "aux_loss" and not balanced:
        yield "a balancing loss of weight 0"
    if len(eval(args.get("--moe-layer-freq", "[1]*" + str(layers)))) != layers:
        yield "the pattern of routed layers has another length"


def _of_sharding(args):
    if "--use-megatron-fsdp" in args and args.get("--ckpt-format") != "fsdp_dtensor":
        yield "FSDP with another checkpoint format"
    if args.get("--recompute-granularity") == "selective" and "--recompute-method" in args:
        yield "selective recomputation with a method"
