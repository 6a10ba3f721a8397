"""A table without the variables of a law is answered with a mapping that works."""

import os
import re
import shlex
from pathlib import Path

import pytest

from optimoe.core.errors import ConfigError
from optimoe.inputs.laws.fit import FitRequest
from optimoe.inputs.quantities import pairs
from optimoe.laws.runs import load_observations
from optimoe.laws.runs.names import candidates, find_column, suggest

DATA = Path(os.environ.get("OPTIMOE_DATA", "/none"))
TABLES = {
    "chinchilla_epoch/runs.csv": "N=n_params,D=train_flop/(6*n_params),loss=loss",
    "gemstones/runs_cooldown_end.csv": "N=params_active_precise,D=tokens,loss=final_loss",
    "gemstones/runs_hot_100b.csv": "N=params_active_precise,D=tokens,loss=final_loss",
    "gemstones/runs_hot_100b_fine.csv": "N=params_active_precise,D=tokens,loss=final_loss",
    "marin_moe_isoflop/runs.csv": "N=n_params_active,D=n_tokens,loss=loss",
    "moe_sparsity_seeds/runs.csv": "N=n_params_total,D=n_tokens,loss=loss",
    "routing_curves/curves.csv": "N=dense_parameter_count,loss=loss_validation",
}


@pytest.mark.parametrize("name", TABLES)
def test_the_public_run_tables_are_answered_with_a_line_that_reads_them(name):
    path = DATA / name
    if not path.exists():
        pytest.skip("OPTIMOE_DATA does not hold the run tables")
    with pytest.raises(ConfigError, match="no column for") as refused:
        FitRequest(runs=(str(path),), family="chinchilla").observations()
    line = shlex.split(re.search(r"perhaps --columns ('[^']*'|\S+?)(;|$)", str(refused.value))[1])[0]
    assert line == TABLES[name]
    mapping = pairs("--columns", [line], "") | ({"D": "step*1e6"} if "D=" not in line else {})
    where = "dataset == 'finemath'" if "seeds" in name else "step > 0" if "curves" in name else ""
    runs = load_observations(path, mapping, where=where, bad_rows="exclude")
    assert len(runs) > 0.9 * len(runs.rows) > 0


def test_tokens_come_from_flops_where_only_those_are_there():
    line = suggest(["N", "D"], ["loss=loss"], ["size_b", "compute", "loss"])
    assert line.startswith("perhaps --columns 'N=size_b*1e9,D=compute/(6*(size_b*1e9)),loss=loss'")


def test_a_perplexity_is_answered_with_its_logarithm():
    assert (
        suggest(["loss"], ["N=N", "D=D"], ["N", "D", "val_ppl"]) == "perhaps --columns 'N=N,D=D,loss=log(val_ppl)'"
    )


def test_bits_per_byte_are_named_and_not_mapped():
    words = suggest(["loss"], ["N=N", "D=D"], ["N", "D", "bpb"])
    assert words == (
        "loss: bpb is in bits per byte (loss=bpb*log(2)*BYTES, with BYTES the bytes of a token on average)"
    )


@pytest.mark.parametrize(
    ("symbol", "column", "formula"),
    [
        ("N", "params_b", "params_b*1e9"),
        ("N", "numParams", "numParams"),
        ("N", "config.n_params", "config.n_params"),
        ("D", "tokens_M", "tokens_M*1e6"),
        ("D", "Train Tokens", "Train Tokens"),
        ("D", "Tokens (B)", ""),  # a name with a space can only stand alone
        ("loss", "summary.eval/loss", "summary.eval/loss"),
        ("loss", "Val Loss", "Val Loss"),
        ("loss", "loss,final", ""),  # a comma is that between two mappings
        ("E", "num_experts", "num_experts"),
        ("k", "top-k", "top-k"),
        ("N", "width", ""),
    ],
)
def test_a_common_name_is_known_in_any_spelling(symbol, column, formula):
    assert find_column(symbol, [column]) == formula


def test_the_likeliest_of_several_comes_first():
    columns = ["train_loss", "val_loss", "n_params_total", "n_params_active"]
    assert candidates("loss", columns) == ["val_loss", "train_loss"]
    assert candidates("N_total", columns) == ["n_params_total"]


def test_a_constant_is_offered_for_what_is_one_number_in_all_runs():
    assert "where all runs have one: --columns E=1" in suggest(["E"], ["N_act=N"], ["N", "loss"])
