"""Every command prints one JSON object that its schema describes."""

import copy
import dataclasses
import inspect
import json
import math
import pkgutil
import random
import re
import shlex
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Literal

import jsonschema
import pytest
from msgspec import UNSET, UnsetType

import optimoe.report.records as records
from optimoe.app.main import app
from optimoe.core.errors import UnknownNameError
from optimoe.core.predictions import add_outcome, add_prediction
from optimoe.core.predictions.read import LEVELS
from optimoe.core.run import save_runs
from optimoe.planner.confidence import robust, swings
from optimoe.planner.confidence.draws import rivals
from optimoe.report.records import schema as schemas
from optimoe.report.records.schema import COMMANDS, SCHEMA_VERSION, field_docs, json_schema, record_types
from tests.core.predictions.cases import said
from tests.loadtest.endpoint import running
from tests.loadtest.foreign.files import VLLM, write

README = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
SHORT = {  # long searches, in a form that takes seconds
    "--train-gpus 64xh100-sxm --train-days 30": "--train-flops 1e20",
    "5T --serve-gpus 8xh100-sxm --tpot": "10B --experts 1,2 --serve-gpus 8xh100-sxm --tpot",
    "--loss-slack 0": "--loss-slack 0 --experts 1,8",
    "--law ours.toml --train-flops 1e22": "--train-flops 1e22",
    "--columns N_act=active,D=tokens,E=experts,loss=final": "--resamples 10",
    "examples/runs.csv --family ludziejewski2025": "runs.csv --family chinchilla --holdout top20%",
    "--fix E_max=290": "--fix E=1.8",
    "--experts 64,256": "--experts 64",
    "--experts 1,8,32": "--experts 1,8",
    "reproduce yun2024": "reproduce epoch2024",  # a text whose numbers are quick
}
FEW = {
    "--top-k": "1", "--shared": "0", "--attention": "gqa", "--active-ffn-ratio": "3",
    "--first-dense-layers": "0",
}  # fmt: skip
"""One value of each axis of a plan's designs that a line does not state: what is printed has the same keys."""
MORE = (
    "laws show ludziejewski2025",
    "laws show kaplan2020-c",
    "laws ratio ratios.csv --resamples 20",
    "laws isoflop runs.csv --tolerance 3 --window 4 --resamples 5 --family chinchilla --law besiroglu2024",
    "laws frontier --law besiroglu2024 --train-flops 1e21 --resamples 0",
    "laws compare-families runs.csv --family chinchilla --family gadre2024 --folds 3",
    "laws back-test store/records.jsonl --law besiroglu2024 --family yun --holdout train_flops>1.5e16 --anchors 1",
    "laws next-runs runs.csv --family chinchilla --budget 1e21 --most 2",
    "laws curve runs.csv --law besiroglu2024 --labels run=N",
    "laws predict --law epoch2024 --output P_eq --set P=1.8T --set E=16 --set A=2",
    "laws along --law besiroglu2024 --along D=1e9:1e13 --points 3 --set N=7e9",
    "laws anchor besiroglu2024 runs.csv --draws 5",
    "laws fit runs.csv --family chinchilla --prior besiroglu2024 --resamples 5",
    "laws check checks.toml",
    "cost calibrate records.jsonl --resamples 3",
    "cost check records.jsonl",
    "cost size-from-speed --tokens-per-s 60 --gpus 1xh100-sxm --sparsity 8 --margin 0 --aspect 128 --ffn-ratio 3",
    "cost yun mixtral-8x7b --records records.jsonl --concurrency 16",
    "plan --train-gpus 8xh100-sxm --train-days 5 --serve-tokens 10B --experts 8 --top-k 2 --shared 0 "
    "--attention gqa --active-ffn-ratio 3 --first-dense-layers 0 --serve-gpus 8xh100-sxm --quick --explain",
    "plan --total-usd 500k --serve-tokens 100B --experts 8 --top-k 1 --shared 0 --attention gqa "
    "--also-law ludziejewski2025 --active-ffn-ratio 3 --first-dense-layers 0 --serve-gpus 8xh100-sxm --quick",
    "cost llama-3.1-8b --gpus 1xl40s --gpu-usd-per-hour 1.2",
    "cost mixtral-8x7b --gpus 1xh100-sxm --resident 0.5 --concurrency 4",
    "predictions",
    "predictions add loss --value 2.1 --low 2 --high 2.2 --level 0.9 --unit nats/token",
    "predictions outcome tpot 8.1ms --source bench",
    "data make corpus text --held-out 0.1",
    "hardware probe --threads 1 --no-operators",
    "measure URL --concurrency 1,2 --requests 4 --output-tokens 4",
    "train run.toml --data text --held-out 0.1 --evaluations 1 --threads 1",
    "sweep run.toml --data text --held-out 0.1 --evaluations 1 --workers 1 --device cpu --yes",
    "sweep status store",
    "sweep retry store",
    "sweep export store out.csv",
    "sweep compare store --baseline e1 --variant e4 --alpha 0.5 --floor 1.5",
    "export trained out --to hf",
    "sample trained --prompt the --max-new-tokens 3",
    "measure --from result.json --gpu h100-sxm --engine vllm --engine-version 0.12.0 --precision bf16 --tp 1",
    "serve trained --context 32 --seconds 0.01",
)


