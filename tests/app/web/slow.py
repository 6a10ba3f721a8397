"""Work that does not end as it should: run in the processes that answer."""

import os
import time


def sleeping(name, body):
    time.sleep(60)


def failing(name, body):
    return 1 / 0


def dying(name, body):
    os._exit(9)


def echoing(name, body):
    return 200, body.decode()
