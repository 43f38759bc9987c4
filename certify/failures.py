"""How many jobs may fail by a mishap, given the faults that were injected. Pure."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from certify.counts import Finding, Violation
from certify.lateness import Outages
from certify.plan import Campaign, Victim
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Job

TRIES: Final = 3  # of an event: it fails when its process has died as often
UNLIKELY: Final = 1e-6  # probability of a false alarm


def most_failures(campaign: Campaign, faults: Mapping[str, int]) -> dict[ErrorType, int]:
    """The most jobs that may fail in each way, besides those that are planned to or that an outage has hit.

    A job is CRASHED if the process of its event dies three times in a row, and STALLED if the report of that dies too.
    Deaths are independent, so the number of such jobs is about Poisson distributed, and the bound is its quantile.
    Nothing explains a job that never started, timed out or had no time.

    Args:
        campaign: The campaign.
        faults: How often each fault happened.
    """
    deaths = faults.get("crash", 0) + faults.get(Victim.WORKER, 0) + campaign.lanes * faults.get(Victim.STACK, 0)
    share = min(1.0, deaths / max(1, campaign.jobs))
    crashed = quantile(campaign.jobs * share**TRIES, UNLIKELY)
    return {ErrorType.CRASHED: crashed, ErrorType.STALLED: crashed}


def is_hit(log: Sequence[Job], outages: Outages) -> bool:
    """Whether the stack was down, or was starting again, between the last two entries of a job that failed.

    Then its event had to wait until the new stack delivered it. A job whose worker had no time left was hit at any time
    since its start. A job that crashed is never excused: the bound includes the processes that die with the stack.
    """
    if log[-1].error_type is ErrorType.CRASHED:
        return False
    since = log[0] if log[-1].error_type is ErrorType.DEADLINE_EXCEEDED else log[-2]
    return outages.seconds_in(since.updated_at.timestamp(), log[-1].updated_at.timestamp()) > 0


def check_failures(campaign: Campaign, mishaps: Counter[ErrorType], most: Mapping[ErrorType, int]) -> list[Finding]:
    """Compare the mishaps of jobs that were not planned to fail with the bounds."""
    return [
        Finding(
            Violation.UNEXPLAINED_FAILURES,
            campaign.store.value,
            f"{count} jobs ended as {error}, and the injected faults explain {most.get(error, 0)}",
        )
        for error, count in mishaps.items()
        if count > most.get(error, 0)
    ]


def quantile(mean: float, unlikely: float) -> int:
    """The smallest number that a Poisson variable exceeds with at most this probability."""
    number, probability = 0, math.exp(-mean)
    total = probability
    while 1.0 - total > unlikely and number < 100 * (mean + 1):
        number += 1
        probability *= mean / number
        total += probability
    return number
