"""The test vectors of docs/merge.md, for this client and for the reducer in JavaScript next to the vectors."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from longcall import JobView, merge
from longcall.models import JobId
from longcall.parsing import parse_event, parse_snapshot

VECTORS = Path(__file__).parents[2] / "contract" / "vectors"
CASES = json.loads((VECTORS / "merge.json").read_text())["cases"]
JOB = JobId("123e4567-e89b-42d3-a456-426614174000")
ALWAYS = {
    "jobId": JOB,
    "owner": "ada",
    "model": "simulated.story",
}  # fields that do not affect the merge, so the vectors omit them


def fold(view: JobView, step: Mapping[str, Any]) -> JobView:
    match step:
        case {"event": event}:
            return merge(view, parse_event(ALWAYS | event))
        case {"page": page}:
            return reduce(merge, (parse_event(ALWAYS | event) for event in page), view)
        case {"snapshot": snapshot}:
            return merge(view, parse_snapshot(ALWAYS | snapshot))
    raise AssertionError(f"expected a step with an event, a page or a snapshot, and found {sorted(step)}")


def shown(view: JobView) -> dict[str, Any]:
    fields = {
        "sequence": view.sequence,
        "status": str(view.status),
        "attempt": view.attempt,
        "output": view.output,
        "progress": view.progress,
        "message": view.message,
        "result": view.result,
        "resultOmitted": view.result_omitted,
        "error": view.error,
        "errorType": str(view.error_type) if view.error_type else None,
        "cost": view.cost.render() if view.cost else None,
        "missing": [view.missing[0], view.missing[-1]] if view.missing else None,
        "final": view.is_final,
    }
    return {name: value for name, value in fields.items() if value is not None and value is not False}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_every_step_results_in_the_view_of_the_vector(case: Mapping[str, Any]) -> None:
    view = JobView(JOB)
    for number, step in enumerate(case["steps"], start=1):
        view = fold(view, step)
        assert shown(view) == step["view"], f"step {number}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_repeating_any_step_at_the_end_changes_nothing(case: Mapping[str, Any]) -> None:
    view = reduce(fold, case["steps"], JobView(JOB))

    assert [fold(view, step) for step in case["steps"]] == [view] * len(case["steps"])


def test_reducer_in_javascript_passes_the_same_vectors() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node is not installed: the JavaScript reducer is not tested")

    ran = subprocess.run([node, VECTORS / "merge.mjs"], capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout == f"{len(CASES)} cases, {sum(len(case['steps']) for case in CASES)} views: all as expected\n"
