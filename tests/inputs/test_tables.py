"""Requests from JSON and TOML: the command line's names, units and defaults, and what a network may not name."""

import json

import pytest

from optimoe.app.main import app
from optimoe.core.config import load_table
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.inputs.cost import (
    ContextRequest,
    CostRequest,
    CurvesRequest,
    DisaggregateRequest,
    FleetRequest,
    TrainCostRequest,
)
from optimoe.inputs.laws.compare import CompareLawsRequest, DecideRequest
from optimoe.inputs.laws.evaluate import EvaluateRequest
from optimoe.inputs.laws.fit import FitRequest
from optimoe.inputs.laws.optima import FrontierRequest, IsoFlopRequest, RatioRequest
from optimoe.inputs.laws.tests import CompareFamiliesRequest, CurveRequest
from optimoe.inputs.loadtest.measure import MeasureRequest
from optimoe.inputs.models import ArchRequest, CompareRequest
from optimoe.inputs.plan import PlanRequest
from optimoe.inputs.sweeps.next_runs import NextSweepRequest
from optimoe.inputs.tables import option_defaults, options, read_request

SAME = [
    (PlanRequest, "plan --train-gpus 64xh100-sxm --train-days 30 --serve-tokens 5T --tpot 50ms --experts 1,8",
     {"train_gpus": "64xh100-sxm", "train_days": 30, "serve_tokens": "5T", "tpot": "50ms", "experts": [1, 8]}),
    (PlanRequest, "plan --train-flops 1e22 --precision bf16,fp8 --engine sglang --no-repeats",
     {"train_flops": 1e22, "precision": ["bf16", "fp8"], "engine": "sglang", "no_repeats": True}),
    (PlanRequest, "plan --input-percentiles 50=800,90=3000", {"input_percentiles": {"50": 800, "90": 3000}}),
    (MeasureRequest, "measure http://a --concurrency 1,8 --input-tokens 64:256 --tpot 50ms --tp 2",
     {"url": "http://a", "concurrency": [1, 8], "input_tokens": "64:256", "tpot": "50ms", "tp": 2}),
    (CostRequest, "cost mixtral-8x7b --gpus 8xh100-sxm --tp 4 --concurrency 16 --prices own.toml",
     {"model": "mixtral-8x7b", "gpus": "8xh100-sxm", "tp": 4, "concurrency": 16, "prices": "own.toml"}),
    (ContextRequest, "cost context mixtral-8x7b --gpus 8xh100-sxm --ttft 10s",
     {"model": "mixtral-8x7b", "gpus": "8xh100-sxm", "ttft": 10}),
    (FleetRequest, "cost fleet mixtral-8x7b --gpu h100-sxm,h200-sxm --tokens-per-day 5B",
     {"model": "mixtral-8x7b", "gpu": ["h100-sxm", "h200-sxm"], "tokens_per_day": "5B"}),
    (DisaggregateRequest, "cost disaggregate mixtral-8x7b --gpus 8 --gpu h100-sxm",
     {"model": "mixtral-8x7b", "gpus": "8", "gpu": "h100-sxm"}),
    (CurvesRequest, "cost curves mixtral-8x7b --gpus 8xh100-sxm --trace requests.csv",
     {"model": "mixtral-8x7b", "gpus": "8xh100-sxm", "trace": "requests.csv"}),
    (TrainCostRequest, "cost train mixtral-8x7b --gpus 64xh100-sxm --tokens 1T --precision fp8",
     {"model": "mixtral-8x7b", "gpus": "64xh100-sxm", "tokens": "1T", "precision": "fp8"}),
    (ArchRequest, "arch mixtral-8x7b llama-3.1-8b --context 32K",
     {"model": "mixtral-8x7b", "more": ["llama-3.1-8b"], "context": "32K"}),
    (CompareRequest, "compare mixtral-8x7b --gpus 8xh100-sxm", {"model": "mixtral-8x7b", "gpus": "8xh100-sxm"}),
    (FitRequest, "laws fit runs.csv --family chinchilla --resamples 0 --bad-rows exclude",
     {"runs": "runs.csv", "family": "chinchilla", "resamples": 0, "bad_rows": "exclude"}),
    (FitRequest, "laws fit r.csv --family wang --fix E=1.7 --bound A=1:9 --start beta=0.2,0.3 --tie alpha=beta",
     {"runs": "r.csv", "family": "wang", "fix": ["E=1.7"], "bound": ["A=1:9"], "start": ["beta=0.2,0.3"],
      "tie": ["alpha=beta"]}),
    (FitRequest, "laws fit small.csv large.csv --family chinchilla",
     {"runs": ["small.csv", "large.csv"], "family": "chinchilla"}),
    (IsoFlopRequest, "laws isoflop r.csv --budget flops --window 5 --law besiroglu2024 --family chinchilla",
     {"runs": "r.csv", "budget": "flops", "window": 5, "law": ["besiroglu2024"], "family": "chinchilla"}),
    (RatioRequest, "laws ratio r.csv --window 7 --tolerance 0.05 --columns S=s,r=ratio,C=flops,loss=final",
     {"runs": "r.csv", "window": 7, "tolerance": 0.05, "columns": ["S=s,r=ratio,C=flops,loss=final"]}),
    (FrontierRequest, "laws frontier --law besiroglu2024 --train-flops 1e21,1e22 --set E=64",
     {"law": ["besiroglu2024"], "train_flops": "1e21,1e22", "set": ["E=64"]}),
    (CompareFamiliesRequest, "laws compare-families r.csv --family chinchilla --family wang --folds 5",
     {"runs": "r.csv", "family": ["chinchilla", "wang"], "folds": 5}),
    (NextSweepRequest, "laws next-runs r.csv --family chinchilla --budget 1e21 --criterion I --target N=7e9,D=1T",
     {"runs": "r.csv", "family": "chinchilla", "budget": "1e21", "criterion": "I", "target": ["N=7e9,D=1T"]}),
    (CurveRequest, "laws curve r.csv --law besiroglu2024 --run a",
     {"runs": "r.csv", "law": "besiroglu2024", "run": "a"}),
    (CompareLawsRequest, "laws compare mixtral-8x7b --tokens 1T --laws zhao2025",
     {"model": "mixtral-8x7b", "tokens": 1e12, "laws": ["zhao2025"]}),
    (DecideRequest, "laws decide --train-flops 1e22", {"train_flops": "1e22"}),
]  # fmt: skip


