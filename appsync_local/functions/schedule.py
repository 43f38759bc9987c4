"""Functions that run every so often, as an EventBridge rule with a rate has it."""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson

from appsync_local.devtools.health import Health
from appsync_local.functions.spec import ACCOUNT, FunctionSpec


@dataclass(frozen=True, slots=True)
class FunctionSchedule:
    """One rule.

    Attributes:
        function: The name of what is invoked, with `Event`.
        every: Seconds between two invocations; the first comes after as many.
        payload: The constant that the function gets, as values that JSON has; None: EventBridge's own event.
    """

    function: str
    every: float
    payload: object = None

    def __post_init__(self) -> None:
        if not self.every > 0:
            raise ValueError(f"a schedule's interval is a number of seconds over 0, and is {self.every} here")


def scheduled_event(spec: FunctionSpec, *, now: float) -> Mapping[str, object]:
    """What EventBridge sends when a rule's moment has come; `now` is in seconds since the epoch.

    Source:
        EventBridge User Guide, "Creating a rule that runs on a schedule", example event.
    """
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": spec.region,
        "resources": [f"arn:aws:events:{spec.region}:{ACCOUNT}:rule/{spec.name}"],
        "detail": {},
    }


class Timetable:
    """When each schedule is due; what a suspended machine missed is not made up for."""

    def __init__(self, schedules: Iterable[FunctionSchedule], *, now: float) -> None:
        self._schedules = tuple(schedules)
        self._moments = [now + schedule.every for schedule in self._schedules]

    def due(self, *, now: float) -> list[FunctionSchedule]:
        """The schedules whose moment has come, each once however many it missed; their next is ahead of now."""
        due: list[FunctionSchedule] = []
        for place, schedule in enumerate(self._schedules):
            moment = self._moments[place]
            if moment <= now:
                due.append(schedule)
                moment += ((now - moment) // schedule.every + 1) * schedule.every
            self._moments[place] = min(moment, now + schedule.every)  # a clock that went back postpones nothing
        return due

    def next_moment(self) -> float | None:
        """When to look again; None where there is no schedule."""
        return min(self._moments, default=None)


class Schedules:
    """Has functions invoked in time, from `start` to `stop`.

    Args:
        schedules: The rules.
        functions: What they invoke, by name.
        accept: Takes an event as JSON.
        clock: Seconds since the epoch.
        health: Where failed turns are counted.
    """

    def __init__(
        self,
        schedules: Iterable[FunctionSchedule],
        functions: Mapping[str, FunctionSpec],
        *,
        accept: Callable[[FunctionSpec, bytes], object],
        clock: Callable[[], float],
        health: Health,
    ) -> None:
        self._health = health
        self._timetable = Timetable(schedules, now=clock())
        self._functions = functions
        self._accept = accept
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._set_timer()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run(self) -> None:
        now = self._clock()
        for schedule in self._timetable.due(now=now):
            with self._health.loop(f"schedule of {schedule.function}").turn():
                spec = self._functions[schedule.function]
                payload = scheduled_event(spec, now=now) if schedule.payload is None else schedule.payload
                self._accept(spec, orjson.dumps(payload))
        self._set_timer()

    def _set_timer(self) -> None:
        moment = self._timetable.next_moment()
        if moment is not None:
            delay = max(0.0, moment - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._run)
