"""The queue file by itself, with moments of the test's choosing."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appsync_local.functions.event_queue import EventQueue, QueuedEvent, QueueInUse, QueueUnusable


@pytest.fixture
def opened(queue: Path) -> Iterator[EventQueue]:
    opened = EventQueue.open(queue)
    yield opened
    opened.close()


def event(request_id: str, *, function: str = "f", accepted: float = 100.0) -> QueuedEvent:
    return QueuedEvent(request_id, function, b'{"a":1}', accepted)


def test_events_are_claimed_once_each_the_longest_due_first(opened: EventQueue) -> None:
    for accepted in (103.0, 101.0, 102.0):
        opened.accept(event(f"at {accepted:.0f}", accepted=accepted))

    claimed = [opened.claim("f", now=110.0) for _ in range(4)]

    assert [found and found.request_id for found in claimed] == ["at 101", "at 102", "at 103", None]


def test_event_is_claimed_neither_before_it_is_due_nor_for_another_function(opened: EventQueue) -> None:
    opened.accept(event("a", accepted=100.0))

    assert opened.claim("f", now=99.9) is None
    assert opened.claim("g", now=110.0) is None
    assert opened.claim("f", now=100.0) == event("a")


def test_an_event_that_is_accepted_as_claimed_is_not_claimed_again_before_the_queue_is_opened_again(
    queue: Path,
) -> None:
    first = EventQueue.open(queue)
    first.accept_claimed(event("a"))
    again = first.claim("f", now=110.0)
    length = first.state()[0]
    first.close()

    reopened = EventQueue.open(queue)
    claimed = reopened.claim("f", now=110.0)
    reopened.close()

    assert (again, length) == (None, 1)
    assert claimed == event("a")


def test_retried_event_waits_and_remembers_its_attempts_and_last_error(opened: EventQueue) -> None:
    opened.accept(event("a"))
    opened.claim("f", now=100.0)

    opened.retry("a", due=160.0, error=b'"boom"')

    assert opened.claim("f", now=159.0) is None
    assert opened.first_due("f") == 160.0
    assert opened.claim("f", now=160.0) == replace(event("a"), attempts=1, error=b'"boom"')


def test_expired_events_are_claimed_whether_due_or_not_but_never_while_being_tried(opened: EventQueue) -> None:
    for name in ("waiting", "tried"):
        opened.accept(event(name, accepted=100.0))
    opened.accept(event("young", accepted=200.0))
    first = opened.claim("f", now=100.0)
    assert first is not None
    other = {"waiting": "tried", "tried": "waiting"}[first.request_id]

    expired = [opened.claim_expired("f", accepted_before=150.0) for _ in range(2)]

    assert [found and found.request_id for found in expired] == [other, None]


def test_replacing_an_event_does_both_or_neither(queue: Path, opened: EventQueue) -> None:
    for name in ("a", "b"):
        opened.accept(event(name))

    with pytest.raises(sqlite3.IntegrityError):
        opened.replace("a", event("b", function="g"))
    assert opened.functions() == {"f"}
    opened.replace("a", event("c", function="g"))

    names = [found and found.request_id for found in (opened.claim("f", now=100.0), opened.claim("g", now=100.0))]
    assert names == ["b", "c"]


def test_events_that_were_being_tried_are_due_again_when_the_queue_is_opened(queue: Path) -> None:
    first = EventQueue.open(queue)
    first.accept(event("a"))
    first.claim("f", now=100.0)
    first.close()

    second = EventQueue.open(queue)

    try:
        assert second.claim("f", now=100.0) == event("a")
    finally:
        second.close()


def test_open_queue_is_refused_to_others_and_private_to_its_user(queue: Path, opened: EventQueue) -> None:
    opened.accept(event("a"))

    with pytest.raises(QueueInUse):
        EventQueue.open(queue)
    assert {path.stat().st_mode & 0o777 for path in queue.parent.glob("events.sqlite*")} == {0o600}


def test_file_that_is_no_queue_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("not a database, " * 100)

    with pytest.raises(QueueUnusable, match="file is not a database"):
        EventQueue.open(tmp_path / "text")
    with pytest.raises(QueueUnusable, match="No such file or directory"):
        EventQueue.open(tmp_path / "no folder" / "queue")


def test_an_event_of_a_later_time_is_due_after_the_clock_was_set_back(opened: EventQueue) -> None:
    opened.accept(event("waiting", accepted=4000.0))
    opened.accept(event("tried", accepted=90.0))
    opened.claim("f", now=90.0)
    opened.retry("tried", due=4001.0, error=b"null")

    opened.correct_times(now=400.0, longest_wait=60.0)

    assert [found and found.request_id for found in (opened.claim("f", now=400.0), opened.claim("f", now=400.0))] == [
        "tried", "waiting",
    ]  # fmt: skip


def test_corrected_times_leave_a_retry_of_a_few_seconds_and_the_age_of_events(opened: EventQueue) -> None:
    opened.accept(event("a", accepted=100.0))
    opened.claim("f", now=100.0)
    opened.retry("a", due=160.0, error=b"null")

    opened.correct_times(now=110.0, longest_wait=60.0)

    assert opened.first_due("f") == 160.0
    assert opened.first_accepted("f") == 100.0


def test_a_queue_with_a_damaged_page_is_named_with_what_is_wrong(queue: Path) -> None:
    opened = EventQueue.open(queue)
    for number in range(200):
        opened.accept(QueuedEvent(f"event {number}", "f", b"x" * 1000, 100.0))
    opened.close()
    content = bytearray(queue.read_bytes())
    content[8 * 4096 : 20 * 4096] = b"\xff" * (12 * 4096)
    queue.write_bytes(content)

    with pytest.raises(QueueUnusable, match=r"events.sqlite .* it is damaged \(.+\)\. Move it away to start"):
        EventQueue.open(queue)
