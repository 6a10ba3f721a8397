from dataclasses import replace

import pytest
import tomli_w

from optimoe.arch.precision.formats import bytes_per_value
from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError, InputError
from optimoe.core.provenance import Basis
from optimoe.cost.engines.engine import Engine, find_engine
from optimoe.cost.engines.eras import ERA
from optimoe.cost.engines.host import HostTimes
from optimoe.cost.engines.preset import EnginePreset, engine_names, engine_preset
from optimoe.cost.layers.execution import Execution

MINE = {
    "host": {"front_s": 0.08},
    "prefill_first": True,
    "kv_of": {"fp8": "fp8"},
    "source": "200 requests against my server",
}


def written(path, table):
    path.write_text(tomli_w.dumps(table))
    return str(path)


def conforms(preset):
    """What every preset is, whoever states it."""
    assert 0 <= preset.host.front_s < 1
    wide = {weights: max(2, bytes_per_value(weights)) for weights in preset.kv_of}
    assert all(bytes_per_value(cache) <= wide[weights] for weights, cache in preset.kv_of.items())
    assert preset.source
    assert preset.basis in Basis


def test_an_engine_is_found_with_words_of_its_scheduler_and_of_its_kernels_alike():
    engine = find_engine("vllm", chunk_tokens=512, overlap=0.5, kernels="silicon")
    assert engine == replace(
        find_engine("vllm"), chunk_tokens=512, execution=Execution(overlap=0.5, kernels="silicon")
    )
    with pytest.raises(TypeError, match="chunks"):
        find_engine("vllm", chunks=512)


def test_engines_differ_by_their_presets():
    assert {"vllm", "sglang", "trtllm"} <= set(engine_names())
    assert find_engine("sglang").prefill_first
    assert find_engine("vllm").host == Engine().host
    with pytest.raises(ConfigError, match="acceptance"):
        Engine(acceptance=0.5)
    with pytest.raises(ConfigError, match="overlap"):
        Execution(overlap=2.0)


@pytest.mark.parametrize("name", [name for name in engine_names() if ERA not in name])
def test_every_preset_is_whole_and_as_a_file_of_ones_own_the_same(name, tmp_path):
    preset = engine_preset(name)
    conforms(preset)
    row = load_facts("optimoe.cost", "engines.toml")["engine"][name]
    path = written(tmp_path / f"{name}.toml", row)
    assert engine_preset(path) == preset
    assert find_engine(path, precision="fp8") == find_engine(name, precision="fp8")


def test_an_engine_of_ones_own_is_one_file(tmp_path):
    path = written(tmp_path / "mine.toml", MINE)
    conforms(engine_preset(path))
    assert engine_preset(path) == EnginePreset(
        name="mine", basis=Basis.ASSUMED, **MINE | {"host": HostTimes(front_s=0.08)}
    )
    engine = find_engine(path, precision="fp8", chunk_tokens=512)
    assert (engine.host.front_s, engine.prefill_first, engine.chunk_tokens) == (0.08, True, 512)
    assert engine.kv_of == {"fp8": "fp8"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"host": {"front_s": -0.1}}, "front_s: must be in seconds, from 0 to below 60, got -0.1"),
        ({"host": {"front_s": 80.0}}, "front_s: must be in seconds, from 0 to below 60, got 80.0"),
        ({"host": {"front_s": "80 ms"}}, "Expected `float`, got `str` - at `host.front_s`"),
        ({"prefill_first": "no"}, "Expected `bool`, got `str` - at `prefill_first`"),
        ({"kv_of": {"fp8": "fp7"}}, "kv_of: unknown name 'fp7' (nearest: fp"),
        ({"kv_of": {"fp7": "fp8"}}, "kv_of: unknown name 'fp7' (nearest: fp"),
        ({"basis": "guessed"}, "`basis`"),
        ({"source": ""}, "source: must be given"),
        ({"host": {"fronts": 0.1}}, "unknown name 'fronts' (nearest: front_s"),
    ],
)
def test_a_file_that_describes_no_engine_is_refused_in_one_line(change, words, tmp_path):
    path = written(tmp_path / "mine.toml", MINE | change)
    with pytest.raises(InputError) as caught:
        find_engine(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", MINE)
def test_what_an_engine_must_state_is_named(field, tmp_path):
    path = written(tmp_path / "mine.toml", {name: value for name, value in MINE.items() if name != field})
    with pytest.raises(ConfigError, match=f"mine.toml: Object missing required field `{field}`"):
        find_engine(path)


def test_a_file_that_is_not_there_or_no_toml_is_said(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        find_engine(str(tmp_path / "gone.toml"))
    (tmp_path / "broken.toml").write_text("front_s = ")
    with pytest.raises(ConfigError, match="not TOML"):
        find_engine(str(tmp_path / "broken.toml"))
