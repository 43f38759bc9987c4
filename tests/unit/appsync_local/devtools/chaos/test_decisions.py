from collections import Counter

import pytest

from appsync_local.devtools.chaos.decisions import (
    EventDecisions,
    FaultCounts,
    InvocationFaults,
    PushDecisions,
    PushDelivery,
    PushLoss,
    RequestDecisions,
    SecondDelivery,
)
from appsync_local.devtools.chaos.spec import CALM, Fault, parse_chaos
from appsync_local.devtools.chaos.switch import Chaos

CASES = 5_000


def pushes(
    text: str, cases: int = CASES, *, is_early: bool = False
) -> tuple[list[PushDelivery | PushLoss], FaultCounts]:
    counts: FaultCounts = Counter()
    decided = PushDecisions(parse_chaos(text), counts)
    return [decided.decide(is_early=is_early) for _ in range(cases)], counts


def events(text: str, cases: int = CASES) -> tuple[list[InvocationFaults], FaultCounts]:
    counts: FaultCounts = Counter()
    decided = EventDecisions(parse_chaos(text), counts)
    return [decided.decide("f") for _ in range(cases)], counts


def requests(text: str, cases: int = CASES) -> list[Fault | None]:
    decided = RequestDecisions(parse_chaos(text), Counter())
    return [decided.decide() for _ in range(cases)]


ALL_PUSHES = "drop=0.3,duplicate=0.1,reorder=0.2,delay=50ms,disconnect=0.02"


def test_same_seed_gives_the_same_faults_and_another_seed_gives_others() -> None:
    assert pushes(f"{ALL_PUSHES},seed=7") == pushes(f"{ALL_PUSHES},seed=7")
    assert pushes(f"{ALL_PUSHES},seed=7") != pushes(f"{ALL_PUSHES},seed=8")
    assert events("crash=0.5,twice=0.5,seed=7") == events("crash=0.5,twice=0.5,seed=7")
    assert requests("5xx=0.5,seed=7") != requests("5xx=0.5,seed=8")


@pytest.mark.parametrize("other", ["duplicate=0.5", "reorder=0.5", "delay=1s", "disconnect=0.1"])
def test_another_fault_of_pushes_does_not_change_which_are_dropped(other: str) -> None:
    alone, _ = pushes("drop=0.3,seed=7")
    together, _ = pushes(f"drop=0.3,{other},seed=7")

    dropped = [place for place, end in enumerate(alone) if end is PushLoss.DROPPED]
    assert [place for place in dropped if together[place] is not PushLoss.DISCONNECTED] == [
        place for place, end in enumerate(together) if end is PushLoss.DROPPED
    ]


def test_drops_do_not_change_the_delivery_of_other_pushes() -> None:
    alone, _ = pushes("duplicate=0.2,reorder=0.2,delay=50ms,seed=7")
    together, _ = pushes("drop=0.3,duplicate=0.2,reorder=0.2,delay=50ms,seed=7")

    assert all(found in (alone[place], PushLoss.DROPPED) for place, found in enumerate(together))


def test_faults_happen_at_their_rates_and_are_counted() -> None:
    decided, counts = pushes(f"{ALL_PUSHES},seed=7")

    assert counts[Fault.DROP] == decided.count(PushLoss.DROPPED)
    assert counts[Fault.DISCONNECT] == decided.count(PushLoss.DISCONNECTED)
    arrived = [course for course in decided if isinstance(course, PushDelivery)]
    assert counts[Fault.DUPLICATE] == sum(course.copies == 2 for course in arrived)
    assert counts[Fault.REORDER] == sum(course.overtaken_by > 0 for course in arrived)
    assert counts[Fault.DELAY] == len(arrived)
    assert counts[Fault.DROP] / CASES == pytest.approx(0.3 * 0.98, abs=0.02)
    assert counts[Fault.DISCONNECT] / CASES == pytest.approx(0.02, abs=0.005)
    assert counts[Fault.DUPLICATE] / len(arrived) == pytest.approx(0.1, abs=0.02)
    assert {course.overtaken_by for course in arrived} == {0, 1, 2, 3}
    assert 0.049 < max(course.delay for course in arrived) <= 0.05


