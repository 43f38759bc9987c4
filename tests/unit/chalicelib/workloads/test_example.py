"""The workload of `examples/`: its output, and that it continues from each of its checkpoints."""

import json
from pathlib import Path

import pytest

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.own.adapter import adapted
from examples import report as example
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end

ROOT = Path(__file__).parents[4]
SALES = "day,amount\n2026-01-30,9.90\n2026-01-31,0.10\n2026-02-01,5\n2026-03-01,1.25\n2026-03-02,-1\n"
REPORT = "2026-01  2 sales  10.00\n2026-02  1 sales  5\n2026-03  2 sales  0.25\ntotal  5 sales  15.25\n"


def report(text: str, *, left: float = 60.0, checkpoint: Json = None) -> Run:
    context = WorkloadContext(left, FakeClock(), checkpoint=checkpoint)
    return run_to_end(adapted(example.report)(InferenceRequest(text, "example.report"), context))


def test_report_has_a_line_for_each_month_and_one_for_all() -> None:
    done = report(SALES)

    assert done.output == REPORT
    assert done.finished.result is None, "the result is the output"
    assert done.finished.usage == {"rows": 5}
    assert [step.message for step in done.progress] == ["2 of 5 rows", "3 of 5 rows", "5 of 5 rows"]


def test_another_invocation_goes_on_from_any_checkpoint_as_if_nothing_had_been() -> None:
    checkpoints = report(SALES).checkpoints

    assert len(checkpoints) == 3
    for before, checkpoint in checkpoints:
        kept = json.loads(json.dumps(checkpoint.state))
        assert before + report(SALES, checkpoint=kept).output == REPORT


@pytest.mark.parametrize("text", ["day,amount\n2026-01-30,much\n", "a,b\n1,2\n", "day,amount\n2026-01-30\n"])
def test_rows_without_a_day_or_an_amount_fail_in_words_for_the_owner(text: str) -> None:
    failed = report(text)

    assert isinstance(failed.error, WorkloadFailed)
    assert "send CSV with the columns day and amount" in str(failed.error)


def test_report_stops_at_its_deadline() -> None:
    assert isinstance(report(SALES, left=0.0).error, OutOfTime)


def test_documents_show_the_example_as_it_is() -> None:
    page = (ROOT / "docs" / "workloads.md").read_text(encoding="utf-8")

    assert f"```python\n{(ROOT / 'examples' / 'report.py').read_text(encoding='utf-8')}```" in page
