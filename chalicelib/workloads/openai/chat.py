"""Models behind servers that speak OpenAI's protocol: OpenAI itself, and Ollama, llama.cpp or vLLM on a machine nearby.

One call streams one chat completion. Its text becomes the output, piece by piece; reasoning is shown as progress and
counted. What fails before the first piece of text may be called again, see `retrying`.

The library that speaks the protocol is in Lambda's zip only where the stage names such a server, so that nothing here
imports it before a job needs it.
"""

import os
import time
from collections.abc import Callable, Generator
from importlib.util import find_spec
from typing import Final

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads import Outcome, Piece, WorkloadContext
from chalicelib.workloads.openai.settings import OpenAISettings
from chalicelib.workloads.retrying import Backoff, tried

LIBRARY: Final = "openai"


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Piece, None, Outcome]:
    """The model's answer to the conversation; the result is the output.

    Raises:
        BudgetExceeded: The model stopped at `maxTokens`.
        WorkloadFailed: See `failures` and `Answer.outcome`.
    """
    return chat(request, context, settings=OpenAISettings.from_environment(os.environ))


def chat(
    request: InferenceRequest,
    context: WorkloadContext,
    *,
    settings: OpenAISettings,
    backoff: Backoff | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Piece, None, Outcome]:
    """`run`, with the server and the passing of time as arguments."""
    if settings.url is None:
        raise WorkloadFailed(
            f"{request.model} needs a server, and this stage names none; its operator sets `openai` of the stage, or "
            "LONGCALL_OPENAI_URL",
            ErrorType.MODEL_UNAVAILABLE,
        )
    if find_spec(LIBRARY) is None:
        raise WorkloadFailed(
            f"{request.model} needs the library `{LIBRARY}`, and the worker was packaged without it; its operator sets "
            "`openai` of the stage and deploys again",
            ErrorType.MODEL_UNAVAILABLE,
        )
    from chalicelib.workloads.openai.service import service_of

    service = service_of(settings)
    return (yield from tried(lambda: service.answer(request), context, backoff=backoff, sleep=sleep))
