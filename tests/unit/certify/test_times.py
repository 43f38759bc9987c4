"""Ends that come too late, errors that no outage excuses, and failures that no fault explains."""

from collections import Counter
from datetime import timedelta

import pytest
from msgspec.structs import replace

from certify.counts import Finding, Violation
from certify.failures import check_failures, is_hit, most_failures, quantile
from certify.lateness import Outages, Stop, check_heard, check_times, stops_in
from certify.machine import Usage, share_of_others
from certify.observation import ShownError
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Job, Status
from tests.unit.certify.jobs import CAMPAIGN, NOW, PLAN, observation, step, whole_log

BEGIN = NOW.timestamp()
CALM = Outages()


def kinds(found: list[Finding]) -> set[Violation]:
    return {finding.violation for finding in found}


def test_job_that_ended_in_time_violates_nothing() -> None:
    log = whole_log()

    assert check_times(PLAN, log, observation(log), CALM) == []


def silent_log(seconds: float) -> list[Job]:
    log = whole_log()
    log[3:] = [replace(entry, updated_at=entry.updated_at + timedelta(seconds=seconds)) for entry in log[3:]]
    return log


def test_long_silence_in_a_log_is_found() -> None:
    log = silent_log(100.0)

    assert kinds(check_times(PLAN, log, observation(log), CALM)) == {Violation.LATE_TERMINAL}


def test_silence_during_an_outage_is_excused() -> None:
    log = silent_log(100.0)

    assert check_times(PLAN, log, observation(log), Outages(((BEGIN + 5, BEGIN + 60),))) == []


def test_time_on_a_busy_machine_counts_half() -> None:
    log, busy = silent_log(100.0), Outages(busy=((BEGIN, BEGIN + 100),))

    assert check_times(PLAN, log, observation(log), busy) == []
    assert check_times(PLAN, silent_log(130.0), observation(log), busy) != []


def test_overlapping_outages_count_once() -> None:
    outages = Outages(((BEGIN, BEGIN + 10),), ((BEGIN + 5, BEGIN + 12), (BEGIN + 100, BEGIN + 101)))

    assert outages.seconds_in(BEGIN, BEGIN + 90) == 30.0
    assert outages.seconds_in(BEGIN + 95, BEGIN + 200) == 5.5


def test_share_of_others_is_what_is_not_ours() -> None:
    assert share_of_others(Usage(100.0, 50.0), Usage(104.0, 51.0), seconds=2.0, processors=2) == 0.75
    assert share_of_others(Usage(100.0, 50.0), Usage(104.0, 54.0), seconds=2.0, processors=2) == 0.0


def test_end_that_was_shown_late_is_found() -> None:
    log = whole_log()
    seen = observation(log)
    seen.iterations[0].late_ms[-1] = 30_000

    assert kinds(check_times(PLAN, log, seen, CALM)) == {Violation.LATE_TERMINAL}


def test_end_that_a_late_watcher_showed_at_once_is_not_late() -> None:
    log = whole_log()
    seen = observation(log)
    seen.iterations[0].late_ms[-1] = 30_000
    seen.iterations[0].began_at = BEGIN + 29.0

    assert check_times(PLAN, log, seen, CALM) == []


def test_cancel_that_was_answered_with_a_running_job_is_found() -> None:
    log = whole_log()
    seen = observation(log)
    seen.unended.append("PROCESSING")

    assert kinds(check_times(PLAN, log, seen, CALM)) == {Violation.LATE_TERMINAL}


@pytest.mark.parametrize(
    ("kind", "at", "expected"),
    [
        ("Unreachable", 50.0, set()),
        ("Unreachable", 10.0, {Violation.CLIENT_ERRORS}),
        ("ProtocolError", 50.0, {Violation.CLIENT_ERRORS}),
    ],
)
def test_only_an_outage_excuses_an_error_of_a_client(kind: str, at: float, expected: set[Violation]) -> None:
    log = whole_log()
    seen = observation(log)
    seen.errors.append(ShownError(BEGIN + at, kind, "start"))

    assert kinds(check_times(PLAN, log, seen, Outages(((BEGIN + 45, BEGIN + 48),)))) == expected


def test_outage_does_not_excuse_very_many_errors() -> None:
    log = whole_log()
    seen = observation(log)
    seen.errors += [ShownError(BEGIN + 46 + number / 100, "NotAuthorized", "watcher 1") for number in range(40)]

    assert kinds(check_times(PLAN, log, seen, Outages(((BEGIN + 45, BEGIN + 48),)))) == {Violation.CLIENT_ERRORS}


def cancelled_log() -> list[Job]:
    log = whole_log()[:4]
    return [*log, step(log[-1], status=Status.CANCELLED)]


@pytest.mark.parametrize(
    ("after", "believes", "is_found"), [(1.0, False, False), (30.0, False, True), (1.0, True, True)]
)
def test_worker_that_does_not_hear_of_a_cancel_is_found(after: float, believes: bool, is_found: bool) -> None:
    stops = [Stop(PLAN.job_id, BEGIN + after, 1, believes)]

    assert bool(check_heard(PLAN, cancelled_log(), stops, CALM)) is is_found


def test_stops_are_read_from_the_log_of_a_stack() -> None:
    over = b'{"time": "2026-01-01T00:00:02.000Z", "job_id": "j", "event": "job_over", "attempt": 1}\n'

    assert list(stops_in([b"{}\n", over, over[:-30]])) == [Stop("j", BEGIN + 2.0, 1, False)]


def test_failures_that_the_kills_explain_violate_nothing() -> None:
    most = most_failures(CAMPAIGN, {"crash": 4, "worker_killed": 4, "stack_killed": 1})

    assert check_failures(CAMPAIGN, Counter({ErrorType.CRASHED: 2}), most) == []


@pytest.mark.parametrize(
    ("error", "count"),
    [(ErrorType.CRASHED, 20), (ErrorType.STALLED, 20), (ErrorType.NEVER_STARTED, 1), (ErrorType.TIMED_OUT, 1)],
)
def test_more_failures_than_the_kills_explain_are_found(error: ErrorType, count: int) -> None:
    most = most_failures(CAMPAIGN, {"crash": 4, "worker_killed": 4, "stack_killed": 1})

    assert kinds(check_failures(CAMPAIGN, Counter({error: count}), most)) == {Violation.UNEXPLAINED_FAILURES}


def test_job_that_failed_after_an_outage_was_hit_by_it() -> None:
    log = silent_log(100.0)

    assert not is_hit(log[:4], CALM)
    assert is_hit(log[:4], Outages(((BEGIN + 50, BEGIN + 55),)))
    assert not is_hit(log[:4], Outages(((BEGIN - 60, BEGIN - 50),)))


def test_outage_does_not_excuse_a_crash() -> None:
    log = silent_log(100.0)
    log[3] = replace(log[3], error_type=ErrorType.CRASHED)

    assert not is_hit(log[:4], Outages(busy=((BEGIN, BEGIN + 200),)))


def test_quantile_grows_with_the_mean_and_stays_near_it() -> None:
    assert quantile(0.0, 1e-6) == 0
    assert 3.0 < quantile(3.0, 1e-6) < 20.0
    assert 100.0 < quantile(100.0, 1e-6) < 160.0
