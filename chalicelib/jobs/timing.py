"""Times that depend on one another, and what goes wrong if they contradict each other. Pure.

A stage knows all of these times and checks every pair. A handler knows some of them and checks the pairs that it knows.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct


class Order(Struct, frozen=True):
    """One time must be longer than another: `longer > factor * shorter`, all in seconds."""

    longer: str
    shorter: str
    otherwise: str  # what goes wrong, as a clause
    factor: float = 1.0


# A heartbeat is logged once a third of the lease is over. So the log of a job whose worker is alive is silent for up to
# a third of the lease and one heartbeat.
LEASE: Final = Order(
    "lease_seconds", "heartbeat_seconds", "another invocation would take the job from a worker that is alive", 1.5
)
STALLED: Final = Order("stalled_seconds", "lease_seconds", "the sweep would fail a job whose worker is alive")
RETRIED: Final = Order(
    "stalled_seconds", "event_age_seconds", "the sweep would fail a crashed job whose retry still waits for capacity"
)
STARTED: Final = Order(
    "never_started_seconds", "event_age_seconds", "the sweep would fail a job whose start still waits for capacity"
)
REDISPATCHED: Final = Order(
    "never_started_seconds", "redispatch_seconds", "a job would have less time to start after a second dispatch"
)
WAITED: Final = Order(
    "redispatch_seconds", "lease_seconds", "the sweep would dispatch a job again before its worker can count as lost"
)

FOR_WORKER: Final = (LEASE,)
FOR_SWEEP: Final = (STALLED, RETRIED, STARTED, REDISPATCHED)
FOR_STAGE: Final = (*FOR_WORKER, *FOR_SWEEP, WAITED)


def contradictions(
    orders: tuple[Order, ...], times: Mapping[str, float], name_of: Callable[[str], str] = str
) -> Iterator[str]:
    """One sentence for each order that the times break.

    Args:
        orders: Which pairs to check. A pair is skipped if one of its times is missing.
        times: Seconds by name.
        name_of: The name to show for a time.
    """
    for order in orders:
        if order.longer not in times or order.shorter not in times:
            continue
        longer, shorter = times[order.longer], times[order.shorter]
        if longer <= order.factor * shorter:
            least = f"{order.factor:g} times {name_of(order.shorter)}" if order.factor != 1 else name_of(order.shorter)
            yield (
                f"{name_of(order.longer)} must be more than {least} ({order.factor * shorter:g}), but is {longer:g}: "
                f"otherwise {order.otherwise}"
            )


def variable(time: str) -> str:
    """The environment variable with a time: `lease_seconds` is in LONGCALL_LEASE_SECONDS."""
    return f"LONGCALL_{time.upper()}"
