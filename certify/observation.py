"""What the clients of one job saw of it, as a line of JSON. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event as it was shown or logged: every field with content that a caller can see.

    `usage`, `cost` and `metadata` are JSON values.
    """

    sequence: int
    attempt: int
    status: str
    progress: float | None
    message: str
    delta: str
    output_kept: int
    result: str
    error: str
    error_type: str
    usage: Any = None
    cost: Any = None
    metadata: Any = None


class Digest:
    """SHA-256 over events in the order in which they were shown."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, shown: ShownEvent) -> None:
        values = [_canonical(getattr(shown, each.name)) for each in fields(shown)]
        self._hash.update(json.dumps(values, sort_keys=True).encode() + b"\n")

    def hex(self) -> str:
        return self._hash.hexdigest()


def _canonical(value: Any) -> Any:
    """The JSON value with all numbers as doubles: 1 and 1.0 are the same number in JSON."""
    match value:
        case bool() | None | str():
            return value
        case int() | float():
            return float(value)
        case dict():
            return {name: _canonical(each) for name, each in value.items()}
        case _:
            return [_canonical(each) for each in value]


def digest_of(events: Iterable[ShownEvent]) -> str:
    digest = Digest()
    for event in events:
        digest.add(event)
    return digest.hex()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Iteration:
    """One iteration of a watcher over a job's events.

    Attributes:
        watcher: 0 for the client that starts the job; further watchers have other numbers.
        language: The language of the client.
        began_at: Seconds since the epoch.
        shown: Sequences in the order they were shown.
        digest: Digest of all shown events.
        output: SHA-256 of the output at the end.
        is_final: Whether the job's end was shown.
        late_ms: Milliseconds from logging to showing each event, in the same order.
    """

    watcher: int = 0
    language: str = "python"
    began_at: float = 0.0
    shown: list[int] = field(default_factory=list)
    digest: str = ""
    output: str = ""
    is_final: bool = False
    late_ms: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ShownError:
    """An error that a client raised: `at` in seconds since the epoch, its type, and what the client was doing."""

    at: float
    kind: str
    doing: str


@dataclass(frozen=True, slots=True)
class Moment:
    """What happened at a recorded watcher (`pushed`, `shown` or `healed`), and at which sequence.

    `at` is in seconds since the epoch.
    """

    at: float
    what: str
    sequence: int


@dataclass(slots=True)
class Observation:
    """Everything that the clients of one job, and the eavesdropper, saw.

    Attributes:
        answered: How many starts were answered with the job.
        other_answered: How many starts of the same id with other input were answered with a job.
        ends: Final statuses in answers and views, each with its number.
        unended: Statuses in answers to a cancel that are not final.
        overheard: Pushes about the job that another owner received.
        read: For each field of the schema, how often it answered another owner about the job.
        deleted: Whether the owner was answered that the job is deleted.
        still_served: Fields that answered about the job after it was deleted or had expired.
        errors: All errors that clients of the owner raised, except refusals by the quota.
        retries: The same by type, with those of the eavesdropper and of the quota.
        refused_tokens: How many expired tokens were refused.
        heals_ms: Milliseconds from finding each gap to closing it from the log.
        life: What happened at a recorded watcher.
        is_complete: Whether the clients did everything that was planned. False if they were stopped before.
    """

    number: int
    job_id: str
    answered: int = 0
    other_answered: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    unended: list[str] = field(default_factory=list)
    overheard: int = 0
    read: Counter[str] = field(default_factory=Counter)
    deleted: bool = False
    still_served: list[str] = field(default_factory=list)
    iterations: list[Iteration] = field(default_factory=list)
    errors: list[ShownError] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)
    refused_tokens: int = 0
    heals_ms: list[float] = field(default_factory=list)
    life: list[Moment] = field(default_factory=list)
    is_complete: bool = False

    @property
    def is_shown_to_its_end(self) -> bool:
        """Whether every watcher saw the job's end."""
        latest = {iteration.watcher: iteration.is_final for iteration in self.iterations}
        return bool(latest) and all(latest.values())

    def dump(self) -> str:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        lists = {name: list(map(asdict, values[name])) for name in ("iterations", "errors", "life")}
        return json.dumps(values | lists, separators=(",", ":"))


def load(line: str) -> Observation:
    """The observation in a line."""
    values = json.loads(line)
    return Observation(
        **{
            **values,
            **{name: Counter(values[name]) for name in ("ends", "read", "retries")},
            "iterations": [Iteration(**iteration) for iteration in values["iterations"]],
            "errors": [ShownError(**error) for error in values["errors"]],
            "life": [Moment(**moment) for moment in values["life"]],
        }
    )


def load_all(lines: Iterable[str]) -> Iterator[Observation]:
    """The observations in a file; an incomplete last line is ignored."""
    return (load(line) for line in lines if line.endswith("\n"))
