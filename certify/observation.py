"""What one client saw of one job, as a line of JSON. Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True, slots=True)
class Shown:
    """One event as it was shown, or as the log has it: everything of it that a caller can see and that has bytes."""

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
    """SHA-256 over events in the order they were shown."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, shown: Shown) -> None:
        values = asdict(shown)
        if shown.progress is not None:
            values["progress"] = float(shown.progress)
        self._hash.update(json.dumps(list(values.values())).encode() + b"\n")

    def hex(self) -> str:
        return self._hash.hexdigest()


def digest_of(events: Iterable[Shown]) -> str:
    digest = Digest()
    for event in events:
        digest.add(event)
    return digest.hex()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class Watching:
    """One iteration over a job's views.

    Attributes:
        shown: Sequences in the order they were shown.
        digest: Of all that was shown.
        output: SHA-256 of the output as it stood at the end.
        is_final: Whether the job's end was shown.
        late_ms: How long after it was logged each event was shown, in the same order.
    """

    shown: list[int] = field(default_factory=list)
    digest: str = ""
    output: str = ""
    is_final: bool = False
    late_ms: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Evidence:
    """All that the client of one job, and whoever eavesdropped on it, saw.

    Attributes:
        answered: How many starts were answered with the job.
        ends: Every final status that an answer or a view gave, with its number.
        overheard: Pushes and answers about the job that another owner received.
        troubles: Errors that the client had to go on after, by class; refusals by the quota among them.
        heals_ms: For each gap that the log closed, how long it was open.
    """

    number: int
    job_id: str
    answered: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    overheard: int = 0
    watchings: list[Watching] = field(default_factory=list)
    troubles: Counter[str] = field(default_factory=Counter)
    heals_ms: list[float] = field(default_factory=list)

    def dump(self) -> str:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return json.dumps({**values, "watchings": list(map(asdict, self.watchings))}, separators=(",", ":"))


def load(lines: Iterable[str]) -> Iterator[Evidence]:
    """The evidence in a file; a line that its process could not finish is not there."""
    for line in lines:
        if not line.endswith("\n"):
            return
        values = json.loads(line)
        yield Evidence(
            **{
                **values,
                "ends": Counter(values["ends"]),
                "troubles": Counter(values["troubles"]),
                "watchings": [Watching(**watching) for watching in values["watchings"]],
            }
        )