@pytest.mark.parametrize(("request_class", "words", "table"), SAME, ids=[words for _, words, _ in SAME])
def test_flags_and_a_table_make_one_request(request_class, words, table):
    _, bound, _ = app.parse_args(words.split())
    assert bound.arguments["request"] == read_request(request_class, json.loads(json.dumps(table)))


def test_variables_by_name_are_a_table_or_texts():
    typed = EvaluateRequest(law="besiroglu2024", set=["N=7e9,D=1.4T"]).variables()
    assert (
        typed
        == read_request(EvaluateRequest, {"law": "besiroglu2024", "set": {"N": 7e9, "D": "1.4T"}}).variables()
    )


def test_coefficients_by_name_are_a_table_or_texts():
    typed = FitRequest(
        runs="r", family="f", fix=["E=1.7"], bound=["A=1:9"], start=["beta=0.2,0.3"], tie=["alpha=beta"]
    )
    table = {"fix": {"E": 1.7}, "bound": {"A": [1, 9]}, "start": {"beta": [0.2, 0.3]}, "tie": {"alpha": "beta"}}
    assert read_request(FitRequest, {"runs": "r", "family": "f", **table}).options() == typed.options()
    assert typed.options().starts == {"beta": (0.2, 0.3)}


def test_what_is_left_out_or_null_has_the_command_lines_default():
    assert read_request(PlanRequest, {"tpot": None}) == PlanRequest()
    assert option_defaults(PlanRequest)["kv_precision"] == "auto"
    assert "gpus" not in option_defaults(CostRequest)


