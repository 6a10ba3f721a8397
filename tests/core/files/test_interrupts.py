import os
import signal

import pytest

from optimoe.core.files.interrupts import endings_as_exception, signals_held


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_would_end_the_process_unwinds_it_with_the_status_that_a_shell_shows(number):
    with pytest.raises(SystemExit) as left, endings_as_exception():
        os.kill(os.getpid(), number)
    assert left.value.code == 128 + number
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_signal_that_somebody_handles_stays_his():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with endings_as_exception():
            os.kill(os.getpid(), signal.SIGTERM)
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_signals_wait_for_the_end_of_a_block_that_holds_them():
    done = []
    with pytest.raises(KeyboardInterrupt), signals_held():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        done.append(True)
    assert done and signal.getsignal(signal.SIGINT) is signal.default_int_handler
