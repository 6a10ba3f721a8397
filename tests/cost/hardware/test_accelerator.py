import math
from dataclasses import replace

import pytest
import tomli_w

from optimoe.core.config import load_facts
from optimoe.core.errors import ConfigError, InputError, UnknownNameError
from optimoe.cost.hardware.accelerator import (
    Accelerator,
    Cluster,
    accelerator_names,
    find_accelerator,
    parse_gpus,
    sizes,
    states_number,
)
from optimoe.cost.kernels.families.collectives import collective_s

MINE = {
    "memory_bytes": 1e11,
    "memory_bytes_per_s": 1e12,
    "peak_flops_per_s": {"bf16": 1e14},
    "source": "data sheet of my GPU",
}


def written(path, table):
    path.write_text(tomli_w.dumps(table))
    return str(path)


def conforms(gpu):
    """What every accelerator is, whoever describes it."""
    assert gpu.name == gpu.name.lower()
    assert gpu.source
    assert 1e9 < gpu.memory_bytes < 1e12
    assert 1e11 < gpu.memory_bytes_per_s < 1e13
    assert 5e13 < gpu.flops_per_s("bf16") < 1e16
    assert gpu.gpus_per_node == 1 or gpu.intra_node_bytes_per_s > 0


@pytest.mark.parametrize("name", accelerator_names())
def test_every_accelerator_is_whole_and_as_a_file_of_ones_own_the_same(name, tmp_path):
    gpu = find_accelerator(name)
    conforms(gpu)
    row = load_facts("optimoe.cost", "accelerators.toml")["accelerator"][name]
    assert find_accelerator(written(tmp_path / f"{name}.toml", row)) == gpu


def test_gpus_are_read_as_people_write_them():
    assert parse_gpus("8xh100-sxm") == (8, "h100-sxm")
    assert parse_gpus("h100-sxm") == (1, "h100-sxm")
    assert parse_gpus("64 x h200-sxm") == (64, "h200-sxm")
    assert find_accelerator("H100_SXM") == find_accelerator("h100-sxm")
    for no_number in ("0xh100-sxm", "9" * 5000 + "xh100-sxm"):
        with pytest.raises(ConfigError, match="gpus: must be like 8xh100-sxm") as refused:
            parse_gpus(no_number)
        assert len(str(refused.value)) < 150
    with pytest.raises(UnknownNameError, match="h100-sxm"):
        find_accelerator("h100-sxl")


@pytest.mark.parametrize(
    ("driver", "name"),
    [
        ("NVIDIA H100 80GB HBM3", "h100-sxm"),
        ("NVIDIA A100 80GB PCIe", "a100-pcie"),
        ("NVIDIA GeForce RTX 4090", "rtx-4090"),
        ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
        ("NVIDIA H200", "h200-sxm"),
        ("AMD Instinct MI300X", "mi300x"),
    ],
)
def test_a_gpu_is_found_by_what_its_driver_calls_it(driver, name):
    assert find_accelerator(driver).name == name


def test_a_usual_name_finds_its_accelerator_and_the_notes_say_which():
    for usual, name in load_facts("optimoe.cost", "accelerators.toml")["alias"].items():
        found, own = find_accelerator(usual), find_accelerator(name)
        assert replace(found, notes=own.notes) == own
        assert found.notes.startswith(f"{usual} is read as {name}.")
    assert find_accelerator("H100").notes == "H100 is read as h100-sxm."
    assert find_accelerator("RTX 4090").name == "rtx-4090"
    assert find_accelerator("h100@40GB").notes == "h100 is read as h100-sxm."
    assert not find_accelerator("h100-sxm").notes


def test_gpus_of_one_link_domain_are_a_group_across_nodes():
    gb200 = find_accelerator("gb200")
    assert (gb200.gpus_per_node, gb200.linked_gpus) == (4, 72)
    assert find_accelerator("h100-sxm").linked_gpus == 8
    apart = replace(gb200, domain_gpus=0)
    assert collective_s(gb200, "all_reduce", 8, 1e5) < collective_s(apart, "all_reduce", 8, 1e5) / 2


def test_cards_over_pcie_may_work_together():
    """Two RTX 4090 share a model in engine logs: their link is PCIe, no network is known beyond a machine."""
    assert Cluster(accelerator=find_accelerator("rtx-4090"), num_gpus=2).num_gpus == 2
    with pytest.raises(ConfigError, match="at most 8 of rtx-4090"):
        Cluster(accelerator=find_accelerator("rtx-4090"), num_gpus=16)


