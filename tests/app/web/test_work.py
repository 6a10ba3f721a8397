"""What is answered over HTTP is what the command line answers; nothing but names and content is taken."""

import json

import jsonschema
import numpy as np
import pytest

from optimoe.app.web.openapi import openapi, questions_text
from optimoe.app.web.questions import QUESTIONS
from optimoe.app.web.work import answered
from optimoe.core.config import load_toml
from optimoe.core.errors import InputError
from optimoe.core.files.shut import files_shut
from optimoe.core.plugins import load_from_file
from tests.app.run import answer, optimoe

SERVED = {"model": "mixtral-8x7b", "gpus": "8xh100-sxm"}
PLANNED = {"train_gpus": "8xa100-sxm", "train_days": 7, "serve_tokens": "1T", "experts": [8], "max_width": 1024}
RUNS = "N,D,loss\n" + "".join(
    f"{n:g},{d:g},{1.7 + 400 / n**0.34 + 410 / d**0.28:.9f}\n"
    for n in (1e8, 3e8, 1e9, 3e9)
    for d in (2e9, 8e9, 3e10)
)
SENT = {"name": "mine.csv", "text": RUNS}
BUDGETS = {"name": "budgets.csv", "text": "N,D,loss\n" + "".join(
    f"{n:g},{budget / 6 / n:g},{1.7 + 400 / n**0.34 + 410 / (budget / 6 / n)**0.28:.9f}\n"
    for budget in (1e19, 1e20)
    for n in (budget / 1e19)**0.5 * np.geomspace(1e8, 3e9, 9)
)}  # fmt: skip
ASKED = {
    "arch": {"model": "deepseek-v3", "precision": "fp8"},
    "cost": SERVED | {"concurrency": 8, "tpot": "50ms"},
    "cost/fleet": {"model": "mixtral-8x7b", "gpu": "h100-sxm", "requests_per_s": 5},
    "cost/curves": {"model": "mixtral-8x7b", "gpus": "8xh100-sxm"},
    "cost/context": SERVED | {"concurrency": 4},
    "cost/disaggregate": {"model": "mixtral-8x7b", "gpus": "16xh100-sxm", "tpot": "50ms"},
    "cost/train": {"model": "llama-3.1-8b", "gpus": "64xh100-sxm", "tokens": "1T"},
    "compare": {"model": "mixtral-8x7b"},
    "plan": PLANNED | {"quick": True},
    "laws/list": {},
    "laws/show": {"law": "yun2024-loss"},
    "laws/predict": {"law": "besiroglu2024", "set": {"N": "7e9", "D": "1.4T"}},
    "laws/along": {"law": "besiroglu2024", "along": "D=1e9:1e13", "points": 5, "set": {"N": "7e9"}},
    "laws/fit": {"runs": SENT, "family": "chinchilla", "resamples": 5},
    "laws/anchor": {"law": "besiroglu2024", "runs": SENT},
    "laws/isoflop": {"runs": BUDGETS, "law": "besiroglu2024", "resamples": 5},
    "laws/frontier": {"law": "besiroglu2024", "train_flops": "1e21,1e23", "resamples": 5},
    "laws/compare": {"model": "mixtral-8x7b", "tokens": "2T"},
    "laws/decide": {"train_flops": "1e22", "laws": ["ludziejewski2025"]},
}


def asked(name, **table):
    status, text = answered(name, json.dumps(table).encode())
    return status, json.loads(text)


