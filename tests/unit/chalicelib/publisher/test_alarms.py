"""Alarms, on their real thread. Waits are bounded; nothing depends on how long one takes."""

import logging
import threading
import time

import pytest

from chalicelib.publisher.alarms import Alarms

SOON = 0.02  # seconds


def test_alarms_come_in_the_order_of_their_times() -> None:
    alarms, calls, done = Alarms(), list[str](), threading.Event()
    now = time.monotonic()

    alarms.set("d", now + 3 * SOON, done.set)
    alarms.set("c", now + 2 * SOON, lambda: calls.append("c"))
    alarms.set("b", now + SOON, lambda: calls.append("b"))
    alarms.set("a", 0.0, lambda: calls.append("a"))

    assert done.wait(10)
    assert calls == ["a", "b", "c"]


def test_an_alarm_that_was_cleared_or_replaced_does_not_come() -> None:
    alarms, calls, done = Alarms(), list[str](), threading.Event()
    at = time.monotonic() + SOON

    alarms.set("a", at, lambda: calls.append("cleared"))
    alarms.set("b", at, lambda: calls.append("replaced"))
    alarms.clear("a")
    alarms.set("b", at + SOON, lambda: calls.append("b"))
    alarms.set("c", at + 2 * SOON, done.set)

    assert done.wait(10)
    assert calls == ["b"]


def test_an_alarm_may_set_the_next_one() -> None:
    alarms, done = Alarms(), threading.Event()

    alarms.set("a", 0.0, lambda: alarms.set("a", time.monotonic(), done.set))

    assert done.wait(10)


def test_alarms_go_on_after_one_that_failed(caplog: pytest.LogCaptureFixture) -> None:
    alarms, done = Alarms(), threading.Event()

    alarms.set("a", 0.0, lambda: [][0])
    alarms.set("b", time.monotonic() + SOON, done.set)

    assert done.wait(10)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(logging.ERROR, "an alarm failed")]
