"""Every plausible range, by the name of the field that it holds for, with the reason for its ends.

A range is wide: it refuses a wrong unit or a slip of zeros, never an unusual wish. Its ends are assumed, from what
its reason names.
"""

from collections.abc import Mapping
from types import MappingProxyType

from optimoe.core.ranges.check import Range

_WIDTH_RATIO = Range(0.01, 100.0, "", "a hundredth of the width of the model; a hundred times that width")
_USD_PER_GPU_HOUR = Range(
    0.01, 1000.0, "dollars a GPU hour", "lists go from $0.18 to $18; 0 is a GPU of one's own", zero=True
)
_USD = Range(1.0, 1e12, "dollars", "a GPU for minutes; a trillion")
_USD_PER_MTOK = Range(1e-4, 1e5, "dollars per million tokens", "prices lie at a cent to some hundred dollars")
_LINK = Range(1e8, 1e14, "bytes/s", "450 GB/s are 4.5e11; 400 Gbit/s are 5e10", zero=True)

REQUESTED: Mapping[str, Range] = MappingProxyType(
    {
        "train_flops": Range(1e12, 1e30, "FLOPs", "a core for a minute; 100,000 GPUs of 1e16 FLOP/s for 30 years"),
        "train_days": Range(1e-3, 3650.0, "days", "a minute and a half; ten years"),
        "train_usd": _USD,
        "total_usd": _USD,
        "usd_per_mtok": _USD_PER_MTOK,
        "gpu_usd_per_hour": _USD_PER_GPU_HOUR,
        "train_usd_per_hour": _USD_PER_GPU_HOUR,
        "serve_usd_per_hour": _USD_PER_GPU_HOUR,
        "tokens": Range(1e3, 1e17, "tokens", "a page of text; a hundred times all text of the web, about 1e15"),
        "unique_tokens": Range(1e5, 1e17, "tokens", "a book; a hundred times all text of the web, about 1e15"),
        "batch_tokens": Range(64, 1e10, "tokens", "one short sequence; a hundred times the largest batches"),
        "seq_len": Range(16, 1e8, "tokens", "a sentence; ten times the longest contexts, 10M"),
        "input_tokens": Range(1, 1e8, "tokens", "a word; ten times the longest contexts, 10M"),
        "output_tokens": Range(1, 1e7, "tokens", "a word; the longest contexts"),
        "context": Range(1, 1e8, "tokens", "a word; ten times the longest contexts, 10M"),
        "max_context": Range(1, 1e8, "tokens", "a word; ten times the longest contexts, 10M"),
        "serve_tokens": Range(
            1e3, 1e19, "tokens", "a few answers; 1e9 GPUs of 300 tokens/s for a year", zero=True
        ),
        "requests_per_s": Range(
            1e-7, 1e7, "requests/s", "three a year; a hundred a day from everybody on Earth", zero=True
        ),
        "tokens_per_day": Range(1.0, 1e16, "tokens a day", "one; a million for everybody on Earth", zero=True),
        "life_days": Range(1e-2, 36500.0, "days", "a quarter of an hour; a hundred years"),
        "peak_to_mean": Range(1.0, 1000.0, "", "an even load; all of a day in a minute and a half"),
        "concurrency": Range(1, 1e6, "requests", "one alone; more than any deployment holds"),
        "num_requests": Range(1, 1e9, "requests", "one alone; a batch of a billion", zero=True),
        "most_gpus": Range(1, 4096, "GPUs of one deployment", "one; more copies carry more", zero=True),
        "experts": Range(1, 2**20, "experts", "a dense model; the million experts of PEER, arXiv 2407.04153"),
        "top_k": Range(1, 4096, "experts", "a single one; more than any router chooses"),
        "shared": Range(0, 256, "experts", "no shared expert; more than any model has"),
        "kv_heads": Range(1, 4096, "heads", "multi-query attention; more heads than any model has"),
        "moe_every": Range(1, 1000, "layers", "every layer routes; deeper than any model"),
        "window": Range(1, 1e7, "tokens", "a token sees itself; the longest contexts"),
        "full_every": Range(2, 1000, "layers", "every second layer; deeper than any model"),
        "first_dense_layers": Range(0, 1000, "layers", "every layer routes; deeper than any model"),
        "active_ffn_ratio": _WIDTH_RATIO,
        "ffn_ratio": _WIDTH_RATIO,
        "dense_ffn_ratio": _WIDTH_RATIO,
        "expert_attention_ratio": Range(0.01, 1000.0, "", "experts cost nothing; attention costs nothing"),
        "min_aspect": Range(1.0, 1e5, "", "as deep as wide; a single layer"),
        "max_aspect": Range(1.0, 1e5, "", "as deep as wide; a single layer"),
        "params_total": Range(1e5, 1e16, "parameters", "a toy; a thousand times the largest models"),
        "vocab": Range(2, 1e7, "tokens", "a bit; ten times the largest vocabularies, 1M"),
        "max_width": Range(64, 65536, "wide", "one head; four times the default, which few models reach"),
        "width_step": Range(1, 65536, "wide", "every width; the widest alone", zero=True),
        "head_dim": Range(4, 4096, "wide", "a toy; wider than any model has"),
        "target_loss": Range(0.05, 20.0, "nats per token", "text is less certain; a guess among 10M tokens is 16"),
        "loss_slack": Range(0.0, 1.0, "", "the lowest loss itself; twice that"),
        "slack_nats": Range(0.0, 10.0, "nats", "the lowest loss itself; worse than a guess among 20,000 tokens"),
    }
)
"""Of what people ask for, by the name of the option."""

