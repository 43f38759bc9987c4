"""Runs a workload to its end and keeps what it yielded; only sleeping advances its clock."""

from collections.abc import Generator
from dataclasses import dataclass, field

from chalicelib.workloads import Checkpoint, Chunk, Outcome, Piece, Progress, Usage


class FakeClock:
    """A clock in seconds. Only `sleep` advances it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.sleeps.append(seconds)
        self.now += seconds


@dataclass
class Run:
    """The output of a workload so far. `outcome` is None if it raised."""

    chunks: list[str] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    times: list[float] = field(default_factory=list)  # of the chunks
    usage: Usage | None = None  # the newest
    checkpoints: list[tuple[str, Checkpoint]] = field(default_factory=list)  # each with the output before it
    error: Exception | None = None
    outcome: Outcome | None = None

    @property
    def output(self) -> str:
        return "".join(self.chunks)

    @property
    def result(self) -> str:
        """The result of a run that finished."""
        return self.output if self.finished.result is None else self.finished.result

    @property
    def finished(self) -> Outcome:
        assert self.outcome is not None, self.error
        return self.outcome


def run_to_end(steps: Generator[Piece, None, Outcome], clock: FakeClock | None = None) -> Run:
    """Everything the workload does until it returns or raises."""
    run = Run()
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            run.outcome = stop.value
            return run
        except Exception as exc:
            run.error = exc
            return run
        match step:
            case Chunk(text):
                run.chunks.append(text)
                run.times.append(clock() if clock else 0.0)
            case Progress():
                run.progress.append(step)
            case Usage():
                run.usage = step
            case Checkpoint():
                run.checkpoints.append((run.output, step))
