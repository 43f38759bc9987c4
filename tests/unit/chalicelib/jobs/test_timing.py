"""Times that contradict each other, in the settings of the handlers that know both."""

from typing import Any

import pytest

from chalicelib.jobs.errors import MissingSettings
from chalicelib.jobs.timing import FOR_STAGE, FOR_SWEEP, FOR_WORKER, Order, contradictions, variable
from chalicelib.supervision.settings import SweepSettings
from chalicelib.worker.settings import WorkerSettings

# Of a worker whose lease is 30 s, and of a sweep whose events may wait for 3600 s.
WORKER = {"LONGCALL_LEASE_SECONDS": "30"}
SWEEP = {
    "LONGCALL_LEDGER": "sqlite:jobs.db", "LONGCALL_LEASE_SECONDS": "30", "LONGCALL_EVENT_AGE_SECONDS": "3600",
    "LONGCALL_REDISPATCH_SECONDS": "120", "LONGCALL_NEVER_STARTED_SECONDS": "3900", "LONGCALL_STALLED_SECONDS": "3900",
}  # fmt: skip


def test_defaults_do_not_contradict_each_other() -> None:
    WorkerSettings.from_environment({})
    SweepSettings.from_environment({"LONGCALL_LEDGER": "sqlite:jobs.db"})


def test_settings_that_agree_are_accepted() -> None:
    WorkerSettings.from_environment({**WORKER, "LONGCALL_HEARTBEAT_SECONDS": "19"})
    SweepSettings.from_environment(SWEEP)


def test_a_heartbeat_that_is_too_slow_for_the_lease_is_refused() -> None:
    with pytest.raises(MissingSettings) as caught:
        WorkerSettings.from_environment({**WORKER, "LONGCALL_HEARTBEAT_SECONDS": "20"})

    (problem,) = caught.value.problems
    assert problem == (
        "LONGCALL_LEASE_SECONDS must be more than 1.5 times LONGCALL_HEARTBEAT_SECONDS (30), but is 30: otherwise "
        "another invocation would take the job from a worker that is alive"
    )


@pytest.mark.parametrize(
    ("changed", "condition", "otherwise"),
    [
        (
            {"LONGCALL_STALLED_SECONDS": "30", "LONGCALL_EVENT_AGE_SECONDS": ""},
            "LONGCALL_STALLED_SECONDS must be more than LONGCALL_LEASE_SECONDS (30), but is 30",
            "the sweep would fail a job whose worker is alive",
        ),
        (
            {"LONGCALL_STALLED_SECONDS": "300"},
            "LONGCALL_STALLED_SECONDS must be more than LONGCALL_EVENT_AGE_SECONDS (3600), but is 300",
            "the sweep would fail a crashed job whose retry still waits for capacity",
        ),
        (
            {"LONGCALL_NEVER_STARTED_SECONDS": "3600"},
            "LONGCALL_NEVER_STARTED_SECONDS must be more than LONGCALL_EVENT_AGE_SECONDS (3600), but is 3600",
            "the sweep would fail a job whose start still waits for capacity",
        ),
        (
            {"LONGCALL_REDISPATCH_SECONDS": "4000"},
            "LONGCALL_NEVER_STARTED_SECONDS must be more than LONGCALL_REDISPATCH_SECONDS (4000), but is 3900",
            "a job would have less time to start after a second dispatch",
        ),
    ],
    ids=["stalled and lease", "stalled and retry", "never started and start", "never started and redispatch"],
)
def test_a_sweep_refuses_times_that_contradict_each_other(
    changed: dict[str, str], condition: str, otherwise: str
) -> None:
    with pytest.raises(MissingSettings) as caught:
        SweepSettings.from_environment({**SWEEP, **changed})

    assert caught.value.problems == (f"{condition}: otherwise {otherwise}",)


def test_a_pair_with_a_missing_time_is_not_checked() -> None:
    assert [*contradictions((Order("b", "a", "it fails"),), {"b": 1.0})] == []


def test_the_handlers_check_pairs_that_a_stage_checks_too() -> None:
    assert {*FOR_WORKER, *FOR_SWEEP} < set(FOR_STAGE)


@pytest.mark.parametrize("order", FOR_STAGE, ids=lambda order: f"{order.longer} > {order.shorter}")
def test_equal_times_are_a_contradiction_and_a_longer_one_is_not(order: Order) -> None:
    times: dict[str, Any] = {order.shorter: 10.0, order.longer: 10.0 * order.factor}

    (problem,) = contradictions((order,), times, variable)
    assert problem.startswith(variable(order.longer))
    assert variable(order.shorter) in problem
    assert [*contradictions((order,), {**times, order.longer: 10.0 * order.factor + 1})] == []
