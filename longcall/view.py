"""The view of a job: its log, merged in order of sequence. Pure.

`merge` is idempotent and independent of order: pages of the log, pushes and snapshots may arrive in any order, and
repeatedly. The same events always result in the same view. An event that arrives early is held until all events before
it have arrived, so a view never shows a state that is not in the log.
"""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import datetime

from longcall.models import Cost, ErrorType, Event, JobId, Json, Snapshot, Status, is_terminal


@dataclass(frozen=True, slots=True)
class JobView:
    """The job's state at `sequence`, which is 0 until the first event is known.

    `output` is all output up to `sequence`. A new attempt keeps its first `output_kept` bytes of UTF-8 and continues
    there; None means none. `delta` is the output that the event at `sequence` added. It is ignored in comparisons,
    because a snapshot does not contain it.
    """

    job_id: JobId
    sequence: int = 0
    status: Status | str = Status.PENDING
    owner: str = ""
    model: str = ""
    attempt: int = 0
    progress: float | None = None
    message: str | None = None
    delta: str = field(default="", compare=False)
    output: str = ""
    output_kept: int | None = None
    result: str | None = None
    result_omitted: bool = False
    result_is_output: bool = False
    error: str | None = None
    error_type: ErrorType | str | None = None
    usage: Json = None
    cost: Cost | None = None
    metadata: Json = None
    created_at: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    updated_at: datetime | None = None
    held: tuple[Event, ...] = field(default=(), repr=False)  # events after `sequence`, ascending, each once

    @property
    def missing(self) -> range:
        """The sequences of the first gap: events that exist and have not arrived. Empty without a gap."""
        return range(self.sequence + 1, self.held[0].sequence) if self.held else range(0)

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended. Its result may still be missing."""
        return is_terminal(self.status, self.end_time)

    @property
    def is_final(self) -> bool:
        """Whether the job has ended and its result is known. Nothing can change the view any more."""
        return self.is_terminal and not self.result_omitted


def merge(view: JobView, update: Event | Snapshot) -> JobView:
    """The view after an update."""
    view = hold(view, update)
    while following := step(view):
        view = following
    return view


def hold(view: JobView, update: Event | Snapshot) -> JobView:
    """Record an update. A snapshot moves the view to its sequence; an event is held for `step`."""
    match update:
        case Snapshot(event, output):
            # Without the output, the view cannot move there.
            return _completed(view, event) if output is None else _jump(view, event, output)
        case Event():
            return _wait(view, update)


def step(view: JobView) -> JobView | None:
    """The view after its next event; None if that event has not arrived."""
    if not view.held or view.held[0].sequence != view.sequence + 1:
        return None
    event, *rest = view.held
    before = view.output if event.attempt == view.attempt else _first(view.output, event.output_kept or 0)
    return _at(event, output=before + (event.delta or ""), held=tuple(rest))


def _first(output: str, size: int) -> str:
    """The output's first `size` bytes of UTF-8."""
    return output.encode(errors="ignore")[:size].decode(errors="ignore")


def _wait(view: JobView, event: Event) -> JobView:
    if event.sequence <= view.sequence:
        return _completed(view, event)
    index = bisect_left(view.held, event.sequence, key=lambda held: held.sequence)
    known = view.held[index] if index < len(view.held) else None
    if known is None or known.sequence != event.sequence:
        return replace(view, held=(*view.held[:index], event, *view.held[index:]))
    if known.result_omitted and not event.result_omitted:
        return replace(view, held=(*view.held[:index], event, *view.held[index + 1 :]))
    return view


def _jump(view: JobView, event: Event, output: str) -> JobView:
    if event.sequence <= view.sequence:
        return _completed(view, event)
    held = tuple(later for later in view.held if later.sequence > event.sequence)
    return _at(event, output=output, held=held)


def _completed(view: JobView, event: Event) -> JobView:
    """The view with the result that the push omitted, if this is the same event with its result."""
    if view.result_omitted and event.sequence == view.sequence and not event.result_omitted:
        return replace(view, result=event.result, result_omitted=False)
    return view


def _at(event: Event, *, output: str, held: tuple[Event, ...]) -> JobView:
    return JobView(
        job_id=event.job_id, sequence=event.sequence, status=event.status, owner=event.owner, model=event.model,
        attempt=event.attempt, progress=event.progress, message=event.message, delta=event.delta or "", output=output,
        output_kept=event.output_kept, result=output if event.result_is_output else event.result,
        result_omitted=event.result_omitted and not event.result_is_output, result_is_output=event.result_is_output,
        error=event.error, error_type=event.error_type, usage=event.usage, cost=event.cost,
        metadata=event.metadata, created_at=event.created_at, start_time=event.start_time, end_time=event.end_time,
        updated_at=event.updated_at, held=held,
    )  # fmt: skip
