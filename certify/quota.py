"""Checks after a campaign that every owner may start exactly as many jobs as the quota allows."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from certify.check import QuotaProbe
from certify.plan import Campaign
from certify.threads import in_thread
from certify.tokens import SignIn
from certify.watchers import CLIENT_TIMING
from chalicelib.jobs.model import Owner
from chalicelib.ledger import Ledger
from longcall import Client, LambdaToken, RequestRejected

RETRY_DELAY: Final = 0.3  # seconds
STARTS_OVER_QUOTA: Final = 3  # starts above the quota
QUOTA_TIMEOUT: Final = 75.0  # seconds; a start that did not reach the log counts for a minute
PROBE_SECONDS: Final = 120.0  # seconds of a probe's job, which is cancelled before


async def probe_quota(
    campaign: Campaign, *, url: str, stack_file: Path, owners: Sequence[str], ledger: Ledger
) -> list[QuotaProbe]:
    """Probe every owner, one after the other. No job is unfinished before or afterwards."""
    probes = []
    for user, owner in enumerate(owners[: campaign.owners]):
        authorization = LambdaToken(SignIn(stack_file, user))
        async with Client(url, authorization=authorization, timing=CLIENT_TIMING) as client:
            probes.append(await _probe(campaign.quota, Owner(owner), client, ledger))
    return probes


async def _probe(quota: int, owner: Owner, client: Client, ledger: Ledger) -> QuotaProbe:
    loop = asyncio.get_running_loop()
    until = loop.time() + QUOTA_TIMEOUT
    tried, started = 0, set[str]()
    while True:
        wanted = quota + STARTS_OVER_QUOTA - len(started)
        tried += wanted
        started |= {job for job in await asyncio.gather(*(_start(client) for _ in range(wanted))) if job}
        if len(started) >= quota or loop.time() > until:
            break
        await asyncio.sleep(RETRY_DELAY)
    admitted = await in_thread(ledger.admitted, owner)
    await asyncio.gather(*(client.cancel(job) for job in started))
    left = await in_thread(ledger.admitted, owner)
    return QuotaProbe(owner, quota, tried, frozenset(started), frozenset(admitted), frozenset(left))


async def _start(client: Client) -> str | None:
    try:
        return (await client.start("Wait.", model="simulated.slow-start", process_time=PROBE_SECONDS)).job_id
    except RequestRejected as rejected:
        if rejected.error_type != "QuotaExceeded":
            raise
        return None
