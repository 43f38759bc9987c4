"""The contract of a project's own workloads, for the files in its folder `workloads/`.

A workload is a generator function: it receives a request and a context, yields pieces, and returns an outcome. This
module needs the standard library only. The zip of the handlers contains it under the same name, without the client.
"""

import math
import time
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, field
from inspect import Parameter, isgeneratorfunction, signature
from typing import Final, TypeVar

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

# What a caller may send besides the text and a limit on costs, by the name that it has in a `Request`.
OPTIONS: Final = (
    "system", "max_tokens", "temperature", "process_time", "top_p", "stop_sequences", "messages", "images",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chunk:
    """Text to append to the job's output. `tokens` is a lower bound of its tokens; 0 if nobody counts them."""

    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How much is done: `share` from 0 to 1, or None if unknown; `message` is one line for a person."""

    share: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What this attempt has used so far, as a JSON object of counts. Each `Usage` replaces the one before."""

    counts: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How to continue after everything yielded so far: a JSON value other than None, at most 64 KiB."""

    state: Json


Piece = Chunk | Progress | Usage | Checkpoint


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a workload returns. `result` is a text, or None if the result is the job's output."""

    result: str | None
    usage: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation. `role` is `user` or `assistant`; `images` are the contents of image files."""

    role: str
    text: str
    images: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """What the caller asked for.

    Attributes:
        text: The prompt, or the text of all messages.
        model: The name that the caller chose.
        messages: The turns of the conversation; a prompt is a conversation of one.
    """

    text: str
    model: str = ""
    system: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    process_time: float | None = None  # seconds
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a workload knows about the attempt that it runs in.

    Attributes:
        deadline: When the attempt must be done, in seconds on the scale of `clock`.
        clock: Returns the current time in seconds.
        attempt: Counts from 1. It is higher if an earlier attempt died or handed over.
        checkpoint: The state of the newest `Checkpoint`; None if there is none.
    """

    deadline: float = math.inf
    clock: Callable[[], float] = time.monotonic
    attempt: int = 1
    checkpoint: Json = None

    def seconds_left(self) -> float:
        """Seconds until the deadline, never negative."""
        return max(0.0, self.deadline - self.clock())


class WorkloadFailed(Exception):
    """The work failed. The job's owner reads the message: what was expected, what was found, what to do."""


class OutOfTime(WorkloadFailed):
    """The deadline passed. With a checkpoint, the next attempt continues; otherwise the job fails."""


Work = Generator[Piece, None, Outcome]
Workload = Callable[[Request, Context], Work]
Function = TypeVar("Function", bound=Workload)


def workload(
    model: str, *, options: Collection[str] = (), max_process_time: float | None = None
) -> Callable[[Function], Function]:
    """Make a function the workload of a model.

    Longcall reads the arguments from the file without running it, so they must be literals.

    Args:
        model: The model's name, such as `example.shout`.
        options: The options that a request may have, out of `OPTIONS`. A request with any other option is refused.
        max_process_time: The largest `process_time`, in seconds; None: as long as one invocation lasts.

    Raises:
        TypeError: The decorated object is not a generator function of two positional parameters.
        ValueError: An option does not exist.
    """
    if isinstance(options, str) or not all(option in OPTIONS for option in options):
        raise ValueError(f"the options of {model} must be a list of {', '.join(OPTIONS)}, but are {options!r}")

    def check(function: Function) -> Function:
        if not isgeneratorfunction(function):
            raise TypeError(f"the workload of {model} must be a generator function, but is a {type(function).__name__}")
        if not _takes_two(function):
            raise TypeError(f"the workload of {model} must take (request, context), but takes {signature(function)}")
        return function

    if max_process_time is not None and not max_process_time > 0:
        raise ValueError(f"max_process_time of {model} must be a number of seconds, but is {max_process_time!r}")
    return check


def _takes_two(function: Workload) -> bool:
    try:
        bound = signature(function).bind(Request(""), Context())
    except TypeError:
        return False
    return all(it.kind is not Parameter.KEYWORD_ONLY for it in bound.signature.parameters.values())


@dataclass(frozen=True, slots=True)
class Trial:
    """What a workload did when it was tried: all its pieces, the text of its chunks, and its outcome."""

    pieces: tuple[Piece, ...]
    output: str
    outcome: Outcome


def try_workload(function: Workload, request: Request, context: Context | None = None) -> Trial:
    """Run a workload to its end, for a test."""
    work = function(request, context or Context())
    pieces = []
    while True:
        try:
            pieces.append(next(work))
        except StopIteration as ended:
            output = "".join(it.text for it in pieces if isinstance(it, Chunk))
            return Trial(tuple(pieces), output, ended.value)
