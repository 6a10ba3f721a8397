"""Erdil 2025 (arXiv 2506.04645): the toy models of its Sec. 2 and 4, and the full model of its Sec. 3.6."""

import math

from optimoe.core.outputs import Evaluable, output
from optimoe.core.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK
from optimoe.cost.published.erdil.shapes import BYTES, Shape, find_gpu, find_shape

T_HOP_S = 1e-6
T_KERNEL_S = 4e-6
REDUCTIONS = 4
"""Serial all-reduces per layer in two-dimensional tensor parallelism."""

CAP_FLOPS, CAP_HBM, LL_SHARE = 0.70, 0.75, 0.5
READ_INTRA, READ_INTER = 450e9, 50e9
GPUS_PER_NODE = 8


class ErdilToy(Evaluable):
    """Sec. 2 and the arithmetic of the text."""

    name = "erdil2025-toy"

    @output("N_gpu_opt")
    def optimal_gpus(self, model: str, gpu: str) -> float:
        """Number of GPUs that decodes fastest, Eq. 13: max(pN/(layers·4·t_hop·B), 1)^(2/3)."""
        read_s, hops_s = self._times(model, gpu)
        return max(read_s / hops_s, 1.0) ** (2 / 3)

    @output("t_min_s")
    def shortest_time(self, model: str, gpu: str) -> float:
        """Shortest time per token, Eq. 14: 3·h^(2/3)·r^(1/3) − 2h; r when one GPU is best.

        h = layers·4·t_hop are the hops, r = pN/B the reads.
        """
        read_s, hops_s = self._times(model, gpu)
        if read_s <= hops_s:
            return read_s
        return 3 * hops_s ** (2 / 3) * read_s ** (1 / 3) - 2 * hops_s

    @output("allreduce_bandwidth_s")
    def all_reduce_s(
        self, bytes_per_activation: float, d_model: float, batch: float, ranks: float, bytes_per_s: float
    ) -> float:
        """Seconds of one all-reduce by bandwidth alone, Eq. 24: p·d·b·(R − 1)/(R·bandwidth)."""
        return bytes_per_activation * d_model * batch * (ranks - 1) / (ranks * bytes_per_s)

    @output("read_hbm_s")
    def read_memory_s(self, hbm_bytes: float, hbm_bytes_per_s: float) -> float:
        """Seconds to read the whole memory once."""
        return hbm_bytes / hbm_bytes_per_s

    @output("full_read_tokens_per_s")
    def full_read_rate(self, hbm_bytes: float, hbm_bytes_per_s: float) -> float:
        """Tokens per second when each reads the whole memory once."""
        return hbm_bytes_per_s / hbm_bytes

    @output("kv_bytes_per_token")
    def kv_bytes_per_token(self, model: str) -> float:
        """Bytes of the cache of one token."""
        return find_shape(model).kv_bytes_per_token

    @output("kv_bytes")
    def kv_bytes(self, model: str, input_len: float) -> float:
        """Bytes of the cache of a context."""
        return find_shape(model).kv_bytes_per_token * input_len

    @output("kv_usd_per_mtok")
    def kv_price(self, kv_bytes: float, hbm_bytes_per_s: float, usd_per_gpu_hour: float) -> float:
        """Dollars per million tokens of reading a cache for each."""
        return kv_bytes / hbm_bytes_per_s * usd_per_gpu_hour / SECONDS_PER_HOUR * TOKENS_PER_MTOK

    @output("batch_kv_equals_weights")
    def batch_of_equal_reads(self, model: str, input_len: float) -> float:
        """The batch whose caches are as large as the weights without the input embedding."""
        shape = find_shape(model)
        return BYTES * (shape.params_total - shape.embedding_params) / self.kv_bytes(model, input_len)

    @output("tokens_per_s_root_law")
    def root_law(self, tokens_per_s_ref: float, P_ref: float, P: float) -> float:
        """Tokens per second by Eq. 19: latency grows as √N when layers grow as N^(1/4)."""
        return tokens_per_s_ref * math.sqrt(P_ref / P)

    @output("speedup_halved_bits")
    def halved_bits(self) -> float:
        """What half the bits gain at the shortest time: 2^(1/3) − 1."""
        return 2 ** (1 / 3) - 1

    @staticmethod
    def _times(model: str, gpu: str) -> tuple[float, float]:
        shape = find_shape(model)
        read_s = BYTES * shape.params_total / find_gpu(gpu).hbm_bytes_per_s
        return read_s, shape.layers * REDUCTIONS * T_HOP_S


