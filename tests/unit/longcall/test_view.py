"""The merge: in any order of the inputs, the view is the state in the log."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from longcall import Event, JobView, Snapshot, Status, merge
from longcall.models import JobId

JOB = JobId("123e4567-e89b-42d3-a456-426614174000")
EMPTY = JobView(JOB)
ENDS = st.sampled_from([None, Status.COMPLETED, Status.FAILED, Status.CANCELLED])
TEXTS = st.none() | st.text(max_size=5)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A job's log: several attempts with deltas, with or without an end."""
    events = [Event(JOB, 1, Status.PENDING, model="simulated.story")]
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        kept = draw(st.none() | st.integers(0, len(output_at(events, len(events)))))
        size = None if kept is None else len(output_at(events, len(events))[:kept].encode())
        for delta in [None, *draw(st.lists(TEXTS, max_size=4))]:
            progress = draw(st.none() | st.floats(0, 1))
            event = Event(JOB, len(events) + 1, Status.PROCESSING, attempt=attempt, delta=delta, progress=progress)
            events.append(replace(event, output_kept=size))
            size = None
    end = draw(ENDS)
    if end is not None:
        last = replace(events[-1], sequence=len(events) + 1, status=end, delta=draw(TEXTS), output_kept=None)
        events.append(last)
        if end is Status.COMPLETED:
            is_output = draw(st.booleans())
            result = (
                draw(st.none() | st.just(output_at(events, len(events)))) if is_output else draw(st.text(max_size=5))
            )
            events[-1] = replace(last, result=result, result_is_output=is_output)
    return events


def output_at(log: Sequence[Event], sequence: int) -> str:
    """All output up to `sequence`, computed directly from the contract."""
    output, attempt = b"", 0
    for event in log[:sequence]:
        if event.attempt != attempt:
            output, attempt = output[: event.output_kept or 0], event.attempt
        output += (event.delta or "").encode()
    return output.decode()


def snapshot_at(log: Sequence[Event], sequence: int) -> Snapshot:
    return Snapshot(log[sequence - 1], output_at(log, sequence))


def merged(updates: Sequence[Event | Snapshot]) -> JobView:
    return reduce(merge, updates, EMPTY)


def as_pushed(event: Event) -> Event:
    """The event as in a push that omits its result."""
    return event if event.result is None else replace(event, result=None, result_omitted=True)


@given(logs(), st.data())
def test_any_order_with_repeats_and_snapshots_gives_the_view_of_the_log(log: list[Event], data: st.DataObject) -> None:
    snapshots = [snapshot_at(log, n) for n in data.draw(st.lists(st.integers(1, len(log)), max_size=3))]
    pushes = [as_pushed(event) for event in data.draw(st.lists(st.sampled_from(log), max_size=8))]
    everything: list[Event | Snapshot] = [*log, *snapshots, *pushes]

    view = merged(data.draw(st.permutations(everything)))

    assert view == merged(log)
    assert view.output == output_at(log, len(log))
    assert view.sequence == len(log)
    assert not view.held


@given(logs(), st.data())
def test_every_view_on_the_way_is_a_state_of_the_log_and_none_goes_back(log: list[Event], data: st.DataObject) -> None:
    places = st.integers(1, len(log))
    parts: list[Event | Snapshot] = [
        *data.draw(st.lists(st.sampled_from(log))),
        *(as_pushed(event) for event in data.draw(st.lists(st.sampled_from(log)))),
        *(snapshot_at(log, n) for n in data.draw(st.lists(places, max_size=3))),
    ]
    before = EMPTY
    for part in data.draw(st.permutations(parts)):
        view = merge(before, part)

        assert view.sequence >= before.sequence
        if view.sequence:
            state = merged(log[: view.sequence])
            assert replace(view, held=(), result=state.result, result_omitted=False) == state
            assert view.result == (None if view.result_omitted else state.result)
            if view.result_is_output:
                assert view.result == output_at(log, view.sequence)
        if view.attempt == before.attempt:
            assert view.output.startswith(before.output)
        before = view


@given(logs(), st.data())
def test_two_orders_of_the_same_parts_of_a_log_give_the_same_view(log: list[Event], data: st.DataObject) -> None:
    parts: list[Event | Snapshot] = [
        *data.draw(st.lists(st.sampled_from(log))),
        *(as_pushed(event) for event in data.draw(st.lists(st.sampled_from(log), max_size=3))),
        *(snapshot_at(log, n) for n in data.draw(st.lists(st.integers(1, len(log)), max_size=2))),
    ]

    assert merged(data.draw(st.permutations(parts))) == merged(parts)


@given(logs(), st.data())
def test_what_was_merged_before_changes_nothing(log: list[Event], data: st.DataObject) -> None:
    known: list[Event | Snapshot] = [*log[: data.draw(st.integers(1, len(log)))], snapshot_at(log, 1)]
    view = merged(known)

    assert merge(view, data.draw(st.sampled_from(known))) is view


@given(logs(), st.data())
def test_view_is_a_state_in_the_log_and_names_the_missing_events(log: list[Event], data: st.DataObject) -> None:
    some = data.draw(st.sets(st.sampled_from(range(1, len(log) + 1))))

    view = merged([log[sequence - 1] for sequence in data.draw(st.permutations(sorted(some)))])

    first_absent = next(n for n in range(1, len(log) + 2) if n not in some)
    later = [n for n in some if n > first_absent]
    assert view.sequence == first_absent - 1
    assert view.output == (output_at(log, view.sequence) if view.sequence else "")
    assert list(view.missing) == (list(range(first_absent, min(later))) if later else [])


def test_every_order_of_a_short_log_with_pushes_and_a_snapshot_results_in_the_same_view() -> None:
    log = [
        Event(JOB, 1, Status.PROCESSING, attempt=1, delta="half"),
        Event(JOB, 2, Status.PROCESSING, attempt=2, delta="whole"),
        Event(JOB, 3, Status.COMPLETED, attempt=2, result="long"),
    ]
    parts: list[Event | Snapshot] = [*log, as_pushed(log[2]), snapshot_at(log, 2), log[1]]

    views = [merged(order) for order in permutations(parts)]

    assert all(view == merged(log) for view in views)


def test_result_that_a_push_omitted_is_added_by_a_read() -> None:
    full = Event(JOB, 1, Status.COMPLETED, result="long")

    pushed = merge(EMPTY, as_pushed(full))

    assert not pushed.is_final
    assert merge(pushed, Snapshot(full, "")) == merge(EMPTY, full)
    assert merge(merge(EMPTY, full), as_pushed(full)) == merge(EMPTY, full)


def test_deltas_of_an_earlier_attempt_are_removed_from_the_output() -> None:
    log = [
        Event(JOB, 1, Status.PROCESSING, attempt=1, delta="half"),
        Event(JOB, 2, Status.PROCESSING, attempt=2),
        Event(JOB, 3, Status.PROCESSING, attempt=2, delta="whole"),
    ]

    assert [merged(log[:count]).output for count in (1, 2, 3)] == ["half", "", "whole"]
