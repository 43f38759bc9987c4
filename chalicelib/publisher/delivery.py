"""One update, brought to the API however often it takes, until a moment passes."""

import asyncio
import logging
import random
import time
from dataclasses import dataclass
from itertools import count
from typing import Final

from chalicelib.jobs.errors import PublishFailed
from chalicelib.jobs.model import PassOn, Redispatch, StatusUpdate
from chalicelib.publisher.appsync import Channel, Unreachable
from chalicelib.publisher.fencing import Answer

log = logging.getLogger(__name__)

REQUEST_TIMEOUT: Final = 10.0  # seconds for one try; AppSync itself gives up after 30
SHORTEST_TRY: Final = 0.1  # seconds; less is not worth a request


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before another try: random between nothing and a limit that doubles up to `cap`.

    Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (full jitter).
    """

    base: float = 0.1
    cap: float = 3.0

    def limit(self, tries: int) -> float:
        """The longest wait after so many failed tries, from 1 on."""
        return min(self.cap, self.base * 2.0 ** min(tries - 1, 32))

    def delay(self, tries: int) -> float:
        return random.uniform(0.0, self.limit(tries))  # noqa: S311  # no secret depends on it


async def deliver(
    channel: Channel, update: StatusUpdate | Redispatch | PassOn, *, until: float, backoff: Backoff
) -> Answer:
    """Try until there is an answer. Its `update_id` lets the log write an update once, however often it arrives.

    Args:
        channel: Where to.
        update: What to say.
        until: When to give up, of `time.monotonic`.
        backoff: How long to wait after a try that failed.

    Raises:
        PublishFailed: The API refused it, or could not be reached in time.
    """
    reason = "no answer in time"
    for tries in count(1):
        left = until - time.monotonic()
        try:
            async with asyncio.timeout(min(REQUEST_TIMEOUT, left)):
                return await channel.send(update)
        except (Unreachable, TimeoutError) as error:
            reason = str(error) or reason  # a last try that was too short for an answer says less than the one before
            most = until - time.monotonic() - SHORTEST_TRY
            if most < 0.0:
                raise PublishFailed(
                    f"expected AppSync to take an update of job {update.job_id} and gave up after "
                    f"{tries} {'try' if tries == 1 else 'tries'}: {reason}; the invocation will be retried"
                ) from error
            log.warning(
                "update not delivered, trying again",
                extra={"event": "publish_retried", "job_id": update.job_id, "tries": tries, "reason": reason},
            )
            await asyncio.sleep(min(backoff.delay(tries), most))  # with time left for a last try
    raise AssertionError  # count() has no end
