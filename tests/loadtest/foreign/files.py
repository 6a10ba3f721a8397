"""Results as each tool writes them, of one made-up level: 40 requests of 100 and 11 tokens, 4 in flight.

A request takes 0.2 s to its first token and 0.03 s for each of ten more, so that the level takes 5 s.
"""

import json

STATED = {
    "model": "mixtral-8x7b",
    "gpu": "h100-sxm",
    "engine": "vllm",
    "engine_version": "0.12.0",
    "precision": "bf16",
    "num_gpus": 1,
}

VLLM = {
    "date": "20260131-123456",
    "backend": "openai",
    "model_id": "mixtral-8x7b",
    "tokenizer_id": "mixtral-8x7b",
    "num_prompts": 40,
    "request_rate": "inf",
    "burstiness": 1.0,
    "max_concurrency": 4,
    "duration": 5.0,
    "completed": 40,
    "failed": 0,
    "total_input_tokens": 4000,
    "total_output_tokens": 440,
    "mean_ttft_ms": 210.0,
    "median_ttft_ms": 200.0,
    "mean_tpot_ms": 30.5,
    "median_tpot_ms": 30.0,
    "mean_e2el_ms": 510.0,
}

DETAILS = {
    "input_lens": [100] * 40,
    "output_lens": [11] * 40,
    "ttfts": [0.19, 0.2, 0.2, 0.21] * 10,
    "itls": [[0.03] * 10] * 40,
    "errors": [""] * 40,
}

SGLANG = {
    "backend": "sglang",
    "dataset_name": "random",
    "request_rate": float("inf"),
    "max_concurrency": 4,
    "random_input_len": 100,
    "random_output_len": 11,
    "server_info": {
        "model_path": "mixtral-8x7b",
        "version": "0.5.23",
        "tp_size": 8,
        "dp_size": 4,
        "ep_size": 8,
        "pp_size": 1,
        "enable_dp_attention": True,
    },
    "duration": 5.0,
    "completed": 40,
    "total_input_tokens": 4000,
    "total_output_tokens": 440,
    "total_output_tokens_retokenized": 438,
    "mean_e2e_latency_ms": 510.0,
    "median_ttft_ms": 200.0,
    "median_tpot_ms": 30.0,
    "concurrency": 3.9,
}

AIPERF = {
    "schema_version": "1.5",
    "aiperf_version": "0.13.0",
    "start_time": "2026-01-31T12:34:56+00:00",
    "was_cancelled": False,
    "run_info": {"variation_values": {"phases.profiling.concurrency": 4}},
    "input_config": {"endpoint": {"model_names": ["mixtral-8x7b"]}},
    "request_count": {"unit": "requests", "avg": 40.0},
    "benchmark_duration": {"unit": "sec", "avg": 5.0},
    "time_to_first_token": {"unit": "ms", "avg": 210.0, "p50": 200.0, "count": 40},
    "inter_token_latency": {"unit": "us", "avg": 30500.0, "p50": 30000.0, "count": 40},
    "request_latency": {"unit": "ms", "avg": 510.0, "p50": 500.0, "count": 40},
    "input_sequence_length": {"unit": "tokens", "avg": 100.0, "min": 100, "max": 100},
    "output_sequence_length": {"unit": "tokens", "avg": 11.0, "min": 11, "max": 11},
}


def _good(mean, median, std_dev=0.0):
    return {"successful": {"mean": mean, "median": median, "std_dev": std_dev, "count": 40}}


GUIDELLM = {
    "args": {"model": "mixtral-8x7b", "target": "http://localhost:8000"},
    "benchmarks": [
        {
            "type_": "generative_benchmark",
            "config": {"strategy": {"type_": "concurrent", "streams": 4}},
            "start_time": 1769862896.0,
            "duration": 5.0,
            "metrics": {
                "request_totals": {"successful": 40, "incomplete": 0, "errored": 0, "total": 40},
                "request_concurrency": _good(3.9, 4.0),
                "prompt_token_count": _good(100.0, 100.0),
                "output_token_count": _good(11.0, 11.0),
                "time_to_first_token_ms": _good(210.0, 200.0, 9.0),
                "inter_token_latency_ms": _good(30.5, 30.0, 1.0),
            },
        }
    ],
}

INFERENCEX = """model,hw,framework,version,precision,tp,ep,dp_attention,isl,osl,conc,median_ttft,median_tpot,date
mixtral-8x7b,h100-sxm,vllm,0.12.0,bf16,1,1,false,100,11,4,0.2,0.03,2026-01-31
"""


def write(path, *tables, text=""):
    path.write_text(text or "".join(json.dumps(table) + "\n" for table in tables), encoding="utf-8")
    return path
