"""AIConfigurator: measured kernel tables and an analytic scheduler; an argument names the mode of its database.

Asked as its command line asks it: aggregated serving, the engine of the row, tables of the newest version it has.
Where the row names the format of the weights it is passed on, else the checkpoint's. Its search for the newest
version reads the same YAML files for every row and is remembered here.
"""

import functools
import logging
import sys

from adapter import Answer, Row, serve
from aiconfigurator.cli.api import cli_estimate
from aiconfigurator.sdk import perf_database

NAMES = {
    "meta-llama/Llama-3.1-8B-Instruct": "meta-llama/Meta-Llama-3.1-8B",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "meta-llama/Meta-Llama-3.1-8B",
    "meta-llama/Llama-3.1-70B": "meta-llama/Meta-Llama-3.1-70B",
    "zhipuai/GLM-5": "zai-org/GLM-5-FP8",
}
"""Models that it ships under another name."""


def predict(row: Row, mode: str) -> Answer:
    """TPOT and TTFT of aggregated serving."""
    quant = {name: row[key] for name, key in QUANT.items() if row[key]}
    estimate = cli_estimate(
        NAMES.get(row["model_path"], row["model_path"]),
        row["system"],
        backend_name=row["backend"],
        database_mode=mode,
        isl=row["input_tokens"],
        osl=row["output_tokens"],
        batch_size=round(row["batch"]),
        tp_size=row["tp"],
        pp_size=row["pp"],
        attention_dp_size=row["dp"],
        moe_tp_size=row["moe_tp"],
        moe_ep_size=row["moe_ep"],
        **quant,
    )
    return estimate.tpot, estimate.ttft


QUANT = {"gemm_quant_mode": "gemm_quant", "moe_quant_mode": "moe_quant"}

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    remembered = functools.cache(perf_database.get_latest_database_version)
    perf_database.get_latest_database_version = remembered
    serve(functools.partial(predict, mode=sys.argv[1]))
