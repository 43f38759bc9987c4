"""What an attempt has used, as its worker counts it, and when its budget is used up."""

import pytest

from chalicelib.billing.budget import AttemptBudget
from chalicelib.billing.cost import END_COST, START_COST, publishing_cost
from chalicelib.jobs.errors import BudgetExceeded
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import Chunk, Outcome, Progress, Usage
from tests.unit.chalicelib.workloads.running import FakeClock

MODEL = "amazon.nova-pro-v1:0"
INPUT, OUTPUT = 0.8e-6, 3.2e-6
LAST_WORDS = publishing_cost(1, 1) + END_COST


def budget(*, prompt: str = "four", clock: FakeClock | None = None, **limits: float) -> AttemptBudget:
    request = InferenceRequest(prompt, MODEL, **limits)  # type: ignore[arg-type]  # names of fields, by the tests below
    found = AttemptBudget(request, megabytes=1024, clock=clock or FakeClock())
    found.begin(request)
    return found


def test_tokens_are_estimated_by_size_until_the_model_says() -> None:
    job = budget(prompt="x" * 4000)
    job.add(Chunk("y" * 400))
    assert job.model_cost == pytest.approx(1000 * INPUT + 100 * OUTPUT)

    job.add(Usage({"inputTokens": 900, "outputTokens": 80}))
    assert job.model_cost == pytest.approx(900 * INPUT + 80 * OUTPUT)

    job.add(Chunk("z" * 40))
    assert job.model_cost == pytest.approx(900 * INPUT + 90 * OUTPUT)


def test_tokens_that_a_chunk_declares_count_instead_of_its_size() -> None:
    job = budget(prompt="")
    job.add(Chunk("y" * 400, tokens=7))

    assert job.model_cost == pytest.approx(7 * OUTPUT)


def test_usage_without_tokens_leaves_the_estimate_alone() -> None:
    job = budget(prompt="")
    job.add(Chunk("y" * 400))

    job.add(Usage({"pages": 3}))

    assert job.model_cost == pytest.approx(100 * OUTPUT)


def test_a_total_has_time_and_publishing_in_it() -> None:
    clock = FakeClock()
    job = budget(prompt="", clock=clock)
    job.send()
    job.send()
    job.hear(3)

    clock.sleep(10)

    assert job.total() == pytest.approx(START_COST + publishing_cost(2, 3) + 10 * 0.0000166667)


def test_a_claim_after_an_attempt_that_died_brings_what_that_cost() -> None:
    job = budget(prompt="")
    job.send()
    job.hear(1)

    job.claim(0.5)

    assert job.total() == pytest.approx(0.5)


def test_a_job_is_stopped_when_what_it_costs_to_say_so_is_all_that_is_left() -> None:
    most = START_COST + LAST_WORDS + 100 * OUTPUT
    job = budget(prompt="", max_cost=most)

    job.add(Chunk("", tokens=99))
    assert job.exceeded() is None

    job.add(Chunk("", tokens=2))
    over = job.exceeded()
    assert over is not None
    assert "maxCost" in str(over)


def test_a_text_that_is_too_expensive_to_read_is_neither_sent_nor_billed() -> None:
    request = InferenceRequest("x" * 4_000_000, MODEL, max_cost=0.5)
    job = AttemptBudget(request, megabytes=1024, clock=FakeClock())

    with pytest.raises(BudgetExceeded, match="before the text was sent"):
        job.begin(request)

    assert job.meter().input_tokens == 0


def test_a_text_is_counted_once_the_model_has_accepted_it() -> None:
    job = budget(prompt="x" * 4000)
    job.add(Progress(0.0, "asking again in 3 s"))
    refused = job.meter()

    job.add(Usage({"modelRequestId": "1"}))
    accepted = job.meter()

    assert (refused.input_tokens, accepted.input_tokens) == (0, 1000)


def test_work_that_turned_out_too_expensive_is_said_to_be() -> None:
    job = budget(prompt="", max_cost=0.01)

    with pytest.raises(BudgetExceeded):
        job.end(Outcome("", {"outputTokens": 1_000_000}))


def test_declared_tokens_may_reach_the_limit_and_not_pass_it() -> None:
    job = budget(max_tokens=10)

    job.add(Chunk("ten", tokens=10))
    assert job.exceeded() is None

    job.add(Chunk("eleven", tokens=1))
    assert "maxTokens of 10" in str(job.exceeded())


def test_estimates_do_not_end_a_job_at_its_tokens() -> None:
    job = budget(max_tokens=10)

    job.add(Chunk("words " * 1000))
    job.add(Progress(0.5))

    assert job.exceeded() is None


def test_a_report_says_what_was_counted() -> None:
    clock = FakeClock()
    job = budget(prompt="x" * 40, clock=clock)
    job.send()
    job.hear(2)
    job.add(Chunk("", tokens=5))
    clock.sleep(1.5)

    meter = job.meter()

    assert (meter.operations, meter.pushes, meter.milliseconds, meter.megabytes) == (1, 2, 1500, 1024)
    assert (meter.input_tokens, meter.cached_tokens, meter.output_tokens) == (10, 0, 5)
