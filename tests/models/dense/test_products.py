"""Products of both libraries are the same product."""

import pytest
import torch

from optimoe.models.dense import products


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="PyTorch was built without oneDNN")
@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("shape", [(48, 128, 96), (128, 48, 96), (5, 3, 7)])
def test_either_library_multiplies_adds_and_accumulates(shape, faster, monkeypatch):
    """Also into a part of a larger tensor, from transposed views, over memory that holds NaN."""
    monkeypatch.setattr(products, "onednn_is_faster", lambda: faster)
    N, A, B = shape
    torch.manual_seed(0)
    left, right, bias = torch.randn(A, N).t(), torch.randn(B, A).t(), torch.randn(B)
    want = left.double() @ right.double()
    out = torch.full((N + 2, B), torch.nan)[1:-1]
    limits = {"rtol": 1e-5, "atol": 1e-5 * A}
    products.product(left, right, out)
    torch.testing.assert_close(out.double(), want, **limits)
    products.product(left, right, out, accumulate=True)
    torch.testing.assert_close(out.double(), 2 * want, **limits)
    products.product(left, right, out, bias)
    torch.testing.assert_close(out.double(), want + bias.double(), **limits)


def test_other_types_are_multiplied_by_pytorch(monkeypatch):
    monkeypatch.setattr(products, "onednn_is_faster", lambda: True)
    assert products.row_tile(torch.empty(0, dtype=torch.float64)) == 1
    assert products.row_tile(torch.empty(0)) == products.TILE_ROWS
