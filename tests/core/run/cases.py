"""A run and its record that the tests change one field at a time."""

from optimoe.core.run import (
    CurvePoint,
    DataMix,
    DataSource,
    Optimizer,
    RunLayout,
    RunRecord,
    RunSpec,
    Schedule,
)

HOSTILE = 'our "v2" \\ runs · ü.csv'

CONFIG = {
    "model_type": "mixtral",
    "hidden_size": 256,
    "sliding_window": None,
    "rope_scaling": {"factor": 2.0, "original": None},
    "layer_types": ["full_attention", "full_attention"],
}

RUN = RunSpec(
    name=HOSTILE,
    architecture=CONFIG,
    tokens=2_700_688_251,
    batch_tokens=131_072,
    seq_len=2048,
    schedule=Schedule(peak_rate=1 / 3e3, warmup_tokens=1_000_000),
    optimizer=Optimizer(betas=(0.9, 0.99)),
    router={"kind": "top_k", "scale": 1.5},
    losses={"balance": 0.01},
    layout=RunLayout(ep=2, dp=4),
    data=DataMix(sources=(DataSource(name=HOSTILE, weight=0.3), DataSource(name="code"))),
    source=f"fitted to 64 runs of {HOSTILE}",
    notes="two\nlines",
)


def record(**changes):
    fields = {
        "run": RUN,
        "status": "finished",
        "params_total": 20_000_000,
        "params_active": 10_000_000,
        "params_nonembedding": 15_000_000,
        "params_active_nonembedding": 5_000_000,
        "tokens_seen": RUN.tokens,
        "train_flops": 2.0e17,
        "train_flops_6nd": 1.6e17,
        "seconds": 3600.5,
        "tokens_per_s": 7.5e5,
        "mfu": 0.31,
        "loss": 3.0625,
        "bits_per_byte": 1.25,
        "curve": (CurvePoint(tokens=1000, flops=1e12, seconds=0.5, loss=9.5),),
        "router": {"load_ratio_max": 1.5},
        "versions": {"torch": "2.13.0"},
        "host": 'a "host"\u2028',
        "device": "1 × H100",
        "started_utc": "2026-01-02T03:04:05Z",
        "ended_utc": "2026-01-02T04:04:06Z",
    } | changes
    return RunRecord(**fields)
