"""Whether all processors are busy, on this machine."""

import os
import subprocess
import sys
import time

from appsync_local.functions.processors import Processors


def test_processors_that_compute_all_the_time_are_busy() -> None:
    processors = Processors()
    computing = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        give_up_at = time.monotonic() + 30
        while not processors.are_busy():
            assert time.monotonic() < give_up_at
    finally:
        for process in computing:
            process.kill()
            process.wait()


def test_processors_are_not_busy_before_anything_was_measured() -> None:
    processors = Processors()

    assert not processors.are_busy()
