import pytest

from optimoe.core.errors import UnknownNameError
from optimoe.cost.kernels.calls import KernelSource
from optimoe.cost.kernels.find import find_kernels
from optimoe.cost.kernels.fitted import FITTED


def test_sources_are_found_by_name():
    assert find_kernels("fitted") is FITTED
    assert isinstance(FITTED, KernelSource)
    with pytest.raises(UnknownNameError, match="kernels"):
        find_kernels("guessed")
    with pytest.raises(UnknownNameError, match="engine"):
        find_kernels("silicon:tgi")
