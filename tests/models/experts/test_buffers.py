"""The pool hands out memory only when nothing uses it, and never holds more than twice what was in use at once."""

import gc

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from optimoe.models.experts.buffers import MOST_HELD, SMALLEST_BYTES, BufferPool

LIKE = torch.empty(0)
LARGE = SMALLEST_BYTES // 4  # float32 elements


def test_memory_comes_back_when_the_last_view_dies():
    pool = BufferPool()
    first = pool.empty((2, LARGE), LIKE)
    address, view = first.data_ptr(), first[1, :5]
    del first
    assert pool.empty((2, LARGE), LIKE).data_ptr() != address
    assert pool.idle_bytes == 0 or pool.in_use_bytes == 8 * LARGE
    view.fill_(1)
    del view
    addresses = {(held := pool.empty((2, LARGE), LIKE)).data_ptr() for _ in range(2)}
    assert held.shape == (2, LARGE) and address in addresses | {pool.empty((2, LARGE), LIKE).data_ptr()}


def test_a_gradient_kept_by_autograd_keeps_its_memory():
    pool = BufferPool()
    weight = torch.zeros(LARGE, requires_grad=True)
    weight.grad = pool.empty((LARGE,), LIKE).fill_(3)
    other = pool.empty((LARGE,), LIKE).fill_(5)
    assert bool((weight.grad == 3).all()) and bool((other == 5).all())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.int64])
def test_it_gives_the_type_and_shape_that_is_asked_for(dtype):
    tensor = BufferPool().empty((3, SMALLEST_BYTES), torch.empty(0, dtype=dtype))
    assert tensor.dtype == dtype and tensor.shape == (3, SMALLEST_BYTES) and tensor.is_contiguous()
    assert tensor.data_ptr() % 64 == 0


def test_small_and_foreign_tensors_are_pytorchs():
    pool = BufferPool()
    pool.empty((5,), LIKE)
    assert pool.empty((LARGE,), torch.empty(0, device="meta")).device.type == "meta"
    assert pool.in_use_bytes == 0


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.tuples(st.booleans(), st.integers(1, 6)), max_size=30))
def test_it_never_holds_more_than_twice_what_was_in_use_at_once(steps):
    pool, held = BufferPool(), []
    for take, size in steps:
        if take:
            held.append(pool.empty((size, LARGE), LIKE))
        elif held:
            held.pop(size % len(held))
        gc.collect(0)
        assert pool.in_use_bytes >= sum(4 * tensor.numel() for tensor in held)
        assert pool.in_use_bytes + pool.idle_bytes <= MOST_HELD * pool.peak_bytes
    held.clear()
    pool.release()
    assert pool.in_use_bytes == pool.idle_bytes == 0
