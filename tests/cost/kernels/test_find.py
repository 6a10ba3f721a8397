import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.cost.kernels.calls import KernelSource
from optimoe.cost.kernels.find import find_kernels, kernels_of
from optimoe.cost.kernels.fitted import FITTED, Fitted


def test_sources_are_found_by_name():
    assert find_kernels("fitted") is FITTED
    assert isinstance(FITTED, KernelSource)
    assert find_kernels("fitted:trtllm") == Fitted(engine="trtllm")
    assert find_kernels("fitted:trtllm").name == "fitted:trtllm"
    with pytest.raises(UnknownNameError, match="kernels"):
        find_kernels("guessed")
    with pytest.raises(UnknownNameError, match="engine"):
        find_kernels("silicon:tgi")
    with pytest.raises(UnknownNameError, match="engine"):
        find_kernels("fitted:tgi")


def test_fitted_curves_are_those_of_the_engine_where_its_kernels_were_measured():
    assert kernels_of("fitted", "sglang") == "fitted:sglang"
    assert kernels_of("fitted:vllm", "sglang") == "fitted:vllm"
    assert kernels_of("silicon", "sglang") == "silicon"
    assert kernels_of("fitted", "mine") == "fitted"
