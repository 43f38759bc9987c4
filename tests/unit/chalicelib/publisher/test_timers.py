"""Timers, on their real thread. Waits are bounded; nothing depends on how long one takes."""

import logging
import threading
import time

import pytest

from chalicelib.publisher.timers import Timers

SOON = 0.02  # seconds


def test_timers_come_in_the_order_of_their_times() -> None:
    timers, calls, done = Timers(), list[str](), threading.Event()
    now = time.monotonic()

    timers.set("d", now + 3 * SOON, done.set)
    timers.set("c", now + 2 * SOON, lambda: calls.append("c"))
    timers.set("b", now + SOON, lambda: calls.append("b"))
    timers.set("a", 0.0, lambda: calls.append("a"))

    assert done.wait(10)
    assert calls == ["a", "b", "c"]


def test_a_timer_that_was_cleared_or_replaced_does_not_come() -> None:
    timers, calls, done = Timers(), list[str](), threading.Event()
    at = time.monotonic() + SOON

    timers.set("a", at, lambda: calls.append("cleared"))
    timers.set("b", at, lambda: calls.append("replaced"))
    timers.clear("a")
    timers.set("b", at + SOON, lambda: calls.append("b"))
    timers.set("c", at + 2 * SOON, done.set)

    assert done.wait(10)
    assert calls == ["b"]


def test_a_timer_may_set_the_next_one() -> None:
    timers, done = Timers(), threading.Event()

    timers.set("a", 0.0, lambda: timers.set("a", time.monotonic(), done.set))

    assert done.wait(10)


def test_timers_go_on_after_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    timers, done = Timers(), threading.Event()

    timers.set("a", 0.0, lambda: [][0])
    timers.set("b", time.monotonic() + SOON, done.set)

    assert done.wait(10)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.ERROR, "a timer failed")]
