"""The Python doors: every public name opens from a fresh process, twice, and takes the command line's words."""

import inspect
import json
import subprocess
import sys

import pytest

import optimoe

MIXTRAL = {
    "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_attention_heads": 32,
    "num_experts_per_tok": 2, "num_hidden_layers": 32, "num_key_value_heads": 8, "num_local_experts": 8,
    "sliding_window": None, "vocab_size": 32000,
}  # fmt: skip
RUNS = {
    "params": [n for n in (1e8, 3e8, 1e9, 3e9) for _ in range(4)],
    "tokens": [1e9, 4e9, 2e10, 1e11] * 4,
}
RUNS["final"] = [1.7 + 400 / n**0.34 + 2000 / d**0.36 for n, d in zip(RUNS["params"], RUNS["tokens"], strict=True)]
COLUMNS = {"N": "params", "D": "tokens", "loss": "final"}
WORDS = {
    "train_flops": "1e21", "serve_tokens": "100B", "experts": [1, 8], "top_k": 2, "shared": 0,
    "attention": "gqa", "serve_gpus": "8xh100-sxm",
}  # fmt: skip
WANTED = {
    "check_latencies": "calibration", "compare_laws": "tokens", "compare_models": "gpus", "count": "context",
    "decide_by_laws": "laws", "draw_curves": "tpot", "fit": "columns", "load_config": "config",
    "measure": "concurrency", "plan": "serve_tokens", "predict_by_law": "set", "predict_serving": "tpot",
    "size_fleet": "requests_per_s", "sweep": "workers", "train": "data",
}  # fmt: skip
"""A word that each door shows."""


def python(code, cwd=None):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_there_twice_from_a_fresh_process():
    code = (
        "import optimoe\n"
        "for name in optimoe.__all__:\n"
        "    first, second = getattr(optimoe, name), getattr(optimoe, name)\n"
        "    assert first is second, name\n"
        "    assert name == '__version__' or callable(first) or name.startswith('__'), name\n"
        "from optimoe import *\n"
        "from optimoe import plan\n"
        "assert callable(plan) and callable(optimoe.plan)\n"
    )
    python(code)


def test_the_list_of_names_is_that_of_completion_and_of_the_table():
    assert set(dir(optimoe)) == set(optimoe.__all__) == {"__version__", *optimoe._PUBLIC}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        optimoe.nothing  # noqa: B018


def test_opening_a_door_loads_neither_numpy_nor_torch():
    code = "import sys\nfrom optimoe import plan, count\ncount('mixtral-8x7b')\n"
    python(code + "heavy = {'numpy', 'scipy', 'torch', 'plotly'} & set(sys.modules)\nassert not heavy, heavy\n")


@pytest.mark.parametrize("door", WANTED)
def test_a_door_shows_its_words(door):
    assert WANTED[door] in inspect.signature(getattr(optimoe, door)).parameters


def test_a_model_is_counted_by_name_path_content_and_description(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(MIXTRAL))
    spec = optimoe.find_model("mixtral-8x7b")
    for model in ("mixtral-8x7b", tmp_path, str(tmp_path / "config.json"), MIXTRAL, spec):
        assert optimoe.count(model).params.total == 46_702_792_704
    assert optimoe.count(spec, context="32K").context_tokens == 32_000
    assert optimoe.load_config(MIXTRAL).d_model == optimoe.load_config(tmp_path).d_model == 4096


def test_a_law_is_fitted_to_a_path_a_dict_and_a_frame(tmp_path):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(RUNS)
    frame.write_csv(tmp_path / "runs.csv")
    for runs in (tmp_path / "runs.csv", str(tmp_path / "runs.csv"), RUNS, frame):
        law = optimoe.fit(runs, "chinchilla", columns=COLUMNS)
        assert law.verdict == "sound"
        assert law.coefficients["alpha"] == pytest.approx(0.34, rel=1e-4)
    loaded = optimoe.load_observations(tmp_path / "runs.csv", COLUMNS)
    assert optimoe.fit(loaded, "chinchilla").coefficients == law.coefficients


def test_serving_is_predicted_by_words_and_by_a_deployment():
    words = optimoe.predict_serving("mixtral-8x7b", gpus="2xh100-sxm", concurrency=16)
    deployment = optimoe.Deployment(
        cluster=optimoe.Cluster(accelerator=optimoe.find_accelerator("h100-sxm"), num_gpus=2),
        workload=optimoe.Workload(),
        price=optimoe.list_price("h100-sxm"),
    )
    typed = optimoe.predict_serving("mixtral-8x7b", deployment, concurrency=16)
    laid_out = optimoe.predict_serving(MIXTRAL, deployment, layout=optimoe.Layout(tp=2), concurrency=16)
    assert float(words.tpot_s) == float(typed.tpot_s) == pytest.approx(float(laid_out.tpot_s))


def test_a_plan_is_made_of_words_and_of_a_problem():
    words = optimoe.plan(**WORDS)
    problem = optimoe.plan(words.problem)
    assert words.choice.tokens == problem.choice.tokens
    assert words.problem.lifetime_tokens == 1e11
    with pytest.raises(optimoe.InputError, match="serve_tokens: must be left out beside a problem"):
        optimoe.plan(words.problem, serve_tokens="1T")


@pytest.mark.parametrize(
    ("door", "words", "line"),
    [
        ("count", {"model": "mixtral-8x8b"}, "nearest: mixtral-8x7b"),
        ("count", {"model": "mixtral-8x7b", "contxt": 3}, "option: unknown name 'contxt' (nearest: context"),
        ("plan", {"train_flops": "lots"}, "train_flops: 'lots' is not a quantity"),
        ("predict_serving", {"model": "mixtral-8x7b"}, "gpus: missing"),
        ("train", {"runs": "no.toml"}, "no.toml: cannot be read"),
        ("train", {"runs": {}, "data": 3}, "data: must be a list of names, got 3"),
        ("fit", {"runs": RUNS, "family": "chinchila", "columns": COLUMNS}, "chinchilla"),
    ],
)
def test_a_fault_in_words_is_one_line(door, words, line):
    with pytest.raises(optimoe.InputError) as caught:
        getattr(optimoe, door)(**words)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