def test_only_early_pushes_vanish_after_start_ack() -> None:
    early, counts = pushes("after_start_ack=1", 10, is_early=True)
    later, _ = pushes("after_start_ack=1", 10)

    assert early == [PushLoss.DROPPED] * 10
    assert counts == {Fault.AFTER_START_ACK: 10}
    assert later == [PushDelivery(delay=0.0, copies=1, overtaken_by=0)] * 10


def test_throttled_attempts_have_no_other_fault_and_do_not_shift_other_decisions() -> None:
    alone, _ = events("crash=0.3,twice=0.3,seed=7")
    together, counts = events("crash=0.3,twice=0.3,throttle=0.5,seed=7")

    refused = InvocationFaults(is_throttled=True, crashes_at=None, second_delivery=None)
    assert all(found in (alone[place], refused) for place, found in enumerate(together))
    assert counts[Fault.THROTTLE] == together.count(refused)
    assert counts[Fault.THROTTLE] / CASES == pytest.approx(0.5, abs=0.02)


def test_crashes_happen_at_any_time_and_repetitions_both_during_and_after_the_first_delivery() -> None:
    decided, counts = events("crash=0.5,twice=0.5,seed=7")

    moments = [attempt.crashes_at for attempt in decided if attempt.crashes_at is not None]
    assert counts[Fault.CRASH] == len(moments)
    assert min(moments) < 0.01
    assert max(moments) > 0.99
    found = Counter(attempt.second_delivery for attempt in decided)
    assert counts[Fault.TWICE] == found[SecondDelivery.MEANWHILE] + found[SecondDelivery.AFTERWARDS]
    assert found[SecondDelivery.MEANWHILE] / counts[Fault.TWICE] == pytest.approx(0.5, abs=0.03)


def test_attempts_of_one_function_do_not_change_the_decisions_about_another() -> None:
    alone, _ = events("crash=0.5,twice=0.5,throttle=0.2,seed=7", 200)
    both = EventDecisions(parse_chaos("crash=0.5,twice=0.5,throttle=0.2,seed=7"), Counter())

    found = []
    for place in range(200):
        found.append(both.decide("f"))
        for _ in range(place % 3):
            both.decide("g")

    assert found == alone
    assert [both.decide("h") for _ in range(200)] != alone


def test_a_request_has_at_most_one_fault() -> None:
    found = Counter(requests("lost_answer=0.2,5xx=0.1,seed=7"))

    assert found[Fault.SERVER_ERROR] / CASES == pytest.approx(0.1, abs=0.01)
    assert found[Fault.LOST_ANSWER] / CASES == pytest.approx(0.2 * 0.9, abs=0.02)


@pytest.mark.parametrize(
    ("text", "on"),
    [
        ("", set()),
        ("seed=3", set()),
        ("drop=0", set()),
        ("delay=1ms", {"pushes"}),
        ("after_start_ack=0.1", {"pushes"}),
        ("twice=0.1", {"events"}),
        ("5xx=0.1", {"requests"}),
        ("drop=0.1,crash=0.1,lost_answer=0.1", {"pushes", "events", "requests"}),
    ],
)
def test_only_kinds_with_faults_have_a_decider(text: str, on: set[str]) -> None:
    chaos = Chaos(parse_chaos(text))

    assert {name for name in ("pushes", "events", "requests") if getattr(chaos, name) is not None} == on


def test_applying_a_specification_restarts_the_decisions_and_keeps_the_counts() -> None:
    chaos = Chaos(parse_chaos("throttle=0.5,seed=7"))
    assert chaos.events is not None
    first = [chaos.events.decide("f") for _ in range(100)]
    counted = chaos.counts[Fault.THROTTLE]

    chaos.apply(parse_chaos("throttle=0.5,seed=7"))

    assert chaos.events is not None
    assert [chaos.events.decide("f") for _ in range(100)] == first
    assert chaos.counts[Fault.THROTTLE] == 2 * counted
    chaos.apply(CALM)
    assert chaos.events is None