class ErdilPaper(Evaluable):
    """Sec. 3.6 as printed (eqs. 29–44), on H100 with the paper's caps and NCCL's LL protocol.

    Two-dimensional tensor parallelism, no pipeline or expert parallelism, plain feed-forward. ``d_head`` is
    added to the attention FLOPs, where eq. 37 lacks it. Expert reads assume independent uniform routing.
    """

    name = "erdil2025-paper"
    domain = {"input_len": "nonnegative"}  # noqa: RUF012

    @output("bytes_read")
    def bytes_read(self, model: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Weights of the experts touched, cache and activations of one step over all GPUs."""
        shape = find_shape(model)
        touched = 1 - (1 - 1 / shape.sparsity) ** batch
        weights = shape.attention_params + touched * shape.ffn_params + shape.embedding_params
        vectors = 2 * shape.d_model + (2 + 2 / shape.group_size) * shape.heads * shape.d_head
        activations = shape.layers * batch * (vectors + 2 * shape.d_model + 2 * shape.d_ff)
        cache = shape.kv_heads * shape.d_head * shape.layers * input_len * batch
        return BYTES * (weights + cache + activations)

    @output("flops")
    def flops(self, model: str, N_gpu: float, batch: float, input_len: float) -> float:
        """FLOPs of one decode step."""
        shape = find_shape(model)
        used = shape.attention_params + shape.ffn_params / shape.sparsity + shape.embedding_params
        return batch * (4 * shape.layers * shape.heads * shape.d_head * input_len + 2 * used)

    @output("t_reduce_s")
    def reduction_s(self, model: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Latency of one all-reduce: 6.8 µs + 1.2 µs·(√(N/nodes) − 1) + 10 µs·log2 √nodes."""
        nodes = math.ceil(N_gpu / GPUS_PER_NODE)
        return 6.8e-6 + 1.2e-6 * (math.sqrt(N_gpu / nodes) - 1) + 10e-6 * math.log2(math.sqrt(nodes))

    @output("network_s")
    def network_s(self, model: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Seconds of the all-reduces of one step: their latencies, and their bytes inside and between nodes."""
        shape = find_shape(model)
        nodes = math.ceil(N_gpu / GPUS_PER_NODE)
        latency_s = shape.layers * REDUCTIONS * self.reduction_s(model, N_gpu, batch, input_len)
        reduced = self._reduced_values(shape) * batch * shape.layers * BYTES / N_gpu
        inter_s = 2 * (math.sqrt(nodes) - 1) * reduced / (READ_INTER * LL_SHARE)
        intra_s = 2 * (math.sqrt(N_gpu / nodes) - 1) * math.sqrt(nodes) * reduced / (READ_INTRA * LL_SHARE)
        return latency_s + inter_s + intra_s

    @output("latency_s")
    def latency_s(self, model: str, N_gpu: float, batch: float, input_len: float) -> float:
        """Launches, network, and the longer of reads and arithmetic; infinite where the memory is too small."""
        shape, gpu = find_shape(model), find_gpu("H100")
        if shape.held_bytes(batch, input_len) > N_gpu * gpu.hbm_bytes:
            return math.inf
        read_s = self.bytes_read(model, N_gpu, batch, input_len) / (N_gpu * gpu.hbm_bytes_per_s * CAP_HBM)
        arithmetic_s = self.flops(model, N_gpu, batch, input_len) / (N_gpu * gpu.flops_per_s * CAP_FLOPS)
        network_s = self.network_s(model, N_gpu, batch, input_len)
        return shape.layers * REDUCTIONS * T_KERNEL_S + network_s + max(read_s, arithmetic_s)

    @staticmethod
    def _reduced_values(shape: Shape) -> float:
        """Per token and layer; a gated feed-forward reduces one hidden width more."""
        hidden = shape.d_ff * (2 if shape.gated else 1)
        return (1 + 2 / shape.group_size) * shape.heads * shape.d_head + 2 * shape.d_model + hidden
