"""One scripted endpoint for all tests of a process."""

import pytest

from tests.loadtest.endpoint import running


@pytest.fixture(scope="session")
def url():
    with running() as (address, _):
        yield address
