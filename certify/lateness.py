"""Checks that every end came as soon as promised, and that clients raised no error without an outage. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from certify.counts import Finding, Violation
from certify.observation import Observation
from certify.plan import JobPlan
from chalicelib.jobs.model import Job, Status
from chalicelib.workloads.simulated import Scene

# Without an outage, a job's log grows at least this often: the longest threshold of the sweep is 30 s, the sweep runs
# every 5 s, and a claim may wait for capacity.
MOST_SILENCE: Final = 60.0  # seconds
MOST_DELAY: Final = 20.0  # seconds from logging an end to showing it
MOST_HEARING: Final = 10.0  # seconds from a cancel until its worker stops; 2 s are promised on a machine with time
BUSY_WEIGHT: Final = 0.5
AFTER_BUSY: Final = 10.0  # seconds until the work that has piled up is done
RECOVERY: Final = 20.0  # seconds after an outage in which clients may still see errors
MOST_EXCUSED: Final = 25  # errors of one job
OUTAGE_ERRORS: Final = frozenset(
    {"Unreachable", "RealtimeUnreachable", "ConnectionLost", "SignInFailed", "NotAuthorized", "Lambda:Unhandled"}
)


@dataclass(frozen=True, slots=True)
class Outages:
    """When no promise about times can be kept. All times are seconds since the epoch.

    Attributes:
        down: When the stack was down.
        busy: When other programs used much of the machine.
    """

    down: tuple[tuple[float, float], ...] = ()
    busy: tuple[tuple[float, float], ...] = ()

    def seconds_in(self, begin: float, end: float) -> float:
        """The seconds between two times that do not count.

        While the stack is down or has just been started, no second counts. While others use the machine, one half do.
        """
        down = [(since, until + RECOVERY) for since, until in self.down]
        busy = [(since, until + AFTER_BUSY) for since, until in self.busy]
        lost, slowed = _covered(down, begin, end), _covered([*down, *busy], begin, end)
        return lost + BUSY_WEIGHT * (slowed - lost)

    def excuse(self, at: float) -> bool:
        """Whether such a time has come."""
        is_down = any(since - 1.0 <= at <= until + RECOVERY for since, until in self.down)
        return is_down or any(since - 1.0 <= at <= until + AFTER_BUSY for since, until in self.busy)


def _covered(spans: Sequence[tuple[float, float]], begin: float, end: float) -> float:
    """The seconds between two times that are in at least one of the spans."""
    total, reached = 0.0, begin
    for since, until in sorted(spans):
        total += max(0.0, min(end, until) - max(reached, since))
        reached = max(reached, min(end, until))
    return total


def check_times(plan: JobPlan, log: Sequence[Job], observation: Observation, outages: Outages) -> list[Finding]:
    """Check the times of one job's entries, and the errors that its clients raised."""
    late = [*_late_entries(log, outages), *_late_shown(log, observation, outages), *_not_cancelled(observation)]
    return [
        *(Finding(Violation.LATE_TERMINAL, plan.job_id, detail) for detail in late),
        *check_errors(plan, observation, outages),
    ]


def check_errors(plan: JobPlan, observation: Observation, outages: Outages) -> list[Finding]:
    """Check the errors that the clients of one job raised. Outages excuse some, and never very many."""
    excused = [error for error in observation.errors if error.kind in OUTAGE_ERRORS and outages.excuse(error.at)]
    found = [
        Finding(Violation.CLIENT_ERRORS, plan.job_id, f"{error.kind} while doing: {error.doing}")
        for error in observation.errors
        if error not in excused
    ]
    if len(excused) > MOST_EXCUSED:
        detail = f"{len(excused)} errors during outages, such as {excused[0].kind} while doing: {excused[0].doing}"
        found.append(Finding(Violation.CLIENT_ERRORS, plan.job_id, detail))
    return found


def _late_entries(log: Sequence[Job], outages: Outages) -> Iterator[str]:
    for before, after in pairwise(log):
        begin, end = before.updated_at.timestamp(), after.updated_at.timestamp()
        silent = end - begin - outages.seconds_in(begin, end)
        if silent > MOST_SILENCE:
            yield f"nothing was logged for {silent:.0f} s before entry {after.sequence}"


def _late_shown(log: Sequence[Job], observation: Observation, outages: Outages) -> Iterator[str]:
    if not log or not log[-1].status.is_terminal:
        return
    logged_at = log[-1].updated_at.timestamp()
    for iteration in observation.iterations:
        if iteration.is_final:
            shown_at = logged_at + iteration.late_ms[-1] / 1000
            begin = max(logged_at, iteration.began_at)
            delay = shown_at - begin - outages.seconds_in(begin, shown_at)
            if delay > MOST_DELAY:
                yield f"watcher {iteration.watcher} showed its end {delay:.0f} s after it could"


def _not_cancelled(observation: Observation) -> Iterator[str]:
    for status in observation.unended:
        yield f"a cancel was answered with {status}"


@dataclass(frozen=True, slots=True)
class Stop:
    """A worker's report that it has stopped: because its job is over, or because it believes that it ended the job."""

    job_id: str
    at: float  # seconds since the epoch
    attempt: int
    believes: bool  # that it ended the job


def stops_in(lines: Iterable[bytes]) -> Iterator[Stop]:
    """What workers say in the log of a stack."""
    for line in lines:
        if b'"job_over"' not in line and b'"job_ended"' not in line:
            continue
        try:
            said = json.loads(line)
            at = datetime.fromisoformat(said["time"]).timestamp()
            yield Stop(said["job_id"], at, said["attempt"], said["event"] == "job_ended")
        except (KeyError, ValueError):
            continue  # a line that was cut off when the stack was killed


def check_heard(plan: JobPlan, log: Sequence[Job], stops: Sequence[Stop], outages: Outages) -> list[Finding]:
    """Check that the worker of a cancelled job stopped soon."""
    last = log[-1]
    if last.status is not Status.CANCELLED or plan.scene is Scene.DEAF:
        return []
    cancelled_at = last.updated_at.timestamp()
    return [
        Finding(
            Violation.LATE_TERMINAL,
            plan.job_id,
            f"its worker {_did(stop)} {stop.at - cancelled_at:.0f} s after a cancel",
        )
        for stop in stops
        if stop.attempt == last.attempt
        and stop.at > cancelled_at
        and (stop.believes or stop.at - cancelled_at - outages.seconds_in(cancelled_at, stop.at) > MOST_HEARING)
    ]


def _did(stop: Stop) -> str:
    return "ended the job" if stop.believes else "stopped"
