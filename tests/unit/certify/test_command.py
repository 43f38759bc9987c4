"""When the command ends."""

import asyncio

from certify.command import all_of
from certify.examination import Outcome
from certify.plan import campaigns


async def test_a_campaign_that_was_stopped_ends_the_others() -> None:
    first, second = (Outcome(campaign) for campaign in campaigns(jobs=100, events=20, seed=1))
    first.stopped = "late_terminal is above zero"
    has_cleaned_up = asyncio.Event()

    async def found() -> Outcome:
        return first

    async def goes_on() -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            has_cleaned_up.set()
        return second

    assert await all_of([found(), goes_on()]) == [first]
    assert has_cleaned_up.is_set()


async def test_campaigns_that_find_nothing_all_end() -> None:
    first, second = (Outcome(campaign) for campaign in campaigns(jobs=100, events=20, seed=1))

    async def ends(outcome: Outcome) -> Outcome:
        return outcome

    assert await all_of([ends(first), ends(second)]) == [first, second]
