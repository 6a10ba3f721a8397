"""Files of grids: every combination of the axes is a run with a name and an identity of its own."""

import pytest

from optimoe.arch.hf import from_config
from optimoe.core.errors import ConfigError, UnknownNameError
from optimoe.core.run import save_runs
from optimoe.inputs.sweeps.grid import load_sweep
from tests.trainer.world import make_run

SHARED = """
[run]
batch_tokens = 128
seq_len = 32
schedule = { peak_rate = 3e-3, warmup_tokens = 256 }
[design]
head_dim = 8
active_ffn_ratio = 2
"""
GRID = """
[[grid]]
[grid.axes]
size = [{ name = "s", d_model = 16, num_layers = 2 }, { name = "m", d_model = 32, num_layers = 2 }]
num_experts = [1, 4]
tokens = [1280, 12_800]
seed = [0, 1]
"""


def runs_of(folder, text):
    (folder / "grid.toml").write_text(text)
    return tuple(asked.run for asked in load_sweep(folder / "grid.toml"))


def test_every_combination_is_a_run_named_after_its_values_the_last_axis_first(tmp_path):
    runs = runs_of(tmp_path, SHARED + GRID)
    assert len(runs) == 16 and len({run.run_id for run in runs}) == 16
    assert [run.name for run in runs[:4]] == ["s-e1-1280-s0", "s-e1-1280-s1", "s-e1-12.8K-s0", "s-e1-12.8K-s1"]
    last = runs[-1]
    arch = from_config(last.architecture, last.name)
    assert (arch.d_model, arch.moe.num_experts, last.tokens, last.seed) == (32, 4, 12_800, 1)
    assert last.data.seed == runs[0].data.seed  # the order of the data is not the seed's
    assert [run.run_id for run in runs_of(tmp_path, SHARED + GRID)] == [run.run_id for run in runs]


def test_grids_of_one_file_share_what_stands_above_them_and_may_say_otherwise(tmp_path):
    routers = """
    [[grid]]
    run = { tokens = 1280, schedule = { peak_rate = 1e-3 } }
    design = { d_model = 16, num_layers = 2, num_experts = 4 }
    axes = { router = [{ name = "top", kind = "top_k" }, { name = "hash", kind = "hash" }] }
    [[grid]]
    run = { tokens = 1280 }
    design = { d_model = 16, num_layers = 2 }
    axes = { pool = [{ name = "n64", peer = { num_keys = 8, num_heads = 2, top_k = 2, d_key = 8 } },
                     { name = "n16", peer = { num_keys = 4, num_heads = 2, top_k = 2, d_key = 8 } }] }
    """
    top, hashed, pool, _ = runs_of(tmp_path, SHARED + routers)
    assert (top.router["kind"], hashed.router["kind"]) == ("top_k", "hash")
    assert (top.schedule.peak_rate, top.schedule.warmup_tokens, pool.schedule.peak_rate) == (1e-3, 256, 3e-3)
    assert (pool.name, pool.architecture["layers"][0]["ffn"]["kind"]) == ("n64", "peer")


def test_tokens_may_be_stated_over_the_active_parameters(tmp_path):
    grid = "[[grid]]\ndesign = { d_model = 16, num_layers = 2 }\naxes = { tokens_per_param = [1, 2] }"
    one, two = runs_of(tmp_path, SHARED + grid)
    assert one.name == "x1" and one.tokens % 128 == 0 and abs(two.tokens / one.tokens - 2) < 0.05


def test_a_file_of_runs_is_a_sweep_too(tmp_path):
    save_runs(tmp_path / "runs.toml", [make_run(name="one"), make_run(name="two", seed=1)])
    assert [asked.run.name for asked in load_sweep(tmp_path / "runs.toml")] == ["one", "two"]


@pytest.mark.parametrize(
    ("old", "new", "kind", "line"),
    [
        ("num_experts", "num_expert", UnknownNameError, "grid 1: axes: num_expert: field: .*num_experts"),
        ("[1, 4]", "[]", ConfigError, "axes: num_experts: must be a list of values"),
        ("d_model = 16,", "d_modell = 16,", UnknownNameError, "axes: size: field: .*d_model"),
        ('name = "m"', 'name = "s"', ConfigError, "name: must be another for each run, got s-e1-1280-s0 twice"),
        ("seed = [0, 1]", "seed = [0, 0]", ConfigError, "twice"),
        ("d_model = 32", "d_model = 0", ConfigError, "m-e1-1280-s0: .*d_model: must be positive, got 0"),
        ("[grid.axes]", "[grid.axis]", UnknownNameError, "grid 1: table: .*axes"),
    ],
)
def test_what_is_wrong_with_a_grid_is_said_in_one_line(tmp_path, old, new, kind, line):
    with pytest.raises(kind, match=line) as error:
        runs_of(tmp_path, SHARED + GRID.replace(old, new))
    assert "\n" not in str(error.value)