def test_an_accelerator_of_ones_own_is_one_file(tmp_path):
    gpu = find_accelerator(written(tmp_path / "mine.toml", MINE))
    conforms(gpu)
    assert gpu == Accelerator(name="mine", **MINE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory_bytes": -1.0}, "memory_bytes: must be 1e9 to 1e14 bytes (80 GB are 8e10), got -1"),
        ({"memory_bytes": 80.0}, "memory_bytes: must be 1e9 to 1e14 bytes (80 GB are 8e10), got 80"),
        ({"memory_bytes_per_s": 3350.0}, "must be 1e9 to 1e15 bytes/s (3.35 TB/s are 3.35e12), got 3,350"),
        ({"peak_flops_per_s": {"bf16": 989.0}}, "peak_flops_per_s.bf16: must be 1e10 to 1e18 FLOP/s"),
        ({"peak_flops_per_s": {"bf16": math.inf}}, "peak_flops_per_s.bf16: must be 1e10 to 1e18 FLOP/s"),
        ({"intra_node_bytes_per_s": 900.0}, "intra_node_bytes_per_s: must be 0, or 1e8 to 1e14 bytes/s"),
        ({"power_w": 7e5}, "power_w: must be 0, or 1 to 10,000 watts (an H100 takes 700), got 700,000"),
        ({"memory_bytes": "80GB"}, "Expected `float`, got `str` - at `memory_bytes`"),
        ({"clock_hz": -1.0}, "clock_hz: must be 0, or 1e8 to 1e10 Hz (1.98 GHz are 1.98e9), got -1"),
        ({"gpus_per_node": 8}, "intra_node_bytes_per_s: must be positive where a node has several GPUs, got 0.0"),
        ({"peak_flops_per_s": {"fp8": 1e15}}, "peak_flops_per_s: must be given for bf16"),
        ({"source": " "}, "source: must be given"),
        ({"memory_byte": 1e11}, "field: unknown name 'memory_byte' (nearest: memory_bytes"),
    ],
)
def test_a_file_that_describes_no_accelerator_is_refused_in_one_line(change, words, tmp_path):
    path = written(tmp_path / "mine.toml", MINE | change)
    with pytest.raises(InputError) as caught:
        find_accelerator(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", MINE)
def test_what_an_accelerator_must_state_is_named(field, tmp_path):
    path = written(tmp_path / "mine.toml", {name: value for name, value in MINE.items() if name != field})
    with pytest.raises(ConfigError, match=f"mine.toml: Object missing required field `{field}`"):
        find_accelerator(path)


def test_a_gpu_of_another_memory_is_the_same_in_everything_else(tmp_path):
    own, larger = find_accelerator("h100-sxm"), find_accelerator("H100_sxm@141GB")
    assert (larger.name, larger.memory_bytes) == ("h100-sxm@141GB", 141e9)
    assert "memory of 141GB as stated" in larger.source
    assert replace(larger, name=own.name, memory_bytes=own.memory_bytes, source=own.source) == own
    file = written(tmp_path / "mine.toml", MINE)
    assert find_accelerator(f"{file}@40GiB").memory_bytes == 40 * 2**30
    assert parse_gpus("8xh100-sxm@40GB") == (8, "h100-sxm@40GB")


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("h100-sxm@lots", ConfigError, "gpu h100-sxm: memory: 'lots' is not a quantity in bytes"),
        ("h100-sxm@0GB", ConfigError, "memory_bytes: must be 1e9 to 1e14 bytes"),
        ("h100-sxl@40GB", UnknownNameError, "gpu: unknown name 'h100-sxl'"),
    ],
)
def test_a_memory_that_is_none_is_refused(name, error, words):
    with pytest.raises(error, match=words):
        find_accelerator(name)


def test_deployments_double_as_far_as_the_network_goes():
    h100 = find_accelerator("h100-sxm")
    assert sizes(h100) == [1, 2, 4, 8, 16, 32, 64]
    assert sizes(h100, 6) == [1, 2, 4, 6]
    alone = replace(h100, inter_node_bytes_per_s=0.0)
    assert sizes(alone)[-1] == alone.linked_gpus == 8


def test_a_kind_alone_states_no_number():
    assert states_number("8xh100-sxm")
    assert states_number(" 16 × mine.toml")
    assert not states_number("h100-sxm")
    assert not states_number("")