def readme_commands():
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    found = [line[len("$ optimoe ") :] for line in "\n".join(blocks).splitlines() if line.startswith("$ optimoe ")]
    for long, short in SHORT.items():
        found = [command.replace(long, short) for command in found]
    return [of_few_designs(line) for line in dict.fromkeys(command.removesuffix(" --json") for command in found)]


def of_few_designs(line):
    """A plan with one value of each axis that it does not state; any other command as it is."""
    stated = [f"{axis} {value}" for axis, value in FEW.items() if axis not in line]
    return " ".join([line, *stated]) if line.startswith("plan ") else line


def command_of(line):
    words = line.split()
    return " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The files that the commands read, in the folder where they run."""
    chance = random.Random(0)
    rows = ["N,D,loss"]
    rows += [
        f"{n},{d},{(1.8 + 480 / n**0.35 + 2100 / d**0.37) * (1 + chance.gauss(0, 0.003))}"
        for n in (1e8, 3e8, 1e9, 3e9)
        for d in (2e9, 1e10, 5e10)
    ]
    (tmp_path / "runs.csv").write_text("\n".join(rows))
    rows = ["S,C,D,r,loss"]
    rows += [
        f"{s},{c},{c / 6e8},{r},{2.5 + 0.02 * math.log(r / c**0.12 * 200) ** 2 + chance.gauss(0, 1e-4)}"
        for s in (0.8, 0.9, 0.95)
        for c in (1e18, 1e19, 1e20)
        for r in (0.3, 0.5, 0.8, 1.2, 2.0)
    ]
    (tmp_path / "ratios.csv").write_text("\n".join(rows))
    check = (
        '[[check]]\nlaw = "{}"\ninputs = {{}}\noutput = "L"\nvalue = 1.0\ntolerance_rel = 1e-5\nsource = "none"\n'
    )
    (tmp_path / "checks.toml").write_text(check.format("nobody2030"))
    lines = [
        json.dumps({
            "model": "mixtral-8x7b", "gpu": "h100-sxm", "num_gpus": tp, "tp": tp, "engine": "vllm",
            "engine_version": "0.12.0", "measured_utc": "2026-01-02", "input_tokens": 1024, "output_tokens": 256,
            "concurrency": concurrency, "tpot_s": 0.003 + 0.015 / tp + 0.0002 * concurrency,
            "ttft_s": 0.06 + 0.02 * concurrency / tp,
        })
        for tp in (2, 4, 8)
        for concurrency in (1, 4, 16)
    ]  # fmt: skip
    (tmp_path / "records.jsonl").write_text("\n".join(lines))
    write(tmp_path / "result.json", VLLM)
    for name in ("tpot", "ttft"):
        add_prediction(tmp_path / "predictions.jsonl", said(name=name))
    add_outcome(tmp_path / "predictions.jsonl", "ttft", 0.007, source="bench")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def few_draws_and_swings(monkeypatch):
    """How sure a plan is takes half a minute: here few draws, and few inputs moved."""
    swung = {name: factors[:1] for name, factors in swings.FACTORS.items()}
    monkeypatch.setattr(swings, "FACTORS", swung)
    monkeypatch.setattr(rivals, "usable_laws", lambda own: ())
    ask = robust.ask
    monkeypatch.setattr(robust, "ask", lambda result, draws, memory: ask(result, 8, memory))


def closed(schema):
    """The same schema, which refuses keys that it does not name."""
    schema = copy.deepcopy(schema)

    def close(node):
        if isinstance(node, dict):
            if "properties" in node:
                node["additionalProperties"] = False
            for value in node.values():
                close(value)
        elif isinstance(node, list):
            for value in node:
                close(value)

    close(schema)
    return schema


def refuse(literal):
    raise AssertionError(f"{literal} is no JSON number")


@pytest.mark.parametrize("line", [*readme_commands(), *MORE])
def test_what_a_command_prints_is_one_object_of_its_schema(line, files, capsys):
    if {"trained", "text"} & set(line.split()):
        world = import_module("tests.trainer.world")  # late: it imports torch
        world.write_text(Path("text"))
        save_runs(Path("run.toml"), [world.make_run(steps=2)])
    if line.startswith("serve "):
        pytest.importorskip("xllamacpp", reason="llama.cpp itself is needed: pip install 'optimoe[serve]'")
    if "store" in re.findall(r"\w+", line):
        import_module("tests.trainer.sweeps").save_store(Path("store"))
    if "trained" in line.split():
        world.save_run(Path("trained"))
    with running() if "URL" in line else nullcontext(("", None)) as (url, _):
        app([*shlex.split(line.replace("URL", url)), "--json"])
    printed = json.loads(capsys.readouterr().out, parse_constant=refuse)
    assert next(iter(printed)) == "schema_version"
    jsonschema.Draft202012Validator(closed(json_schema(command_of(line)))).validate(printed)


