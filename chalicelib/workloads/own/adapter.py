"""Runs a project's own workload by the contract of the worker: translates request, context, pieces and errors."""

from collections.abc import Callable, Generator
from types import GeneratorType
from typing import Any

from chalicelib.jobs.errors import OutOfTime, WorkloadFailed
from chalicelib.jobs.model import InferenceRequest
from chalicelib.workloads.contract import Checkpoint, Chunk, Outcome, Piece, Progress, Usage, Workload, WorkloadContext
from longcall import workloads as own


def adapted(function: Callable[..., Any]) -> Workload:
    """A workload of the worker that runs a project's own function."""

    def run(request: InferenceRequest, context: WorkloadContext, /) -> Generator[Piece, None, Outcome]:
        given = context.seconds_left()
        work = function(
            _request(request), own.Context(context.deadline, context.clock, context.attempt, context.checkpoint)
        )
        if not isinstance(work, GeneratorType):
            raise WorkloadFailed(
                f"the workload of {request.model} is not a generator function; its author must correct it"
            )
        try:
            while True:
                try:
                    piece = next(work)
                except StopIteration as ended:
                    return _outcome(ended.value, request.model)
                yield _piece(piece, request.model)
        except own.OutOfTime as error:
            raise OutOfTime(given) from error
        except own.WorkloadFailed as error:
            raise WorkloadFailed(str(error)) from error
        finally:
            work.close()

    return run


def _request(request: InferenceRequest) -> own.Request:
    turns = (
        own.Message(it.role.value.lower(), it.text, tuple(image.content for image in it.images))
        for it in request.conversation
    )
    return own.Request(
        text=request.text,
        model=request.model,
        system=request.system,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        process_time=request.process_time,
        top_p=request.top_p,
        stop_sequences=request.stop_sequences,
        messages=tuple(turns),
    )


def _piece(piece: object, model: str) -> Piece:
    match piece:
        case own.Chunk(text=str(text), tokens=tokens):
            return Chunk(text, tokens)
        case own.Progress(share=share, message=message):
            return Progress(share, message)
        case own.Usage(counts=counts):
            return Usage(counts)
        case own.Checkpoint(state=state):
            return Checkpoint(state)
    raise WorkloadFailed(
        f"the workload of {model} must yield Chunk, Progress, Usage or Checkpoint of longcall.workloads, but yielded a "
        f"{type(piece).__name__}; its author must correct it"
    )


def _outcome(value: object, model: str) -> Outcome:
    match value:
        case own.Outcome(result=str() | None as result, usage=dict(usage)):
            return Outcome(result, usage)
    raise WorkloadFailed(
        f"the workload of {model} must return an Outcome with a text or None, but returned a {type(value).__name__}; "
        "its author must correct it"
    )
