"""Measured kernels as a back end: exact where they were measured, the curves elsewhere."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optimoe.arch.catalog import find_model
from optimoe.arch.mixers.attended import attended
from optimoe.arch.parts import UNLIMITED_WINDOW
from optimoe.core.errors import InputError, UnknownNameError
from optimoe.core.provenance import Basis
from optimoe.cost.engines.engine import Engine
from optimoe.cost.hardware.accelerator import find_accelerator
from optimoe.cost.kernels.calls import (
    AllReduce,
    DecodeAttention,
    Gemm,
    HostRead,
    KernelSource,
    LatentDecodeAttention,
    PrefillAttention,
    Roofline,
    RoutedExperts,
)
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.fitted import Fitted
from optimoe.cost.kernels.measured import tables as tables_module
from optimoe.cost.kernels.measured.source import Silicon
from optimoe.cost.kernels.spread import power_law
from optimoe.cost.layers.execution import Execution
from optimoe.cost.layers.layout import Layout
from optimoe.cost.layers.machine import Machine
from optimoe.cost.serving.step import decode_step

needs_tables = pytest.mark.skipif(
    importlib.util.find_spec("aiconfigurator_core") is None or importlib.util.find_spec("pyarrow") is None,
    reason="the extra silicon (aiconfigurator-core) is not installed",
)
needs_data = pytest.mark.skipif("OPTIMOE_DATA" not in os.environ, reason="OPTIMOE_DATA names no folder of data")
A100, H100 = find_accelerator("a100-sxm"), find_accelerator("h100-sxm")
VLLM = Fitted(engine="vllm")


def test_the_missing_extra_is_named_in_one_line(monkeypatch):
    monkeypatch.setattr(tables_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"optimoe\[silicon\]"):
        Silicon()


HEADS = {"num_heads": 32, "num_kv_heads": 4, "head_dim": 128}


def write_table(root, folder, name, **columns):
    """A table of an imaginary version of vLLM on H100, of equal columns but for those given as lists."""
    parquet, arrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = max(len(value) for value in columns.values() if isinstance(value, list))
    whole = {key: value if isinstance(value, list) else [value] * rows for key, value in columns.items()}
    path = root / "h100_sxm" / folder / "vllm" / "1.0" / f"{name}_perf.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.table(whole), path)


def twice_the_curve(kernel, precision="bf16"):
    """Milliseconds, as the tables give them."""
    return (2e3 * VLLM.time(H100, precision, kernel).total_s).tolist()


@pytest.fixture
def silicon(tmp_path):
    return Silicon(root=tmp_path)


class TestOnATableByHand:
    """One table each, that holds twice the curve's time: what it holds is doubled, all else is the curve."""

    @staticmethod
    def check(silicon, kernel, *, measured, precision="bf16"):
        fitted, found = (source.time(H100, precision, kernel) for source in (VLLM, silicon))
        assert np.all(found.measured == measured)
        np.testing.assert_allclose(found.total_s, fitted.total_s * np.where(measured, 2.0, 1.0), rtol=1e-12)

    def test_a_cache_that_was_measured_at_one_head_width_answers_for_no_other(self, silicon):
        """64 heads × 64 with 8 keys read and compute as much as 32 × 128 with 4, and are another kernel."""
        requests, seen = np.array([64.0, 128.0]), np.array([32_768.0, 32_768.0])
        held = DecodeAttention(requests=requests, seen=seen, **HEADS)
        write_table(
            silicon.root, "attention", "generation_attention", latency=twice_the_curve(held),
            batch_size=[64, 128], step=[32_767, 32_767], num_heads=32, num_key_value_heads=4, head_dim=128,
            attn_dtype="bfloat16", kv_cache_dtype="bfloat16",
        )  # fmt: skip
        self.check(silicon, held, measured=True)
        other = DecodeAttention(requests=requests, seen=seen, num_heads=64, num_kv_heads=8, head_dim=64)
        assert (other.values, other.score_flops[0]) == (held.values, held.score_flops[0])
        self.check(silicon, other, measured=False)
        latent = LatentDecodeAttention(
            requests=requests, values=held.values, score_flops=held.score_flops, seen=seen
        )
        self.check(silicon, latent, measured=False)
        self.check(silicon, held, measured=False, precision="fp8")

    def test_prompts_are_measured_for_full_attention_of_their_heads(self, silicon):
        length = np.array([512.0, 2048.0])
        shape = {"requests": np.array([1.0, 1.0]), "length": length}
        full = PrefillAttention(**shape, **HEADS, seen=attended(length, UNLIMITED_WINDOW, "prefill"))
        write_table(
            silicon.root, "attention", "context_attention", latency=twice_the_curve(full),
            batch_size=[1, 1], isl=[512, 2048], num_heads=32, num_key_value_heads=4, head_dim=128,
            attn_dtype="bfloat16", kv_cache_dtype="bfloat16", window_size=0,
        )  # fmt: skip
        self.check(silicon, full, measured=True)
        windowed = PrefillAttention(**shape, **HEADS, seen=attended(length, 256, "prefill"))
        self.check(silicon, windowed, measured=False)
        narrow = PrefillAttention(**shape, **(HEADS | {"head_dim": 64}), seen=full.seen)
        self.check(silicon, narrow, measured=False)

    def test_products_are_measured_in_their_precision_inside_the_table(self, silicon):
        held = Gemm(rows=np.array([16.0, 256.0]), width=4096.0, depth=4096.0)
        write_table(
            silicon.root, "gemm", "gemm", latency=twice_the_curve(held), gemm_dtype="bfloat16",
            m=[16, 256], n=4096, k=4096,
        )  # fmt: skip
        self.check(silicon, held, measured=True)
        self.check(silicon, held, measured=False, precision="fp8")
        far = Gemm(rows=np.array([16.0, 64.0, 1e6]), width=4096.0, depth=4096.0)
        self.check(silicon, far, measured=np.array([True, True, False]))

    def test_experts_are_measured_at_the_shape_of_their_layer(self, silicon):
        tokens = np.array([64.0, 1024.0])
        spread = power_law(tokens, 8, 2, 1.2)
        shape = {"pairs": spread.pairs, "distinct": spread.distinct, "width": 7168, "top_k": 2}
        held = RoutedExperts(**shape, d_model=4096, num_experts=8, moved_pairs=2 * tokens)
        write_table(
            silicon.root, "moe", "moe", latency=twice_the_curve(held), moe_dtype="bfloat16",
            distribution="power_law_1.2", hidden_size=4096, inter_size=14336, num_experts=8, topk=2,
            moe_ep_size=1, moe_tp_size=2, num_tokens=[64, 1024],
        )  # fmt: skip
        self.check(silicon, held, measured=True)
        self.check(silicon, replace(held, num_experts=16), measured=False)
        self.check(silicon, replace(held, d_model=2048), measured=False)

    @pytest.mark.parametrize(
        ("dtype", "precision", "activations", "other"),
        [
            ("w4a16_mxfp4", "mxfp4", "bf16", "fp8"),
            ("w4a8_mxfp4_mxfp8", "mxfp4", "fp8", "bf16"),
            ("int4_wo", "int4", "bf16", "fp8"),
            ("w4afp8", "int4", "fp8", "bf16"),
            ("fp8_block", "fp8", "auto", "bf16"),
        ],
    )
    def test_experts_are_measured_in_what_is_stored_and_what_enters(
        self, silicon, dtype, precision, activations, other
    ):
        tokens = np.array([64.0, 1024.0])
        spread = power_law(tokens, 8, 2, 1.2)
        shape = {"pairs": spread.pairs, "distinct": spread.distinct, "width": 7168, "top_k": 2}
        shape |= {"d_model": 4096, "num_experts": 8, "moved_pairs": 2 * tokens}
        held = RoutedExperts(**shape, activations=activations)
        write_table(
            silicon.root, "moe", "moe", latency=twice_the_curve(held, precision), moe_dtype=dtype,
            distribution="power_law_1.2", hidden_size=4096, inter_size=14336, num_experts=8, topk=2,
            moe_ep_size=1, moe_tp_size=2, num_tokens=[64, 1024],
        )  # fmt: skip
        self.check(silicon, held, measured=True, precision=precision)
        self.check(silicon, replace(held, activations=other), measured=False, precision=precision)
        self.check(silicon, replace(held, activations="auto"), measured=False, precision="nvfp4")

    def test_the_all_reduce_is_the_engines_own_and_says_that_it_was_measured(self, silicon):
        held = AllReduce(ranks=8, payload_bytes=np.array([16_384.0, 262_144.0]))
        write_table(
            silicon.root, "comm", "custom_allreduce", latency=twice_the_curve(held), num_gpus=8,
            backend="vllm_graph", message_size=[8192, 131_072],
        )  # fmt: skip
        self.check(silicon, held, measured=True)
        self.check(silicon, replace(held, ranks=4), measured=False)

    def test_what_no_table_can_hold_takes_the_curve(self, silicon):
        (silicon.root / "h100_sxm").mkdir()
        for kernel in (
            Roofline(flops=1e9, num_bytes=1e6, shares_of="experts", launch_of="experts"),
            HostRead(num_bytes=1e9),
        ):
            self.check(silicon, kernel, measured=False)


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
        self.check(
            silicon.time(A100, "bf16", Gemm(rows=rows["m"], width=rows["n"], depth=rows["k"])),
            rows["latency"] * 1e-3,
        )

    @needs_data
    def test_attention_over_prompts_is_exact(self, silicon):
        rows = self.shipped("context_attention", num_heads=32, num_key_value_heads=8, head_dim=128)
        length = rows["isl"].astype(float)
        shape = PrefillAttention(
            requests=rows["batch_size"],
            num_heads=32,
            num_kv_heads=8,
            head_dim=128,
            length=length,
            seen=attended(length, UNLIMITED_WINDOW, "prefill"),
        )
        self.check(silicon.time(A100, "bf16", shape), rows["latency"] * 1e-3)

    @needs_data
    def test_attention_over_caches_is_exact_where_they_were_cold(self, silicon):
        rows = self.shipped("generation_attention", num_heads=16, num_key_value_heads=2, head_dim=128)
        seen = rows["step"] + 1.0
        requests = rows["batch_size"].astype(float)
        cache_bytes = 2 * 2 * 2 * 128 * requests * seen
        cold = (cache_bytes < 1e6) | (cache_bytes > 5e7)
        shape = DecodeAttention(requests=requests, num_heads=16, num_kv_heads=2, head_dim=128, seen=seen)
        found, curve = (kernels.time(A100, "bf16", shape) for kernels in (silicon, VLLM))
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
        shape = RoutedExperts(
            pairs=spread.pairs,
            distinct=spread.distinct,
            d_model=4096,
            width=7168,
            num_experts=8,
            top_k=2,
            moved_pairs=spread.pairs,
        )
        self.check(silicon.time(A100, "bf16", shape), rows["latency"] * 1e-3)

    @needs_data
    def test_the_all_reduce_is_exact(self, silicon):
        rows = self.shipped("custom_allreduce", num_gpus=8, backend="vllm_graph")
        call = AllReduce(ranks=8, payload_bytes=2.0 * rows["message_size"])
        self.check(silicon.time(A100, "bf16", call), rows["latency"] * 1e-3)

    def test_shapes_that_were_not_measured_take_the_curve(self, silicon):
        far = Gemm(rows=1e7, width=4096, depth=4096)
        assert silicon.time(H100, "bf16", far) == VLLM.time(H100, "bf16", far)
        unseen = RoutedExperts(
            pairs=8.0, distinct=7.0, d_model=1111, width=333, num_experts=9, top_k=1, moved_pairs=8.0
        )
        assert silicon.time(H100, "bf16", unseen).basis is Basis.FITTED
        latent = LatentDecodeAttention(
            requests=8.0, values=576.0, score_flops=16 * 2 * (576 + 512) * 1e3, seen=1e3
        )
        assert silicon.time(H100, "bf16", latent).basis is Basis.FITTED

    def test_a_grid_that_is_measured_in_part_says_so_point_by_point(self, silicon):
        found = silicon.time(H100, "bf16", Gemm(rows=np.array([64.0, 1e7]), width=4096.0, depth=4096.0))
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
            silicon.time(find_accelerator("mi300x"), "bf16", Gemm(rows=64.0, width=4096.0, depth=4096.0))