def words(table, folder):
    """The options of a table as the command line has them, with a file for one that is sent."""
    found = []
    for name, value in table.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, dict) and set(value) == set(SENT):
            (folder / value["name"]).write_text(value["text"])
            found += [option, value["name"]]
        elif value is True:
            found.append(option)
        elif isinstance(value, dict):
            found += [word for key, one in value.items() for word in (option, f"{key}={one}")]
        elif name == "laws":
            found += [word for one in value for word in (option, one)]
        else:
            found += [option, ",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return found


def without_command(answer):
    """An answer without what was typed for it, and when."""
    found = {key: one for key, one in answer.items() if key != "made"}
    if "evidence" in found.get("law", ()):
        found["law"] |= {"evidence": found["law"]["evidence"] | {"command": ""}}
    return found


@pytest.fixture(scope="module")
def schemas():
    return openapi()["components"]["schemas"]


@pytest.mark.parametrize("name", sorted(QUESTIONS))
def test_the_answer_is_that_of_the_command_and_of_the_documented_form(name, schemas, tmp_path):
    status, found = asked(name, **ASKED[name])
    assert status == 200, found
    notes = found.pop("notes")
    command = answer(*name.split("/"), *words(ASKED[name], tmp_path), cwd=tmp_path)
    assert without_command(found) == without_command(command)
    schema = f"Answer to {QUESTIONS[name].command}".title().replace(" ", "")
    form = {"$ref": f"#/components/schemas/{schema}", "components": {"schemas": schemas}}
    assert not list(jsonschema.Draft202012Validator(form).iter_errors(found | {"notes": notes}))


def test_what_the_command_says_beside_its_answer_is_in_the_notes(tmp_path):
    table = {"model": "llama-3.1-8b", "gpus": "1xh800", "input_tokens": 200_000}
    said = optimoe("cost", *words(table, tmp_path), cwd=tmp_path).stderr.splitlines()
    status, found = asked("cost", **table)
    assert status == 200
    assert said and [f"optimoe: {note}" for note in found["notes"]] == said


@pytest.mark.parametrize(
    ("name", "table", "field"),
    [
        ("cost", SERVED | {"model": "../../etc/passwd"}, "model"),
        ("cost", SERVED | {"model": "x.py:Y"}, "model"),
        ("cost", SERVED | {"model": "file:///etc/passwd"}, "model"),
        ("cost", SERVED | {"shape": "shape.toml"}, "shape"),
        ("cost", SERVED | {"gpus": "8x/etc/gpu.toml"}, "gpu"),
        ("cost", SERVED | {"engine": "my.toml"}, "engine"),
        ("cost", SERVED | {"calibration": "/tmp/c.toml"}, "calibration"),
        ("cost", SERVED | {"trace": "/etc/passwd"}, "trace"),
        ("cost", SERVED | {"prices": "prices.toml"}, "prices"),
        ("compare", {"model": "config.json"}, "model"),
        ("arch", {"model": "config.json"}, "model"),
        ("arch", {"model": {"model_type": "llama"}, "via": "transformers"}, "via"),
        ("plan", PLANNED | {"law": "mine.toml"}, "law"),
        ("plan", PLANNED | {"score": ["design.json"]}, "model"),
        ("laws/show", {"law": "/tmp/law.toml"}, "law"),
        ("laws/predict", {"law": "../x.toml", "set": {"N": 1}}, "law"),
        ("laws/compare", {"model": "/tmp/config.json", "tokens": "1T"}, "model"),
        ("laws/show", {"law": {"name": "mine.toml", "text": ""}}, "law"),
        ("laws/isoflop", {"runs": "runs.csv"}, "runs"),
        ("laws/isoflop", {"runs": BUDGETS, "law": ["mine.toml"]}, "law"),
        ("laws/frontier", {"law": ["mine.toml"]}, "law"),
        ("laws/frontier", {"runs": SENT, "family": "mine.py:MyLaw"}, "family"),
        ("cost/train", {"model": "config.json", "gpus": "8xh100-sxm", "tokens": "1T"}, "model"),
        ("cost/context", SERVED | {"engine": "my.toml"}, "engine"),
        ("cost/disaggregate", SERVED | {"calibration": "my.toml"}, "calibration"),
        ("laws/along", {"law": "mine.toml", "along": "N=1:2"}, "law"),
        ("laws/fit", {"runs": "runs.csv", "family": "chinchilla"}, "runs"),
        ("laws/fit", {"runs": ["runs.csv", "more.csv"], "family": "chinchilla"}, "runs"),
        ("laws/fit", {"runs": {"name": "runs.csv", "text": 5}, "family": "chinchilla"}, "runs"),
        ("laws/fit", {"runs": SENT, "family": "mine.py:MyLaw"}, "family"),
        ("laws/anchor", {"runs": "runs.csv", "law": "besiroglu2024"}, "runs"),
        ("laws/anchor", {"runs": SENT, "law": "mine.toml"}, "law"),
    ],
)
def test_a_path_an_address_or_python_is_refused_in_one_line(name, table, field, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for one in (
        "runs.csv",
        "more.csv",
        "mine.py",
        "shape.toml",
        "my.toml",
        "config.json",
        "mine.toml",
        "design.json",
        "prices.toml",
    ):
        (tmp_path / one).write_text("{")  # read, it would be another error
    status, found = asked(name, **table)
    assert (status, set(found)) == (400, {"error"})
    assert found["error"].startswith(field) and "\n" not in found["error"]


def test_a_model_may_be_sent_as_its_config():
    config = {
        "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    }  # fmt: skip
    status, found = asked("cost", **SERVED | {"model": config})
    assert status == 200 and found["tokens_per_s"] > 0


def test_runs_that_are_sent_are_their_text_whatever_file_they_are_called_as(tmp_path):
    (tmp_path / "there.csv").write_text("N,D,loss\n1,1,1\n")
    name = str(tmp_path / "there.csv")
    status, found = asked("laws/anchor", law="besiroglu2024", runs={"name": name, "text": RUNS})
    assert status == 200 and found["runs"] == 12
    for sent, says in (
        ({"name": "a.csv", "text": "N,D,loss\n1e9,x,2\n"}, "a.csv"),
        ({"name": "a.jsonl", "text": "{"}, "a.jsonl:1"),
        ({"name": "a.parquet", "text": "PAR1"}, "a.parquet"),
    ):
        status, found = asked("laws/fit", family="chinchilla", runs=sent)
        assert status == 400 and found["error"].startswith(says)


@pytest.mark.parametrize(
    "body", [b"[1]", b"{", b'{"gpus": NaN}', b'"x"', b"\xff", b"[" * 100_000, b"1" * 5000, b'{"gpu": {"x": 1}}']
)
def test_a_body_that_is_no_table_of_options_is_one_line(body):
    status, text = answered("cost", body)
    line = json.loads(text)["error"]
    assert status == 400 and "\n" not in line and len(line) <= 300


def test_what_cannot_be_is_told_from_what_is_wrong():
    assert asked("cost", **SERVED | {"gpus": "1xh100-sxm"})[0] == 422
    assert asked("cost", **SERVED | {"tp": "many"})[0] == 400
    assert asked("plan", **PLANNED | {"quick": "yes"}) == (
        400,
        {"error": "quick: must be true or false, got 'yes'"},
    )


@pytest.mark.parametrize(
    "table",
    [
        {"experts": list(range(1, 40_000))},
        {"experts": [8] * 100, "top_k": [1] * 100, "shared": [0] * 1000, "first_dense_layers": [0] * 100},
        {"max_width": 1e9},
        {"serve_gpus": ",".join(f"{number}xh100-sxm" for number in range(1, 1500))},
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_before_it_is(table):
    status, found = asked("plan", **PLANNED | {"quick": True} | table)
    assert status == 400 and "must be" in found["error"] and len(found["error"]) <= 300


def test_every_reference_of_the_description_is_there_and_every_option_has_a_text():
    described = openapi()
    text = json.dumps(described)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(described["components"]["schemas"])
    for path, methods in described["paths"].items():
        schema = methods["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert all(one.get("description") for one in schema["properties"].values()), path
    cost = described["paths"]["/api/v1/cost"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert "gpus" in cost["required"]


def test_options_say_what_they_are_without_them_and_which_names_they_may_have():
    found = json.loads(questions_text())["questions"]
    plan = found["plan"]["properties"]
    assert plan["input_tokens"]["default"] == 1024 and "default" not in plan["train_days"]
    assert "h100-sxm" in plan["serve_gpus"]["examples"] and "optimoe2026" in plan["law"]["examples"]
    assert plan["price_tier"]["examples"] == ["on-demand", "reserved", "spot"]
    assert "mixtral-8x7b" in found["compare"]["properties"]["more"]["examples"]
    assert all(plan[name].get("description") for name in plan)
    assert {"trace", "prices"} & set(plan) == set()  # which are files alone


def test_the_words_of_an_answer_are_those_that_the_command_prints(tmp_path):
    status, found = asked("cost", **SERVED, words=True)
    assert status == 200
    printed = optimoe("cost", *words(SERVED, tmp_path), cwd=tmp_path).stdout
    for _, text in found["words"][0]["lines"]:
        assert text.split(" · ")[0] in printed
    assert "words" not in asked("cost", **SERVED)[1]
    assert asked("cost", **SERVED, words="yes") == (400, {"error": "words: must be true or false, got 'yes'"})


def test_a_report_is_the_page_of_its_question():
    status, page = answered("plan/report", json.dumps(PLANNED | {"quick": True}).encode())
    assert status == 200 and page.startswith("<!doctype html>")
    for name in ("compare", "cost/fleet", "laws/along"):
        status, page = answered(f"{name}/report", json.dumps(ASKED[name]).encode())
        assert status == 200 and page.startswith("<!doctype html>"), name
    status, failed = answered("plan/report", b'{"train_days": "x"}')
    assert status == 400 and json.loads(failed)["error"].startswith("train_days")


def test_a_dragged_input_is_answered_near_the_plan_before_it():
    status, whole = asked("plan", **PLANNED, quick=True)
    assert status == 200 and whole["trace"]["searched"] == "the space"
    status, near = asked("plan", **PLANNED | {"serve_tokens": "1.05T"}, near=True)
    assert status == 200 and near["trace"]["searched"] == "near an earlier plan"
    assert near["front"] and near["alternatives"] and near["robustness"] is None
    status, brief = asked("plan", **PLANNED | {"serve_tokens": "1.05T"}, near=True, brief=True)
    assert status == 200 and brief["choice"] == near["choice"] and brief["lowest_loss"] == near["lowest_loss"]
    assert (brief["front"], brief["alternatives"], brief["best_dense"]) == ([], [], None)


LAW = '[[law]]\nname = "mine"\nfamily = "{family}"\nsource = "ours"\nstatus = "fitted"\nn_convention = "total"\n'
COEFFICIENTS = "[law.coefficients]\nE = 1.7\nA = 400\nalpha = 0.34\nB = 410\nbeta = 0.28\n"


@pytest.mark.parametrize("how", ["laws/fit", "laws/anchor"])
def test_a_law_made_of_sent_runs_is_asked_along_its_variables(how):
    status, made = asked(how, **ASKED[how], law_file=True)
    assert status == 200 and "law_file" not in asked(how, **ASKED[how])[1]
    law = {"name": "mine.toml", "text": made["law_file"]}
    status, shown = asked("laws/show", law=law)
    assert status == 200 and shown["coefficients"] == pytest.approx(made["coefficients"])
    status, line = asked("laws/along", law=law, along="D=1e9:1e12", points=5, set={"N": "7e9"})
    assert status == 200 and line["fitted"][0] == 2e9
    assert all(one["low"] <= one["value"] <= one["high"] for one in line["points"])
    status, one = asked("laws/predict", law=law, set={"N": "7e9", "D": 1e9})
    assert status == 200 and one["loss"] == line["points"][0]["value"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "mine.toml"),
        ("\ud800", "mine.toml"),
        ("law = 1", "mine.toml: must hold exactly one [[law]]"),
        (LAW.format(family="none") + COEFFICIENTS, "law mine.toml: family: unknown name"),
        (LAW.format(family="chinchilla"), "law mine.toml"),
        (LAW.format(family="there.py:Law") + COEFFICIENTS, "files are for the command line and Python"),
        (LAW.format(family="gone.py:Law") + COEFFICIENTS, "files are for the command line and Python"),
    ],
)
def test_a_law_that_is_sent_runs_no_file_and_is_refused_in_one_line(text, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.py").write_text("raise SystemExit('it ran')")
    status, found = asked("laws/along", law={"name": "mine.toml", "text": text}, along="N=1e8:1e9", set={"D": 1e9})
    assert status == 400 and says in found["error"] and "\n" not in found["error"]


def test_an_output_that_a_law_has_not_is_named_with_those_that_it_has():
    for name, more in (("laws/along", {"along": "N=1e8:1e9"}), ("laws/predict", {})):
        status, found = asked(name, law="besiroglu2024", output="Q", set={"D": 1e10}, **more)
        assert status == 400 and "output: unknown name 'Q'" in found["error"]


def test_no_law_that_another_names_is_read_from_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.toml").write_text(LAW.format(family="chinchilla") + COEFFICIENTS)
    (tmp_path / "base").write_text("")
    for base in ("base.toml", str(tmp_path / "base.toml"), "base"):
        stated = {"base": base, "N0": "7e9", "D_inf": "1e12"}
        status, found = asked("laws/predict", law="sardana2024-objective", output="N", set=stated)
        assert (status, found["error"][:17]) == (400, "law: unknown name")
    sent = LAW.format(family="chinchilla") + 'dense_baseline = "base.toml"\n' + COEFFICIENTS
    status, found = asked("laws/show", law={"name": "mine.toml", "text": sent})
    assert status in (200, 400)
    with files_shut(), pytest.raises(InputError, match="files are for the command line and Python"):
        load_toml(tmp_path / "base.toml")
    with files_shut(), pytest.raises(InputError, match="files are for the command line and Python"):
        load_from_file(str(tmp_path / "there.py:Law"))
