import pytest

from optimoe.cost.layers.layout import Layout
from optimoe.cost.serving.cache import kv_tokens
from optimoe.cost.serving.memory import gpu_memory
from optimoe.report.records.served.memory import cache_record, memory_record
from tests.cost.cases import MIXTRAL, asked


def test_bytes_of_the_record_add_up_to_what_a_process_sees():
    deployment = asked(2)
    machine = deployment.machine(Layout(tp=2))
    memory = gpu_memory(machine, deployment.engine, MIXTRAL, deployment.workload)
    record = memory_record(memory)
    outside = record.communicators + record.graphs + record.unplanned
    assert record.usable + outside == pytest.approx(record.visible)
    assert record.weights + record.activations + record.cache == pytest.approx(record.usable)
    assert record.cache_low < record.cache < record.cache_high
    cache = cache_record(kv_tokens(machine, deployment.engine, MIXTRAL, memory.cache, 2048))
    assert cache.kv_tokens == cache.kv_blocks * cache.block_tokens
