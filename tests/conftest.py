"""Settings of all tests: how long a machine takes is no property of the code."""

import os
import signal

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side, a process a core: more threads only wait
settings.register_profile("untimed", deadline=None, max_examples=50)
settings.register_profile("long", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "untimed"))

# Tests send signals to themselves and to processes of theirs, which would inherit that a job in the background
# ignores the first, and one under nohup the second.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
