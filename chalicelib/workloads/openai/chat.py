"""Runs models behind servers that speak OpenAI's protocol, such as OpenAI, Ollama, llama.cpp and vLLM.

One call streams one chat completion. Its text becomes the output, piece by piece; reasoning is shown as progress and
counted. A call that fails before the first piece of text may be repeated, see `retrying`.

The `openai` library is in Lambda's zip only if the stage names such a server. So this module imports it when a job
needs it.
"""

import os
import time
from collections.abc import Callable, Generator
from importlib.util import find_spec
from typing import Final

from tenacity.wait import wait_base

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.contract import Outcome, Piece, WorkloadContext
from chalicelib.workloads.openai.settings import OpenAISettings
from chalicelib.workloads.retrying import BACKOFF, with_retries

LIBRARY: Final = "openai"


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Piece, None, Outcome]:
    """Stream the model's answer to the conversation; the result is the output.

    Raises:
        BudgetExceeded: The model stopped at `maxTokens`.
        WorkloadFailed: The call failed, see `failures`, or the answer ended early, see `ChatAnswer.outcome`.
    """
    return chat(request, context, settings=OpenAISettings.from_environment(os.environ))


def chat(
    request: InferenceRequest,
    context: WorkloadContext,
    *,
    settings: OpenAISettings,
    backoff: wait_base = BACKOFF,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Piece, None, Outcome]:
    """As `run`, with the server and the waiting as arguments."""
    if settings.url is None:
        raise WorkloadFailed(
            f"{request.model} needs a server, but this stage names none; its operator can set `openai` of the stage, "
            "or LONGCALL_OPENAI_URL",
            ErrorType.MODEL_UNAVAILABLE,
        )
    if find_spec(LIBRARY) is None:
        raise WorkloadFailed(
            f"{request.model} needs the library `{LIBRARY}`, but the worker was packaged without it; the stage's "
            "operator can set `openai` of the stage and deploy again",
            ErrorType.MODEL_UNAVAILABLE,
        )
    from chalicelib.workloads.openai.service import service_of

    service = service_of(settings)
    return (yield from with_retries(lambda: service.answer(request), context, backoff=backoff, sleep=sleep))
