"""What a caller sees of a job: its log, folded in order, whatever order it came in. Pure.

`merge` is idempotent and order-free: pages of the log, pushes and snapshots may come in any order, and repeated; once
the same events are in, the view is the same. What came too early is held until what it waits for is there, so a view
never shows a state that the log does not have.
"""

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from datetime import datetime

from longcall.models import Cost, ErrorType, Event, JobId, Json, Snapshot, Status, is_terminal


@dataclass(frozen=True, slots=True)
class JobView:
    """The job as it stood at `sequence`; 0 while nothing of its log is known.

    `output` is all output up to there; when `attempt` grows, it starts again, or goes on after its first `output_kept`
    bytes of UTF-8. `delta` is what the event at `sequence` added to it, and takes no part in comparisons: a snapshot
    does not say it.
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
    held: tuple[Event, ...] = field(default=(), repr=False)  # later than `sequence`, ascending, each once

    @property
    def missing(self) -> range:
        """The sequences of the first gap: known to exist, and not here. Empty, thus false, where there is none."""
        return range(self.sequence + 1, self.held[0].sequence) if self.held else range(0)

    @property
    def is_terminal(self) -> bool:
        """Whether the job has ended. Its result may still be missing."""
        return is_terminal(self.status, self.end_time)

    @property
    def is_final(self) -> bool:
        """Nothing can follow, and nothing is left to fetch."""
        return self.is_terminal and not self.result_omitted


def merge(view: JobView, update: Event | Snapshot) -> JobView:
    """The view with one more thing known."""
    view = hold(view, update)
    while following := step(view):
        view = following
    return view


def hold(view: JobView, update: Event | Snapshot) -> JobView:
    """Take an update in. A snapshot moves the view to its place; an event waits for `step`."""
    match update:
        case Snapshot(event, output):
            # Without its output it is no place to be at.
            return _completed(view, event) if output is None else _jump(view, event, output)
        case Event():
            return _wait(view, update)


def step(view: JobView) -> JobView | None:
    """The view one event further, or None where the next event is not here."""
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
    place = bisect_left(view.held, event.sequence, key=lambda held: held.sequence)
    known = view.held[place] if place < len(view.held) else None
    if known is None or known.sequence != event.sequence:
        return replace(view, held=(*view.held[:place], event, *view.held[place:]))
    if known.result_omitted and not event.result_omitted:
        return replace(view, held=(*view.held[:place], event, *view.held[place + 1 :]))
    return view


def _jump(view: JobView, event: Event, output: str) -> JobView:
    if event.sequence <= view.sequence:
        return _completed(view, event)
    held = tuple(later for later in view.held if later.sequence > event.sequence)
    return _at(event, output=output, held=held)


def _completed(view: JobView, event: Event) -> JobView:
    """A result that was too large for the push, brought by a read of the same event."""
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
