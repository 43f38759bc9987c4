"""The list of jobs: the vectors of docs/merge.md, in Python and in JavaScript, and what holds for any input."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longcall import Event, JobList, Status
from longcall.job_list import Deletion, ListRead, merge_list
from longcall.models import JobId
from longcall.parsing import parse_event

VECTORS = Path(__file__).parents[2] / "contract" / "vectors"
CASES = json.loads((VECTORS / "jobs.json").read_text())["cases"]
ALWAYS = {"owner": "ada", "model": "simulated.story", "attempt": 0, "updatedAt": "2026-01-01T00:00:00.000Z"}


def update_of(step: Mapping[str, Any]) -> Event | ListRead | Deletion:
    match step:
        case {"event": event}:
            return parse_event(ALWAYS | event)
        case {"read": {"items": items, "hasMore": has_more}}:
            return ListRead(tuple(parse_event(ALWAYS | item) for item in items), has_more=has_more)
        case {"deletion": job_id}:
            return Deletion(JobId(job_id))
    raise AssertionError(f"expected a step with an event, a read or a deletion, and found {sorted(step)}")


def shown(job: Event) -> dict[str, Any]:
    assert (job.delta, job.output_kept, job.result) == (None, None, None)
    fields = {
        "jobId": job.job_id, "status": str(job.status), "sequence": job.sequence, "progress": job.progress,
        "message": job.message,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_step_results_in_the_list_of_the_vector(case: Mapping[str, Any]) -> None:
    jobs = JobList(case["limit"])
    for number, step in enumerate(case["steps"], start=1):
        jobs = merge_list(jobs, update_of(step))
        assert [shown(job) for job in jobs.jobs] == step["list"], f"step {number}"
        assert jobs.absent == set(step.get("absent", ())), f"step {number}"


def test_reducer_in_javascript_passes_the_same_vectors() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed: the JavaScript reducer is not tested")

    ran = subprocess.run([node, VECTORS / "jobs.mjs"], capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout == f"{len(CASES)} cases, {sum(len(case['steps']) for case in CASES)} lists: all as expected\n"


START = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = st.builds(
    lambda name, sequence: Event(
        JobId(name), sequence, Status.COMPLETED if sequence == 4 else Status.PROCESSING,
        created_at=START + timedelta(seconds="abcde".index(name) // 2), end_time=START if sequence == 4 else None,
    ),
    st.sampled_from("abcde"), st.integers(1, 4),
)  # fmt: skip


def newest_of(events: Sequence[Event]) -> list[Event]:
    """The newest event of each job, newest job first."""
    newest: dict[str, Event] = {}
    for event in sorted(events, key=lambda it: it.sequence):
        newest[event.job_id] = event
    return sorted(newest.values(), key=lambda it: (it.created_at or START, it.job_id), reverse=True)


@given(st.lists(EVENTS, max_size=5))
def test_events_result_in_the_same_list_in_any_order_and_repeated(events: list[Event]) -> None:
    for order in list(permutations(events))[:24]:
        jobs = reduce(merge_list, [*order, *events], JobList(10))

        assert list(jobs.jobs) == newest_of(events)


@given(st.lists(EVENTS, max_size=12), st.lists(EVENTS, max_size=12), st.integers(1, 4))
def test_two_reads_in_a_row_result_in_what_the_api_has(before: list[Event], log: list[Event], limit: int) -> None:
    api = [replace(event, sequence=event.sequence + 4) for event in newest_of(log)]  # newer than what was heard
    read = ListRead(tuple(api[:limit]), has_more=len(api) > limit)
    updates: list[Event | ListRead] = [*before, read, read]

    jobs = reduce(merge_list, updates, JobList(limit))

    assert list(jobs.jobs) == api[:limit]
