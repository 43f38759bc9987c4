"""Sends one update to the API, and repeats it until there is an answer or the time is over."""

import asyncio
import logging
from itertools import count
from typing import Final

from msgspec import Struct
from tenacity import RetryCallState, Retrying, wait_random_exponential

from chalicelib.jobs.errors import PublishFailed
from chalicelib.jobs.model import DispatchNext, Redispatch, StatusUpdate
from chalicelib.publisher.appsync import Channel, Unreachable
from chalicelib.publisher.fencing import UpdateAnswer

log = logging.getLogger(__name__)

REQUEST_TIMEOUT: Final = 10.0  # seconds for one try; AppSync itself gives up after 30
SHORTEST_TRY: Final = 0.1  # seconds; less is not worth a request


class Backoff(Struct, frozen=True):
    """Seconds to wait before another try: random, up to a limit that doubles from `base` to `cap` (full jitter)."""

    base: float = 0.1
    cap: float = 3.0

    def delay(self, tries: int) -> float:
        """The wait after this many failed tries, from 1 on."""
        state = RetryCallState(Retrying(), fn=None, args=(), kwargs={})
        state.attempt_number = tries
        return wait_random_exponential(multiplier=self.base, max=self.cap)(state)


async def deliver(
    channel: Channel, update: StatusUpdate | Redispatch | DispatchNext, *, until: float, backoff: Backoff
) -> UpdateAnswer:
    """Send an update until there is an answer. The log writes it once: repetitions have the same `update_id`.

    Args:
        channel: The connection to the API.
        update: What to send.
        until: When to stop trying, on the clock of `time.monotonic`.
        backoff: How long to wait after a failed try.

    Raises:
        UpdateRefused: The API does not accept the update.
        PublishFailed: The API could not be reached in time, or failed on the update each time.
    """
    clock = asyncio.get_running_loop().time  # the same as `time.monotonic`
    reason = "no answer in time"
    faults = 0
    for tries in count(1):
        left = until - clock()
        try:
            async with asyncio.timeout(min(REQUEST_TIMEOUT, left)):
                return await channel.send(update)
        except (Unreachable, TimeoutError) as error:
            reason = str(error) or reason  # keep the reason of an earlier try if this one was too short
            most = until - clock() - SHORTEST_TRY
            most_faults = error.most_tries if isinstance(error, Unreachable) else None
            faults = 0 if most_faults is None else faults + 1  # in a row: other failures do not point to a bug
            if most < 0.0 or (most_faults is not None and faults >= most_faults):
                raise PublishFailed(
                    f"expected AppSync to take an update of job {update.job_id} and gave up after "
                    f"{tries} {'try' if tries == 1 else 'tries'}: {reason}; the invocation will be retried"
                ) from error
            log.warning(
                "job %s: update not delivered in try %d (%s), trying again",
                update.job_id,
                tries,
                reason,
                extra={"event": "publish_retried", "job_id": update.job_id, "tries": tries, "reason": reason},
            )
            await asyncio.sleep(min(backoff.delay(tries), most))  # with time left for a last try
    raise AssertionError  # count() has no end
