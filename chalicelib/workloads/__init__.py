"""The kinds of work: a Protocol, and a table from a model's name to the module that does it.

A workload is a generator. It yields `Chunk`, `Progress`, `Usage` and `Checkpoint`, returns an `Outcome`, and never
learns who is listening. Adding one is one module and one line in `TABLE`; `docs/workloads.md` shows how.
"""

import re
import time
from collections.abc import Callable, Generator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Final, cast

from chalicelib.jobs.errors import InvalidRequest
from chalicelib.jobs.limits import MAX_PROCESS_TIME, ONE_INVOCATION
from chalicelib.jobs.model import InferenceRequest, Json
from chalicelib.workloads.bedrock import names as bedrock_names
from chalicelib.workloads.bedrock.names import plain_id


@dataclass(frozen=True, slots=True)
class Chunk:
    """Output to add to what was produced so far. A model's has `tokens`, at least; 0 where nobody counts them."""

    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: `share` from 0 to 1, or None while unknown; `message` is one line for a person."""

    share: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What this attempt has used so far, as an object of counts; each replaces the one before.

    Some keys mean the same for every model, and bills and budgets are made from them: `inputTokens`, read at the full
    price; `cachedInputTokens`, read from a cache and not among the former; `outputTokens`, with those of reasoning;
    `modelMilliseconds`; and the texts `stopReason` and `modelRequestId`. All others are the workload's own.
    """

    counts: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How to go on behind everything that was yielded so far: the next attempt finds `state` in its deadline.

    `state` is JSON, at most 64 KiB of it, and not None. It is kept with the job's next update, and the newest counts.
    """

    state: Json


Piece = Chunk | Progress | Usage | Checkpoint


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a workload returns when it has finished. `usage` is as in `Usage`, for all of the attempt.

    The result is a text, or None: what was put out, by this attempt and those that it went on from.
    """

    result: str | None
    usage: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment by which this attempt at the work has to be done, on `clock`'s scale, in seconds.

    `attempt` counts from 1; it is higher where an earlier attempt died or handed over, so that work with effects
    outside can tell. `checkpoint` is the state of the newest `Checkpoint`, None where there was none.
    """

    at: float
    clock: Callable[[], float] = time.monotonic
    attempt: int = 1
    checkpoint: Json = None

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self.at - self.clock())


Workload = Callable[[InferenceRequest, Deadline], Generator[Piece, None, Outcome]]


class Option(StrEnum):
    """What a caller may send besides prompt, model and limits on costs; the words on the wire."""

    SYSTEM = "system"
    MAX_TOKENS = "maxTokens"
    TEMPERATURE = "temperature"
    PROCESS_TIME = "processTime"
    TOP_P = "topP"
    STOP_SEQUENCES = "stopSequences"
    MESSAGES = "messages"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the table: which models are run by `module.run`, and what they take.

    All of it is data, so that a request is checked before its job opens and without importing the module. Where a
    kind has a `pattern`, it has all models that look like it too, and `models` are examples.
    """

    models: tuple[str, ...]  # of a family: what stands before the dot
    module: str
    takes: AbstractSet[Option]
    longest: float = ONE_INVOCATION  # seconds of `processTime`, at most; work that yields checkpoints may take more
    pattern: re.Pattern[str] | None = None


TABLE: Final = (
    Kind(
        models=("simulated.story",),
        module="chalicelib.workloads.simulated",
        takes=frozenset(Option) - {Option.IMAGES},
        longest=MAX_PROCESS_TIME,
    ),
    Kind(
        models=(
            "simulated.error",
            "simulated.crash",
            "simulated.crash-once",
            "simulated.silence",
            "simulated.slow-start",
            "simulated.deaf",
        ),
        module="chalicelib.workloads.simulated",
        takes=frozenset(Option) - {Option.IMAGES},
    ),
    Kind(
        models=("simulated.echo",),
        module="chalicelib.workloads.echo",
        takes=frozenset({Option.PROCESS_TIME}),
    ),
    Kind(
        models=("local.textrank",),
        module="chalicelib.workloads.textrank",
        takes=frozenset({Option.MAX_TOKENS}),
    ),
    Kind(
        models=("amazon.nova-micro-v1:0",),
        module="chalicelib.workloads.bedrock.converse",
        takes=frozenset(Option) - {Option.PROCESS_TIME},
        pattern=bedrock_names.MODEL,
    ),
    Kind(
        models=("openai/llama3.2",),
        module="chalicelib.workloads.openai.chat",
        takes=frozenset(Option) - {Option.PROCESS_TIME},
        pattern=re.compile(r"openai/[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}"),  # whatever its server has
    ),
)


def find(model: str) -> Kind:
    """The line of the table that has the model: by its name, or by the look of it where no family has such names.

    Raises:
        InvalidRequest: No line has it; names some that exist.
    """
    families: dict[str, list[str]] = {}
    for kind in TABLE:
        if model in kind.models:
            return kind
        for name in kind.models:
            families.setdefault(_family(name), []).append(name)
    for kind in TABLE:
        if kind.pattern is not None and kind.pattern.fullmatch(model) and _family(model) not in _complete(TABLE):
            return kind
    near = families.get(_family(model), [])
    known = near if len(near) > 1 else [names[0] for names in families.values()]
    raise InvalidRequest(f"model {model[:80]!r} is not known; use {', '.join(known[:-1])} or {known[-1]}")


def _family(model: str) -> str:
    return model.partition(".")[0]


def _complete(table: Sequence[Kind]) -> set[str]:
    """Families all of whose models are in the table, so that any other name is misspelt."""
    return {_family(name) for kind in table if kind.pattern is None for name in kind.models}


def _allows(pattern: str, model: str) -> bool:
    return fnmatchcase(model, pattern) or fnmatchcase(plain_id(model), plain_id(pattern))


def check(request: InferenceRequest, *, allowed: Sequence[str] = ("*",)) -> None:
    """Refuse a request that its workload could not take, before there is a job.

    Args:
        request: What the caller asks for.
        allowed: Models that this stage runs; `*` stands for any text. A model of Bedrock's may be called by its id or
            by the ARN that has it, in either place.

    Raises:
        InvalidRequest: The model is not known or not allowed, or takes no such option.
    """
    kind = find(request.model)
    if not any(_allows(pattern, request.model) for pattern in allowed):
        raise InvalidRequest(f"model {request.model} is not allowed on this stage; use {' or '.join(allowed)}")
    sent = {
        Option.SYSTEM: request.system,
        Option.MAX_TOKENS: request.max_tokens,
        Option.TEMPERATURE: request.temperature,
        Option.PROCESS_TIME: request.process_time,
        Option.TOP_P: request.top_p,
        Option.STOP_SEQUENCES: request.stop_sequences,
        Option.MESSAGES: request.messages,
        Option.IMAGES: request.images,
    }
    for option, value in sent.items():
        if value not in (None, ()) and option not in kind.takes:
            raise InvalidRequest(f"model {request.model} takes no {option}; leave it out")
    if request.process_time is not None and request.process_time > kind.longest:
        raise InvalidRequest(
            f"processTime of {request.model} has to be at most {kind.longest:g}, and is {request.process_time:g}: "
            "it does all of its work in one invocation"
        )


def load(model: str) -> Workload:
    """The workload that runs the model; its module is imported here and not before.

    Raises:
        InvalidRequest: No workload has the model.
    """
    return cast("Workload", import_module(find(model).module).run)
