"""What one client saw of one job, as a line of JSON. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True, slots=True)
class ShownEvent:
    """One event as it was shown or logged: every field with content that a caller can see."""

    sequence: int
    attempt: int
    status: str
    progress: float | None
    message: str
    delta: str
    result: str
    error: str
    error_type: str


class Digest:
    """SHA-256 over events in the order in which they were shown."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, shown: ShownEvent) -> None:
        values = asdict(shown)
        if shown.progress is not None:
            values["progress"] = float(shown.progress)
        self._hash.update(json.dumps(list(values.values())).encode() + b"\n")

    def hex(self) -> str:
        return self._hash.hexdigest()


def digest_of(events: Iterable[ShownEvent]) -> str:
    digest = Digest()
    for event in events:
        digest.add(event)
    return digest.hex()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Iteration:
    """One iteration over a job's views.

    Attributes:
        shown: Sequences in the order they were shown.
        digest: Digest of all shown events.
        output: SHA-256 of the output at the end.
        is_final: Whether the job's end was shown.
        late_ms: Milliseconds from logging to showing each event, in the same order.
    """

    shown: list[int] = field(default_factory=list)
    digest: str = ""
    output: str = ""
    is_final: bool = False
    late_ms: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Observation:
    """Everything that the client of one job, and the eavesdropper, saw.

    Attributes:
        answered: How many starts were answered with the job.
        ends: Final statuses in answers and views, each with its number.
        overheard: Pushes and answers about the job that another owner received.
        retries: Errors after which the client tried again, by class, including refusals by the quota.
        heals_ms: Milliseconds from finding each gap to closing it from the log.
    """

    number: int
    job_id: str
    answered: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    overheard: int = 0
    iterations: list[Iteration] = field(default_factory=list)
    retries: Counter[str] = field(default_factory=Counter)
    heals_ms: list[float] = field(default_factory=list)

    def dump(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps({**values, "iterations": list(map(asdict, self.iterations))}, separators=(",", ":"))


def load(lines: Iterable[str]) -> Iterator[Observation]:
    """The observations in a file; an incomplete last line is ignored."""
    for line in lines:
        if not line.endswith("\n"):
            return
        values = json.loads(line)
        yield Observation(
            **{
                **values,
                "ends": Counter(values["ends"]),
                "retries": Counter(values["retries"]),
                "iterations": [Iteration(**iteration) for iteration in values["iterations"]],
            }
        )
