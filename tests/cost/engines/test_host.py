import numpy as np
import pytest

from optimoe.core.errors import ConfigError
from optimoe.cost.engines.host import HostTimes

TIMES = {"front_s": 0.0, "step_s": 1e-3, "request_s": 2e-5, "most_requests": 5000.0}


def test_an_engine_that_takes_turns_with_the_gpu_adds_all_of_its_time():
    assert HostTimes(**TIMES, hidden=0.0).waited_s(0.020, 100) == pytest.approx(3e-3)


def test_an_engine_that_works_ahead_adds_nothing_of_requests_until_they_take_longer_than_the_gpu():
    ahead = HostTimes(**TIMES, hidden=1.0)
    assert ahead.waited_s(0.020, 1000) == pytest.approx(1e-3)
    assert ahead.waited_s(0.001, 500) + 0.001 == pytest.approx(500 * 2e-5 + 1e-3)


def test_requests_beyond_those_measured_add_no_time_of_the_host():
    ahead = HostTimes(**TIMES | {"most_requests": 200.0}, hidden=1.0)
    assert ahead.waited_s(0.0, 4000) == ahead.waited_s(0.0, 200) == pytest.approx(200 * 2e-5 + 1e-3)


def test_the_wait_never_falls_with_more_requests_and_the_step_never_with_a_slower_gpu():
    requests = np.arange(1, 5000)
    for hidden in (0.0, 0.4, 1.0):
        host = HostTimes(**TIMES, hidden=hidden)
        assert (np.diff(host.waited_s(0.02, requests)) >= 0).all()
        gpu_s = np.linspace(0, 0.2, 500)
        assert (np.diff(gpu_s + host.waited_s(gpu_s, 3000)) >= -1e-15).all()  # rounding


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("front_s", 60.0, "front_s: must be in seconds, from 0 to below 60, got 60.0"),
        ("launch_s", -1e-6, "launch_s: must be zero or more"),
        ("hidden", 1.5, "hidden: must be from 0 to 1, got 1.5"),
    ],
)
def test_times_out_of_their_limits_are_refused(field, value, words):
    with pytest.raises(ConfigError, match=words):
        HostTimes(**TIMES | {field: value})
