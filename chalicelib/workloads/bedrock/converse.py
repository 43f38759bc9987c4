"""Runs models on Amazon Bedrock through ConverseStream.

One call streams one answer. Its text becomes the output, piece by piece; reasoning is shown as progress and counted.
A call that fails before the first piece of text may be repeated, see `retrying`.
"""

import os
import time
from collections.abc import Callable, Generator
from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING

from tenacity.wait import wait_base

from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.bedrock.answer import ConverseAnswer
from chalicelib.workloads.bedrock.events import read_events
from chalicelib.workloads.bedrock.failures import FAILURES, failure_of
from chalicelib.workloads.bedrock.request import converse_arguments
from chalicelib.workloads.bedrock.service import Service, body_of, open_service
from chalicelib.workloads.bedrock.settings import BedrockSettings
from chalicelib.workloads.contract import Outcome, Piece, Usage, WorkloadContext
from chalicelib.workloads.retrying import BACKOFF, with_retries

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime.type_defs import ConverseStreamRequestTypeDef


def run(request: InferenceRequest, context: WorkloadContext) -> Generator[Piece, None, Outcome]:
    """Stream the model's answer to the conversation; the result is the output.

    Raises:
        BudgetExceeded: The model stopped at `maxTokens`.
        WorkloadFailed: The call failed, see `failures`, or the answer ended early, see `ConverseAnswer.outcome`.
    """
    return converse(request, context, service=service_of_this_process)


def service_of_this_process() -> Service:
    """The service for this process's settings. It is made once; only a debug server changes its settings."""
    return service_for(BedrockSettings.from_environment(os.environ))


@lru_cache(maxsize=1)
def service_for(settings: BedrockSettings) -> Service:
    return open_service(settings)


def converse(
    request: InferenceRequest,
    context: WorkloadContext,
    *,
    service: Callable[[], Service],
    backoff: wait_base = BACKOFF,
    sleep: Callable[[float], None] = time.sleep,
) -> Generator[Piece, None, Outcome]:
    """As `run`, with the service and the waiting as arguments."""
    try:
        opened = service()
    except FAILURES as error:
        raise failure_of(error, model=request.model, request_id="") from error
    arguments = converse_arguments(request, opened.guardrail)
    call = lambda: _answer(request, arguments, opened)  # noqa: E731
    return (yield from with_retries(call, context, backoff=backoff, sleep=sleep))


def _answer(
    request: InferenceRequest, arguments: "ConverseStreamRequestTypeDef", service: Service
) -> Generator[Piece, None, Outcome]:
    """Make one call, and read its stream to the end."""
    request_id = ""
    try:
        response = service.client.converse_stream(**arguments)
        request_id = response["ResponseMetadata"].get("RequestId", "")  # a proxy may leave it out
        answer = ConverseAnswer(request, request_id=request_id)
        yield Usage(answer.usage)
        with closing(response["stream"]):
            for event in read_events(body_of(response)):
                yield from answer.receive(event)
        yield from answer.end()
    except FAILURES as error:
        raise failure_of(error, model=request.model, request_id=request_id) from error
    return answer.outcome()
