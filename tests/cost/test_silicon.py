"""Measured kernels as a back end: exact where they were measured, the curves elsewhere."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.provenance import Basis
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.fitted import FITTED
from optimoe.cost.kernels.measured import tables as tables_module
from optimoe.cost.kernels.measured.grid import RatioGrid
from optimoe.cost.kernels.measured.source import Silicon
from optimoe.cost.kernels.source import KernelSource
from optimoe.cost.kernels.spread import power_law
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.engine import Engine
from optimoe.cost.serving.step import decode_step

needs_tables = pytest.mark.skipif(
    importlib.util.find_spec("aiconfigurator_core") is None or importlib.util.find_spec("pyarrow") is None,
    reason="the extra silicon (aiconfigurator-core) is not installed",
)
needs_data = pytest.mark.skipif("OPTIMOE_DATA" not in os.environ, reason="OPTIMOE_DATA names no folder of data")
A100, H100 = find_accelerator("a100-sxm"), find_accelerator("h100-sxm")


@pytest.fixture
def grid():
    sizes = np.array([1, 1, 4, 4, 16]), np.array([8, 64, 8, 64, 8])
    measured = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    return RatioGrid.of(sizes, measured, np.ones(5))


def test_a_grid_is_exact_at_its_points_and_between_them_in_logarithms(grid):
    ratio, known = grid.ratio(np.array([1, 4, 16, 2]), np.array([64, 8, 8, 8]))
    assert known.all()
    assert ratio == pytest.approx([2, 3, 5, np.sqrt(3)])


def test_outside_a_grid_and_in_its_holes_nothing_is_known(grid):
    ratio, known = grid.ratio(np.array([0.5, 17, 1, 8, 16]), np.array([8, 8, 100, 32, 64]))
    assert not known.any()
    assert (ratio == 1).all()


def test_of_several_measurements_at_one_point_the_fastest_counts():
    grid = RatioGrid.of((np.array([2, 2]),), np.array([3.0, 1.5]), np.array([1.0, 1.0]))
    assert grid.ratio(2)[0] == pytest.approx(1.5)


def test_the_missing_extra_is_named_in_one_line(monkeypatch):
    monkeypatch.setattr(tables_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"optimoe\[silicon\]"):
        Silicon()


def test_sources_are_found_by_name():
    assert find_kernels("fitted") is FITTED
    assert isinstance(FITTED, KernelSource)
    with pytest.raises(UnknownNameError, match="kernels"):
        find_kernels("guessed")
    with pytest.raises(UnknownNameError, match="engine"):
        find_kernels("silicon:tgi")


@needs_tables
class TestAgainstTheTables:
    @pytest.fixture
    def silicon(self):
        return find_kernels("silicon")

    @staticmethod
    def check(found, seconds):
        assert found.basis is Basis.MEASURED
        np.testing.assert_allclose(found.total_s, seconds, rtol=1e-9)

    @staticmethod
    def shipped(name, **equal):
        """Rows of the same measurement that were shipped as data: A100, vLLM 0.14."""
        import pyarrow.parquet as parquet

        folder = Path(os.environ["OPTIMOE_DATA"]) / "kernels_h100_a100"
        (path,) = folder.glob(f"a100_sxm__vllm_*__{name}_perf.parquet")
        columns = parquet.read_table(path).to_pydict()
        rows = {name: np.array(column) for name, column in columns.items()}
        keep = np.all([rows[column] == value for column, value in equal.items()], axis=0)
        return {name: column[keep] if column.ndim else column for name, column in rows.items()}

    def test_it_serves_every_operator(self, silicon):
        assert isinstance(silicon, KernelSource)
        assert silicon.name == "silicon:vllm"

    @needs_data
    def test_products_are_exact(self, silicon):
        rows = self.shipped("gemm", gemm_dtype="bfloat16")
        self.check(silicon.gemm(A100, "bf16", rows["m"], rows["n"], rows["k"]), rows["latency"] * 1e-3)

    @needs_data
    def test_attention_over_prompts_is_exact(self, silicon):
        rows = self.shipped("context_attention", num_heads=32, num_key_value_heads=8, head_dim=128)
        length = rows["isl"].astype(float)
        shape = rows["batch_size"], 32, 8, 128, length, attended(length, UNLIMITED_WINDOW, "prefill")
        self.check(silicon.prefill_attention(A100, *shape), rows["latency"] * 1e-3)

    @needs_data
    def test_attention_over_caches_is_exact_where_they_were_cold(self, silicon):
        rows = self.shipped("generation_attention", num_heads=16, num_key_value_heads=2, head_dim=128)
        seen = rows["step"] + 1.0
        requests = rows["batch_size"].astype(float)
        cache_bytes = 2 * 2 * 2 * 128 * requests * seen
        cold = (cache_bytes < 1e6) | (cache_bytes > 5e7)
        shape = requests, 2 * 2 * 128, 4 * 16 * 128 * seen, seen
        found, curve = (kernels.decode_attention(A100, "bf16", *shape) for kernels in (silicon, FITTED))
        assert found.measured.tolist() == cold.tolist()
        np.testing.assert_allclose(found.total_s, np.where(cold, rows["latency"] * 1e-3, curve.total_s), rtol=1e-9)

    @needs_data
    def test_experts_are_exact_under_the_routing_of_the_table(self, silicon):
        rows = self.shipped(
            "moe", hidden_size=4096, inter_size=14336, num_experts=8, topk=2, moe_tp_size=2, moe_ep_size=1,
            distribution="power_law_1.2",
        )  # fmt: skip
        tokens = rows["num_tokens"].astype(float)
        spread = power_law(tokens, 8, 2, 1.2)
        shape = spread.pairs, spread.distinct, 4096, 7168
        self.check(silicon.experts(A100, "bf16", *shape, num_experts=8, top_k=2), rows["latency"] * 1e-3)

    @needs_data
    def test_the_all_reduce_is_exact(self, silicon):
        rows = self.shipped("custom_allreduce", num_gpus=8, backend="vllm_graph")
        found = silicon.all_reduce_s(A100, 8, 2.0 * rows["message_size"])
        np.testing.assert_allclose(found, rows["latency"] * 1e-3, rtol=1e-9)

    def test_shapes_that_were_not_measured_take_the_curve(self, silicon):
        far = silicon.gemm(H100, "bf16", 1e7, 4096, 4096)
        assert far.basis is Basis.FITTED
        assert far.total_s == FITTED.gemm(H100, "bf16", 1e7, 4096, 4096).total_s
        shape = 8.0, 7.0, 1111, 333
        unseen = silicon.experts(H100, "bf16", *shape, num_experts=9, top_k=1)
        assert unseen.basis is Basis.FITTED
        latent = silicon.decode_attention(H100, "bf16", 8.0, 576.0, 16 * 2 * (576 + 512) * 1e3, 1e3)
        assert latent.basis is Basis.FITTED

    def test_a_grid_that_is_measured_in_part_says_so_point_by_point(self, silicon):
        found = silicon.gemm(H100, "bf16", np.array([64.0, 1e7]), 4096.0, 4096.0)
        assert found.measured.tolist() == [True, False]
        assert found.basis is Basis.FITTED

    def test_a_step_runs_on_measured_kernels(self, silicon):
        """Within a third of the curves, which other versions of the same engine were measured for."""
        mixtral = find_model("mixtral-8x7b")
        batch = np.array([1.0, 16.0, 64.0])
        fitted, measured = (
            decode_step(
                Machine(gpu=H100, layout=Layout(tp=2), execution=Execution(kernels=kernels)),
                Engine(),
                mixtral,
                batch,
                2048.0,
            ).total_s
            for kernels in ("fitted", silicon.name)
        )
        assert np.all(measured != fitted)
        assert measured == pytest.approx(fitted, rel=0.33)

    def test_a_gpu_without_tables_is_named(self, silicon):
        with pytest.raises(UnknownNameError, match=r"no tables of gpu.*mi300x"):
            silicon.gemm(find_accelerator("mi300x"), "bf16", 64.0, 4096.0, 4096.0)
