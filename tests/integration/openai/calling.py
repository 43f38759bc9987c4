"""Runs the workload against a server with a fake clock."""

from collections.abc import Generator
from typing import Any

from tenacity import wait_exponential

from chalicelib.jobs.errors import WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import Outcome, Piece, WorkloadContext
from chalicelib.workloads.openai.chat import chat
from chalicelib.workloads.openai.settings import OpenAISettings
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end

MODEL = "openai/m"
SILENCE = 30.0  # seconds; longer than any answer here takes


def ask(
    url: str | None,
    prompt: str = "Tell me",
    *,
    clock: FakeClock | None = None,
    key: str | None = None,
    silence: float = SILENCE,
    **options: Any,
) -> Run:
    """Run one job to its end."""
    clock = clock or FakeClock()
    return run_to_end(started(url, prompt, clock=clock, key=key, silence=silence, **options), clock)


def started(
    url: str | None,
    prompt: str = "Tell me",
    *,
    clock: FakeClock | None = None,
    key: str | None = None,
    silence: float = SILENCE,
    **options: Any,
) -> Generator[Piece, None, Outcome]:
    """The generator of the workload, not started yet."""
    clock = clock or FakeClock()
    settings = OpenAISettings(url=url, key=key, secret=None, silence=silence)
    request = InferenceRequest(prompt, MODEL, **options)
    context, backoff = WorkloadContext(900.0, clock), wait_exponential(0.5, 10.0)
    return chat(request, context, settings=settings, backoff=backoff, sleep=clock.sleep)


def failure(run: Run) -> WorkloadFailed:
    """The error with which the job failed."""
    assert isinstance(run.error, WorkloadFailed), run.error or run.outcome
    return run.error
