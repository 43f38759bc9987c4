"""The checker finds each kind of violation, and nothing in a job that went well."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec import structs

from certify.check import ALLOWED_ENDS, QuotaProbe, check_job, check_owner, check_quota
from certify.counts import TEXTS, Finding, Violation
from certify.observation import Iteration, Observation, sha256
from certify.plan import JobPlan
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Job, Owner, Status
from chalicelib.workloads.simulated import Scene
from tests.unit.certify.jobs import OWNER, PLAN, iteration, observation, step, whole_log


def kinds(found: list[Finding]) -> set[Violation]:
    return {finding.violation for finding in found}


def check(log: list[Job], seen: Observation | None, plan: JobPlan = PLAN) -> set[Violation]:
    found = check_job(plan, OWNER, log, seen)
    assert all(finding.subject == plan.job_id and finding.detail for finding in found)
    return kinds(found)


def restarted_log() -> list[Job]:
    """Two entries of a first attempt that died, then the whole of a second one."""
    log = whole_log()
    died = log[:4]
    again = [step(died[-1], attempt=2, message="attempt 2: the output starts again", progress=None)]
    for entry in log[2:]:
        again.append(structs.replace(entry, sequence=again[-1].sequence + 1, attempt=2))
    return [*died, *again]


def test_job_that_went_well_violates_nothing() -> None:
    log = whole_log()

    assert check(log, observation(log)) == set()


def test_job_that_was_taken_over_violates_nothing() -> None:
    log = restarted_log()

    assert check(log, observation(log, others=[iteration(log[:3])])) == set()


def test_answered_start_without_a_log_is_a_lost_job() -> None:
    assert check([], Observation(PLAN.number, PLAN.job_id, answered=1)) == {Violation.JOBS_LOST}


def test_shown_event_without_a_log_is_a_lost_job() -> None:
    seen = Observation(PLAN.number, PLAN.job_id, iterations=[Iteration(shown=[1])])

    assert check([], seen) == {Violation.JOBS_LOST}


def test_start_that_never_succeeded_is_a_stuck_job() -> None:
    assert check([], Observation(PLAN.number, PLAN.job_id)) == {Violation.JOBS_STUCK}


def test_log_of_other_input_is_a_lost_job() -> None:
    log = whole_log()

    assert check(log, observation(log), replace(PLAN, process_time=9.0)) == {Violation.JOBS_LOST}


def test_job_that_ends_as_its_input_cannot_is_a_lost_job() -> None:
    log = whole_log()[:-1]
    log.append(step(log[-1], status=Status.FAILED, error="no", error_type=ErrorType.WORKLOAD_FAILED))

    assert check(log, observation(log)) == {Violation.JOBS_LOST}


def test_job_that_was_cancelled_by_nobody_is_a_lost_job() -> None:
    log = whole_log()[:-1]
    log.append(step(log[-1], status=Status.CANCELLED))

    assert check(log, observation(log)) == {Violation.JOBS_LOST}
    assert check(log, observation(log), replace(PLAN, cancel_from=3)) == set()


@pytest.mark.parametrize("error", [ErrorType.CRASHED, ErrorType.STALLED])
def test_job_whose_workers_were_killed_may_fail(error: ErrorType) -> None:
    log = whole_log()[:-1]
    log.append(step(log[-1], status=Status.FAILED, error="gone", error_type=error))

    assert check(log, observation(log)) == set()


def test_job_that_always_crashes_may_not_complete() -> None:
    plan = replace(PLAN, scene=Scene.CRASH)
    log = whole_log(plan)

    assert check(log, observation(log), plan) == {Violation.JOBS_LOST}


def test_every_scene_has_its_ends() -> None:
    assert ALLOWED_ENDS.keys() == set(Scene)


def test_job_without_an_end_is_stuck() -> None:
    log = whole_log()[:-1]
    seen = observation(log)

    assert check(log, seen) == {Violation.JOBS_STUCK, Violation.EVENTS_MISSING}


def test_second_end_in_the_log_is_found() -> None:
    log = whole_log()
    log.append(step(log[-1], status=Status.CANCELLED))

    assert Violation.JOBS_ENDED_TWICE in check(log, observation(log), replace(PLAN, cancel_from=1))


def test_entry_after_the_end_is_found() -> None:
    log = whole_log()
    log.append(step(log[-1], status=Status.PROCESSING))

    assert Violation.JOBS_ENDED_TWICE in check(log, observation(log))


def test_end_that_a_caller_was_told_and_the_log_does_not_have_is_found() -> None:
    log = whole_log()
    seen = observation(log)
    seen.ends["CANCELLED"] += 1

    assert check(log, seen) == {Violation.JOBS_ENDED_TWICE}


def test_hole_in_the_log_is_found() -> None:
    log = whole_log()
    del log[3]

    assert Violation.EVENTS_MISSING in check(log, observation(log))


def test_event_that_a_client_did_not_show_is_found() -> None:
    log = whole_log()
    seen = observation(log, others=[])
    del seen.iterations[0].shown[3]

    assert check(log, seen) == {Violation.EVENTS_MISSING}


def test_client_that_left_no_word_is_found() -> None:
    assert check(whole_log(), None) == {Violation.EVENTS_MISSING}


def test_end_that_no_client_showed_is_found() -> None:
    log = whole_log()
    seen = observation(log[:-1])

    assert check(log, seen) == {Violation.EVENTS_MISSING}


def test_log_in_disorder_is_found() -> None:
    log = whole_log()
    log[3], log[4] = log[4], log[3]

    assert Violation.EVENTS_OUT_OF_ORDER in check(log, observation(whole_log()))


def test_attempt_that_goes_back_is_found() -> None:
    log = restarted_log()
    log[-2] = structs.replace(log[-2], attempt=1)

    assert Violation.EVENTS_OUT_OF_ORDER in check(log, observation(log))


@pytest.mark.parametrize("shown", [[1, 2, 4, 3, 5, 6, 7, 8], [1, 2, 2, 3, 4, 5, 6, 7, 8]])
def test_client_that_shows_events_in_disorder_or_twice_is_found(shown: list[int]) -> None:
    log = whole_log()
    seen = observation(log)
    seen.iterations[0].shown = shown

    assert check(log, seen) == {Violation.EVENTS_OUT_OF_ORDER}


def test_one_byte_that_a_client_showed_differently_is_found() -> None:
    log = whole_log()
    other = [structs.replace(entry, delta=entry.delta.upper()) if entry.delta else entry for entry in log]

    assert check(log, observation(other)) == {Violation.BYTES_DIFFERENT}


def test_output_that_still_holds_a_dead_attempts_text_is_found() -> None:
    log = restarted_log()
    seen = observation(log)
    seen.iterations[0].output = sha256("".join(entry.delta or "" for entry in log))

    assert check(log, seen) == {Violation.BYTES_DIFFERENT}


def test_logged_text_that_the_workload_does_not_say_is_found() -> None:
    log = [structs.replace(entry, delta="x") if entry.delta else entry for entry in whole_log()]

    assert check(log, observation(log)) == {Violation.BYTES_DIFFERENT}


def test_result_that_is_cut_short_is_found() -> None:
    log = whole_log()
    log[-1] = structs.replace(log[-1], result=(log[-1].result or "")[:-1])

    assert check(log, observation(log)) == {Violation.BYTES_DIFFERENT}


def test_event_that_an_eavesdropper_heard_is_found() -> None:
    log = whole_log()
    seen = observation(log)
    seen.overheard = 1

    assert check(log, seen) == {Violation.FOREIGN_EVENTS}


def test_field_that_answered_another_owner_is_found() -> None:
    log = whole_log()
    seen = observation(log)
    seen.read["Query.getInference"] += 1

    assert check(log, seen) == {Violation.FOREIGN_READS}


def test_start_with_other_input_that_was_answered_is_found() -> None:
    log = whole_log()
    seen = observation(log)
    seen.other_answered = 1

    assert check(log, seen) == {Violation.JOBS_LOST}


def test_watcher_that_never_saw_the_end_is_found() -> None:
    log = whole_log()
    seen = observation(log, others=[replace(iteration(log[:3]), watcher=1)])

    assert check(log, seen) == {Violation.EVENTS_MISSING}


def test_every_count_is_explained() -> None:
    assert TEXTS.keys() == set(Violation)


def claimed_by(log: list[Job], request_ids: list[str]) -> list[Job]:
    """The log with the request of each attempt, as the relay writes it."""
    return [
        structs.replace(entry, request_id=request_ids[entry.attempt - 1] if entry.attempt else None) for entry in log
    ]


def later(entry: Job, seconds: float) -> Job:
    return structs.replace(entry, updated_at=entry.updated_at + timedelta(seconds=seconds))


def test_take_over_by_a_retry_of_the_same_invocation_violates_nothing() -> None:
    log = claimed_by(restarted_log(), ["one", "one"])

    assert check(log, observation(log)) == set()


def test_take_over_of_a_live_worker_breaks_its_lease() -> None:
    log = claimed_by(restarted_log(), ["one", "two"])

    assert check(log, observation(log)) == {Violation.LEASES_BROKEN}


def test_take_over_after_the_lease_violates_nothing() -> None:
    log = claimed_by(restarted_log(), ["one", "two"])
    log[4:] = [later(entry, 11.0) for entry in log[4:]]

    assert check(log, observation(log)) == set()


def test_attempt_that_continues_from_an_older_checkpoint_is_found() -> None:
    log = restarted_log()
    log[2], log[3] = structs.replace(log[2], checkpoint="{}"), structs.replace(log[3], checkpoint="{}")
    log[4] = structs.replace(log[4], output_kept=len((log[2].delta or "").encode()))

    assert Violation.BYTES_DIFFERENT in check(log, observation(log))


def test_attempt_that_keeps_output_without_a_checkpoint_is_found() -> None:
    log = restarted_log()
    log[4] = structs.replace(log[4], output_kept=3)

    assert Violation.BYTES_DIFFERENT in check(log, observation(log))


def test_log_of_a_deleted_job_is_not_compared() -> None:
    seen = observation(whole_log())
    seen.deleted = True

    assert check([], seen) == set()


def test_entry_of_another_owner_is_found() -> None:
    log = whole_log()
    log[4] = structs.replace(log[4], owner=Owner("grace"))

    assert check(log, observation(log)) == {Violation.FOREIGN_EVENTS}


def test_list_that_is_behind_the_log_is_found() -> None:
    found = check_owner(OWNER, {"a": Status.PROCESSING}, {"a": Status.COMPLETED, "b": Status.FAILED})

    assert [(finding.violation, finding.subject) for finding in found] == [
        (Violation.JOBS_LOST, "a"),
        (Violation.JOBS_LOST, "b"),
    ]


def test_list_that_shows_a_foreign_job_is_found() -> None:
    found = check_owner(OWNER, {"a": Status.COMPLETED, "b": Status.COMPLETED}, {"a": Status.COMPLETED})

    assert [(finding.violation, finding.subject) for finding in found] == [(Violation.FOREIGN_EVENTS, "b")]


FULL = QuotaProbe("ada", 2, tried=5, started=frozenset("ab"), admitted=frozenset("ab"), left=frozenset())


def test_quota_that_lets_in_as_many_as_it_says_violates_nothing() -> None:
    assert check_quota(FULL) == []


@pytest.mark.parametrize(
    "probe",
    [
        replace(FULL, started=frozenset("a"), admitted=frozenset("a")),
        replace(FULL, started=frozenset("abc"), admitted=frozenset("abc")),
        replace(FULL, admitted=frozenset("abx")),
        replace(FULL, left=frozenset("x")),
    ],
)
def test_quota_that_drifted_is_found(probe: QuotaProbe) -> None:
    assert kinds(check_quota(probe)) == {Violation.QUOTA_DRIFT}
