"""Stages whose settings contradict each other, and what each handler may run at once."""

from dataclasses import replace
from typing import Any

import pytest

from infrastructure.limits import UNRESERVED, Limits
from infrastructure.stage import OpenAIServer, Stage, StageInvalid
from infrastructure.stages import DEV, PROD, STAGES


def problems(**changed: Any) -> tuple[str, ...]:
    with pytest.raises(StageInvalid) as caught:
        replace(DEV, **changed)
    return caught.value.problems


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"heartbeat_seconds": 20}, "lease_seconds must be more than 1.5 times heartbeat_seconds (30), but is 30: "),
        (
            {"lease_seconds": 60, "redispatch_seconds": 60},
            "redispatch_seconds must be more than lease_seconds (60), but is 60: ",
        ),
        ({"stalled_seconds": 3600}, "stalled_seconds must be more than event_age_seconds (3600), but is 3600: "),
        (
            {"never_started_seconds": 3600},
            "never_started_seconds must be more than event_age_seconds (3600), but is 3600: ",
        ),
        (
            {"redispatch_seconds": 4000},
            "never_started_seconds must be more than redispatch_seconds (4000), but is 3900: ",
        ),
        (
            {"event_age_seconds": 60, "stalled_seconds": 150},
            "stalled_seconds must be more than lease_seconds and the 120 s that Lambda waits before it retries (150), ",
        ),
        ({"redispatch_seconds": 60, "lease_seconds": 20}, "redispatch_seconds must be more than 60, but is 60: "),
        ({"event_age_seconds": 59}, "event_age_seconds must be 60 to 21600, but is 59: "),
        ({"log_days": 8}, "log_days must be one of 1, 7, 30, 90, 365, but is 8: "),
        ({"retention_days": 8}, "log_days must be at least retention_days (8), but is 7: "),
        (
            {"retention_days": 0.04, "dead_letter_days": 1},
            "retention_days must be more than never_started_seconds (0.0451389 days), but is 0.04: ",
        ),
        ({"dead_letter_days": 0}, "dead_letter_days must be 1 to 14, but is 0: "),
        (
            {"retention_days": 3},
            "dead_letter_days must be at most retention_days (3), but is 4: ",
        ),
        (
            {"model_silence_seconds": 900},
            "model_silence_seconds must be less than the time-out of inference (900), but is 900: ",
        ),
        (
            {"openai": OpenAIServer("https://models.example/v1", silence_seconds=901)},
            "silence_seconds of openai must be less than the time-out of inference (900), but is 901: ",
        ),
    ],
    ids=[
        "heartbeat and lease", "redispatch and lease", "stalled and event age", "never started and event age",
        "redispatch and never started", "stalled and Lambda's pause", "redispatch and Lambda's pause", "event age",
        "days of logs", "logs and jobs", "jobs and starts",
        "days of dead letters", "dead letters and jobs", "silence on Bedrock", "silence on a server",
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused_in_one_sentence(changed: dict[str, Any], problem: str) -> None:
    (found,) = problems(**changed)

    assert found.startswith(problem)
    assert "otherwise" in found or "takes" in found


@pytest.mark.parametrize(
    ("handler", "timeout", "most"),
    [("inference", 901, 900), ("status_relay", 30, 29), ("authorizer", 11, 10), ("sweep", 61, 60)],
)
def test_a_time_out_that_its_caller_does_not_wait_for_is_refused(handler: str, timeout: int, most: int) -> None:
    limits = {**DEV.limits, handler: Limits(timeout, 512)}

    (problem,) = problems(limits=limits)

    assert problem.startswith(f"the time-out of {handler} must be at most {most}, but is {timeout}: ")


def test_a_stage_that_reserves_more_than_its_account_has_is_refused() -> None:
    (problem,) = problems(account_concurrency=DEV.reserved_in_all + 99)

    assert problem == (
        f"the stage reserves {DEV.reserved_in_all} invocations at once, but the account may reserve "
        f"{DEV.reserved_in_all - 1}: its quota (account_concurrency) is {DEV.reserved_in_all + 99}, and Lambda keeps "
        "100 unreserved; reserve less, ask AWS for more, or set reserved=UNRESERVED and jobs=None"
    )
    assert replace(DEV, account_concurrency=DEV.reserved_in_all + 100).reserved_in_all == DEV.reserved_in_all


def test_a_new_account_with_ten_invocations_can_have_a_stage_without_reservations() -> None:
    small = replace(DEV, account_concurrency=10, reserved=UNRESERVED, jobs=None)

    assert small.reserved_in_all == 0


def test_all_problems_of_a_stage_are_reported_together() -> None:
    assert len(problems(log_days=8, event_age_seconds=59, heartbeat_seconds=20)) == 3


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_asynchronous_work_cannot_take_the_capacity_of_calls_that_somebody_waits_for(stage: Stage) -> None:
    assert all(stage.reserved_for(handler) for handler in ("inference", "job_failed", "sweep"))
    assert all(stage.reserved_for(handler) for handler in ("status_relay", "authorizer"))
    assert stage.reserved_for("sweep") == 1, "a sweep that takes longer than a minute must not meet the next one"


def test_every_running_job_can_report_and_callers_too() -> None:
    relay = PROD.reserved_for("status_relay")

    assert relay is not None
    assert PROD.jobs is not None
    assert relay > PROD.jobs
