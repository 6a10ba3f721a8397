"""What computes counts its parts for who waits, and nothing is counted where nobody does."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from optimoe.core.progress import METER, counted, counting, metered


def test_a_loop_inside_another_is_one_part_of_it():
    with metered() as meter:
        shares = [meter.share for _ in counted("abcd") for _ in counted(range(2))]
        assert shares == [0, 1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8, 6 / 8, 7 / 8]


def test_what_ends_early_leaves_no_share_behind():
    with metered() as meter:
        for part in counted(range(4)):
            if part == 2:
                break
        assert meter.share == 0
        with pytest.raises(ZeroDivisionError), counting(3) as done:
            done(2)
            raise ZeroDivisionError
        assert meter.share == 0


def test_threads_count_in_one_loop_and_no_share_is_beyond_one():
    with metered() as meter, counting(1000) as done:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(done, [1] * 500))
        assert meter.share == 0.5
        done(600)
        assert meter.share == 1


def test_nothing_is_counted_where_nobody_waits_and_of_nothing():
    assert [*counted("abc")] == ["a", "b", "c"]
    with counting(5) as done:
        done(5)
    assert METER.get() is None
    with metered() as meter, counting(0) as done:
        done(1)
        assert meter.share == 0
