"""Runs the workload against a server, without ever waiting."""

from typing import Any

from chalicelib.jobs.errors import WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import WorkloadContext
from chalicelib.workloads.openai.chat import chat
from chalicelib.workloads.openai.settings import OpenAISettings
from chalicelib.workloads.retrying import Backoff
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
    """What came of one job."""
    clock = clock or FakeClock()
    settings = OpenAISettings(url=url, key=key, secret=None, silence=silence)
    request = InferenceRequest(prompt, MODEL, **options)
    context, backoff = WorkloadContext(900.0, clock), Backoff(random=lambda: 0.5)
    return run_to_end(chat(request, context, settings=settings, backoff=backoff, sleep=clock.sleep), clock)


def failure(run: Run) -> WorkloadFailed:
    """What the job failed with."""
    assert isinstance(run.error, WorkloadFailed), run.error or run.outcome
    return run.error