@pytest.mark.parametrize(
    ("table", "error", "words"),
    [
        ({"tppot": 3}, UnknownNameError, "request: option: unknown name 'tppot' (nearest: tpot"),
        ({"tpot": "50 apples"}, InputError, "--tpot: '50 apples' is not a quantity in seconds"),
        ({"tpot": True}, InputError, "request: tpot: must be a latency like 50ms or p95:50ms, got True"),
        ({"tp": "4"}, ConfigError, "request: tp: Expected `int`, got `str`"),
        ({"tp": 1.5}, ConfigError, "request: tp: Expected `int`, got `float`"),
        ({"prices": 3}, ConfigError, "request: prices: Expected `str`, got `int`"),
        ({"balanced_ranks": "yes"}, ConfigError, "request: balanced_ranks: Expected `bool`, got `str`"),
        ({"model": 3}, InputError, "request: model: must be text, got 3"),
        ({}, InputError, "request: gpus: missing"),
    ],
)
def test_a_fault_in_a_table_is_one_line_with_its_field(table, error, words):
    with pytest.raises(error) as caught:
        read_request(CostRequest, {"model": "mixtral-8x7b", **table}, where="request")
    assert str(caught.value).startswith(words)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("request_class", "table"),
    [
        (PlanRequest, {"law": "/etc/ours.toml"}),
        (PlanRequest, {"prices": "own.toml"}),
        (PlanRequest, {"trace": "requests.csv"}),
        (PlanRequest, {"serve_gpus": "8xmine.toml"}),
        (PlanRequest, {"serve_gpus": "8xh100-sxm,8x../mine.toml"}),
        (PlanRequest, {"train_gpus": "../mine.toml"}),
        (PlanRequest, {"serve_gpus": "8xh100-sxm@../mine.toml"}),
        (PlanRequest, {"engine": "mine.toml"}),
        (PlanRequest, {"calibration": "ours.toml"}),
        (CostRequest, {"model": "/etc", "gpus": "8xh100-sxm"}),
        (CostRequest, {"model": "mixtral-8x7b", "gpus": "8", "gpu": "mine.toml"}),
        (FleetRequest, {"model": "mixtral-8x7b", "gpu": ["h100-sxm", "mine.toml"]}),
        (ArchRequest, {"model": "mixtral-8x7b", "more": ["config.json"]}),
        (FitRequest, {"runs": "runs.csv", "family": "chinchilla"}),
        (FitRequest, {"runs": ["small.csv", "large.csv"], "family": "chinchilla"}),
        (FitRequest, {"runs": {"N": [1]}, "family": "my_law.py:MyLaw"}),
        (CompareLawsRequest, {"model": "mixtral-8x7b", "tokens": 1, "laws": ["ours.toml"]}),
        (EvaluateRequest, {"law": "ours.toml"}),
    ],
)
def test_a_network_names_no_file(request_class, table):
    with pytest.raises(InputError):
        read_request(request_class, table, trusted=False)
    read_request(request_class, table)


def test_a_network_may_state_names_and_content():
    table = {
        "serve_gpus": "8xh100-sxm@40GB,8xh200-sxm",
        "law": "zhao2025",
        "engine": "sglang",
        "train_gpus": "64xH100-SXM",
    }
    assert read_request(PlanRequest, table, trusted=False) == read_request(PlanRequest, table)
    config = {"model_type": "mixtral"}
    assert read_request(ArchRequest, {"model": config}, trusted=False).model == config
    assert read_request(CostRequest, {"model": "mixtral-8x7b", "gpus": "8", "gpu": "h100-sxm"}, trusted=False)


def test_every_option_of_a_request_has_one_name():
    for request_class in {row[0] for row in SAME}:
        assert len(options(request_class)) > 0
        assert all(name == name.lower() and "-" not in name for name in options(request_class))


def test_a_table_is_read_from_toml_and_from_json(tmp_path):
    (tmp_path / "request.toml").write_text('tpot = "50ms"\nexperts = [1, 8]\n')
    (tmp_path / "request.json").write_text('{"tpot": "50ms", "experts": [1, 8]}')
    assert load_table(tmp_path / "request.toml") == load_table(tmp_path / "request.json")