def test_the_readme_and_these_lines_run_every_command_that_has_a_schema():
    assert {command_of(line) for line in [*readme_commands(), *MORE]} == set(COMMANDS)


def commands_of(group, path=()):
    for name in group:
        if not name.startswith("-"):
            yield from ((" ".join((*path, name))), *commands_of(group[name], (*path, name)))


def test_every_command_has_a_schema():
    groups = {"laws", "data", "hardware", "help", "web"}  # words of the command line that print no record
    assert set(commands_of(app)) - groups == set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_is_a_schema(command):
    jsonschema.Draft202012Validator.check_schema(json_schema(command))


@pytest.mark.parametrize("command", COMMANDS)
def test_a_schema_wants_its_version_first(command):
    schema = json_schema(command)
    for kind in schema.get("anyOf", [schema]):
        assert kind["required"][0] == next(iter(kind["properties"])) == "schema_version"
        assert kind["properties"]["schema_version"]["const"] == SCHEMA_VERSION


def test_an_unknown_command_names_the_nearest():
    with pytest.raises(UnknownNameError, match="cost fleet"):
        json_schema("cost flet")


def every_record():
    for module in pkgutil.walk_packages(records.__path__, records.__name__ + "."):
        for _, cls in inspect.getmembers(import_module(module.name), dataclasses.is_dataclass):
            if cls.__module__ == module.name:
                yield cls


RECORDS = sorted(set(every_record()), key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_every_field_of_a_record_is_described_and_no_other(cls):
    docs = field_docs(cls)
    assert set(docs) == {field.name for field in dataclasses.fields(cls)}
    assert all(text.strip().endswith((".", "…")) for text in docs.values()), docs
    assert cls.__dataclass_params__.frozen
    assert all(field.kw_only for field in dataclasses.fields(cls))
    assert cls.__name__.endswith("Record")


def test_every_record_is_reached_from_a_command():
    reached = set()
    for command in COMMANDS:
        reached |= set(json_schema(command)["$defs"]) | {cls.__name__ for cls in record_types(command)}
    assert {cls.__name__ for cls in RECORDS} - reached == set()


RANGES = {"max_batch", "cache", "flat", "params_total", "params_active"}
"""Pairs of ends of which nobody states a share: by set-ups of an engine, by what costs 0.001 nats, by guesses."""


@pytest.mark.parametrize("cls", RECORDS, ids=lambda cls: cls.__name__)
def test_a_number_between_two_ends_has_a_level_for_the_ledger_or_is_known_to_have_none(cls):
    names = [field.name.split("_") for field in dataclasses.fields(cls)]
    banded = {"_".join(word for word in words if word != "low") for words in names if "low" in words[1:]}
    assert banded - {*LEVELS, *RANGES} == set()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leaf:
    """A leaf.

    Attributes:
        a, b: Two numbers
            on two lines.

    Raises:
        ConfigError: Never.
    """

    a: int
    b: float | None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tree(Leaf):
    """A tree.

    Attributes:
        leaf: One of two.
        rows: Pairs.
        names: By name.
        kind: Which.
    """

    leaf: Leaf | None
    rows: tuple[tuple[int, Leaf], ...]
    names: dict[str, bool] | UnsetType = UNSET
    kind: Literal["oak", "ash"] = "oak"


def test_types_become_their_schema(monkeypatch):
    monkeypatch.setattr(schemas, "record_types", lambda command: (Tree,))
    schema = json_schema("tree")
    assert schema["required"] == ["schema_version", "a", "b", "leaf", "rows", "kind"]
    found = schema["properties"]
    assert found["a"] == {"type": "integer", "description": "Two numbers on two lines."}
    assert found["b"]["type"] == ["number", "null"]
    assert found["leaf"]["anyOf"] == [{"$ref": "#/$defs/Leaf"}, {"type": "null"}]
    pair = found["rows"]["items"]
    assert pair == {
        "type": "array",
        "prefixItems": [{"type": "integer"}, {"$ref": "#/$defs/Leaf"}],
        "items": False,
        "minItems": 2,
    }
    assert found["names"] == {
        "type": "object", "additionalProperties": {"type": "boolean"}, "description": "By name.",
    }  # fmt: skip
    assert found["kind"]["enum"] == ["oak", "ash"]
    assert schema["$defs"]["Leaf"]["required"] == ["a", "b"]
