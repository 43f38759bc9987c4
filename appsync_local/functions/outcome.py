"""How an invocation ended, in the words AWS uses for it."""

import signal
from dataclasses import dataclass
from typing import NotRequired, TypedDict


class ErrorPayload(TypedDict):
    """What a failed invocation leaves behind.

    Source: Lambda Developer Guide, "Python function errors" and "Node.js function errors"; the platform's own errors
    have no trace.
    """

    errorType: str
    errorMessage: str
    requestId: NotRequired[str]
    stackTrace: NotRequired[list[str]]
    trace: NotRequired[list[str]]  # Node.js has it instead of `stackTrace`


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The handler returned; `body` is its result as JSON."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """The handler raised, could not be imported, or its process ended."""

    error: ErrorPayload


@dataclass(frozen=True, slots=True)
class Refused:
    """The handler was not called, through no fault of its own; `reason` is one sentence."""

    reason: str


Outcome = Succeeded | Failed | Refused


def timed_out(request_id: str, seconds: float) -> Failed:
    """The invocation passed the function's time-out."""
    return _platform("Sandbox.Timedout", request_id, f"Task timed out after {seconds:.2f} seconds")


def start_timed_out(request_id: str, handler: str, seconds: float) -> Failed:
    """Importing the handler took longer than AWS lets an init phase take."""
    return _platform("Sandbox.Timedout", request_id, f"importing {handler} took longer than {seconds:.2f} seconds")


def exited(request_id: str, status: int) -> Failed:
    """The process ended before the invocation did.

    Args:
        request_id: The invocation it was busy with.
        status: Wait status of the process, as `os.waitpid` gives it.
    """
    return _platform("Runtime.ExitError", request_id, exit_sentence(status))


def exit_sentence(status: int) -> str:
    """`Runtime exited with error: signal: killed`, and so on."""
    if _ended_by_signal(status):
        name = signal.strsignal(status & 0x7F) or f"signal {status & 0x7F}"
        return f"Runtime exited with error: signal: {name.partition(':')[0].lower()}"  # macOS says `Killed: 9`
    code = status >> 8
    return f"Runtime exited with error: exit status {code}" if code else "Runtime exited without providing a reason"


def _ended_by_signal(status: int) -> bool:
    return status & 0x7F != 0


def _platform(error_type: str, request_id: str, sentence: str) -> Failed:
    return Failed({"errorType": error_type, "errorMessage": f"RequestId: {request_id} Error: {sentence}"})