LATENCIES: Mapping[str, Range] = MappingProxyType(
    {
        "ttft": Range(1e-4, 3600.0, "seconds", "a kernel or two; an hour"),
        "tpot": Range(1e-5, 60.0, "seconds", "faster than any GPU reads a small model; a token a minute"),
    }
)
"""Of limits on latency, by the name of the option."""

HARDWARE: Mapping[str, Range] = MappingProxyType(
    {
        "memory_bytes": Range(1e9, 1e14, "bytes", "80 GB are 8e10"),
        "memory_bytes_per_s": Range(1e9, 1e15, "bytes/s", "3.35 TB/s are 3.35e12"),
        "peak_flops_per_s": Range(1e10, 1e18, "FLOP/s", "989 TFLOP/s are 9.89e14; a laptop has 1e12"),
        "intra_node_bytes_per_s": _LINK,
        "inter_node_bytes_per_s": _LINK,
        "host_bytes_per_s": _LINK,
        "cache_bytes": Range(1e4, 1e11, "bytes", "50 MB are 5e7", zero=True),
        "cache_bytes_per_s": Range(1e9, 1e16, "bytes/s", "a core reads 1e11 from its cache", zero=True),
        "threads": Range(1, 1e5, "threads", "one; a hundred a socket", zero=True),
        "launch_s": Range(1e-9, 1e-1, "seconds", "a call of an operator takes microseconds", zero=True),
        "clock_hz": Range(1e8, 1e10, "Hz", "1.98 GHz are 1.98e9", zero=True),
        "power_w": Range(1, 1e4, "watts", "an H100 takes 700", zero=True),
        "gpus_per_node": Range(1, 1e5, "GPUs", "a GPU alone; a whole hall"),
        "domain_gpus": Range(1, 1e6, "GPUs", "a GPU alone; a whole hall", zero=True),
    }
)
"""Of the figures of an accelerator, by field."""

DEPLOYED_GPUS = Range(1, 4096, "GPUs of one deployment", "one; more copies carry more traffic")
"""GPUs that serve one copy of a model."""

TRAINING_GPUS = Range(1, 1e7, "GPUs of one run", "one; a hundred times the largest clusters")
"""GPUs of a training run."""

USD_PER_GPU_HOUR = _USD_PER_GPU_HOUR
"""Of a price of a GPU hour."""
