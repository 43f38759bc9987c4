from hypothesis import given
from hypothesis import strategies as st

from appsync_local.devtools.chaos.decisions import PushDelivery
from appsync_local.devtools.chaos.push_queue import HELD_BACK, PushQueue

AT_ONCE = PushDelivery(delay=0.0, copies=1, overtaken_by=0)
TWICE = PushDelivery(delay=0.0, copies=2, overtaken_by=0)


def overtaken(by: int, *, copies: int = 1) -> PushDelivery:
    return PushDelivery(delay=0.0, copies=copies, overtaken_by=by)


def late(seconds: float) -> PushDelivery:
    return PushDelivery(delay=seconds, copies=1, overtaken_by=0)


def send(queue: PushQueue, *courses: PushDelivery, now: float = 0.0) -> list[bytes]:
    """Queue pushes named `a`, `b`, and so on, and return those that arrive at once."""
    arrived = []
    for place, course in enumerate(courses):
        queue.add("1", bytes([ord("a") + place]), course, now=now)
        arrived += queue.leaving(now=now)
    return arrived


def test_pushes_without_faults_arrive_at_once_and_in_order() -> None:
    queue = PushQueue()

    assert send(queue, AT_ONCE, AT_ONCE, AT_ONCE) == [b"a", b"b", b"c"]
    assert queue.next_moment() is None


def test_repeated_push_arrives_twice() -> None:
    assert send(PushQueue(), AT_ONCE, TWICE, AT_ONCE) == [b"a", b"b", b"b", b"c"]


def test_an_overtaken_push_arrives_after_that_many_later_ones() -> None:
    assert send(PushQueue(), overtaken(2), AT_ONCE, AT_ONCE, AT_ONCE) == [b"b", b"c", b"a", b"d"]


def test_an_overtaken_push_without_successors_arrives_after_the_maximum_wait() -> None:
    queue = PushQueue()

    assert send(queue, AT_ONCE, overtaken(1)) == [b"a"]

    assert queue.next_moment() == HELD_BACK
    assert queue.leaving(now=HELD_BACK - 0.001) == []
    assert queue.leaving(now=HELD_BACK) == [b"b"]
    assert queue.next_moment() is None


def test_only_the_second_copy_of_an_overtaken_push_is_late() -> None:
    assert send(PushQueue(), overtaken(1, copies=2), AT_ONCE) == [b"a", b"b", b"a"]


def test_a_late_push_delays_those_after_it_and_keeps_the_order() -> None:
    queue = PushQueue()

    assert send(queue, late(0.3), AT_ONCE, late(0.1)) == []

    assert queue.next_moment() == 0.3
    assert queue.leaving(now=0.29) == []
    assert queue.leaving(now=0.3) == [b"a", b"b", b"c"]


def test_a_push_delayed_by_another_still_waits_to_be_overtaken() -> None:
    queue = PushQueue()

    assert send(queue, late(0.3), overtaken(1)) == []

    assert queue.leaving(now=0.3) == [b"a"]
    assert queue.next_moment() == 0.3 + HELD_BACK


def test_push_is_overtaken_by_later_ones_and_not_by_those_before_it() -> None:
    queue = PushQueue()
    send(queue, late(0.1), late(0.1), overtaken(1), late(0.2))

    assert queue.leaving(now=0.1) == [b"a", b"b"]
    assert queue.leaving(now=0.2) == [b"d", b"c"]


def test_nothing_arrives_for_a_subscription_that_has_ended() -> None:
    queue = PushQueue()
    queue.add("1", b"a", late(0.1), now=0.0)
    queue.add("2", b"b", late(0.1), now=0.0)
    queue.add("1", b"c", overtaken(1), now=0.0)
    queue.add("1", b"d", overtaken(3), now=-1.0)

    queue.forget("1")

    assert queue.leaving(now=9.0) == [b"b"]
    assert queue.next_moment() is None


courses = st.builds(
    PushDelivery,
    delay=st.sampled_from([0.0, 0.01, 0.3]),
    copies=st.sampled_from([1, 2]),
    overtaken_by=st.integers(0, 3),
)


@given(st.lists(st.tuples(st.floats(0, 0.2), courses), max_size=30))
def test_every_push_arrives_the_right_number_of_times_and_within_its_delays(
    sent: list[tuple[float, PushDelivery]],
) -> None:
    queue, now, arrived = PushQueue(), 0.0, []
    for place, (pause, course) in enumerate(sent):
        now += pause
        queue.add("1", bytes([place]), course, now=now)
        arrived += queue.leaving(now=now)

    latest = max((course.delay for _, course in sent), default=0.0) + HELD_BACK
    moment = queue.next_moment()
    assert moment is None or moment <= now + latest
    arrived += queue.leaving(now=now + latest)

    expected = [bytes([place]) for place, (_, course) in enumerate(sent) for _ in range(course.copies)]
    assert sorted(arrived) == expected
    assert queue.next_moment() is None
