"""Waiting for what is to happen, however busy the machine is."""

import time


def wait_until(true, seconds=30.0):
    """Wait for something to become true; gives it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found
