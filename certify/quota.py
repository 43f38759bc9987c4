"""When all is over: whether every owner may again have exactly as many unfinished jobs as the quota says."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from certify.caller import AGAIN, PATIENCE, SignIn
from certify.check import QuotaProbe
from certify.plan import Campaign
from chalicelib.jobs.model import Owner
from chalicelib.ledger import Ledger
from longcall import Client, LambdaToken, RequestRejected

TOO_MANY: Final = 3  # starts over the quota
HEALED: Final = 75.0  # seconds; a start that never reached the log holds its place for a minute
LONG: Final = 120.0  # seconds that a probe's job would take, if it were not cancelled


async def probe_quota(
    campaign: Campaign, *, url: str, stack_file: Path, owners: Sequence[str], ledger: Ledger
) -> list[QuotaProbe]:
    """Probe every owner, one after the other; nothing is unfinished before, nor afterwards."""
    probes = []
    for user, owner in enumerate(owners[: campaign.owners]):
        authorization = LambdaToken(SignIn(stack_file, user))
        async with Client(url, authorization=authorization, timing=PATIENCE) as client:
            probes.append(await _probe(campaign.quota, Owner(owner), client, ledger))
    return probes


async def _probe(quota: int, owner: Owner, client: Client, ledger: Ledger) -> QuotaProbe:
    loop = asyncio.get_running_loop()
    until = loop.time() + HEALED
    tried, started = 0, set[str]()
    while True:
        wanted = quota + TOO_MANY - len(started)
        tried += wanted
        started |= {job for job in await asyncio.gather(*(_start(client) for _ in range(wanted))) if job}
        if len(started) >= quota or loop.time() > until:
            break
        await asyncio.sleep(AGAIN)
    admitted = await asyncio.to_thread(ledger.admitted, owner)
    await asyncio.gather(*(client.cancel(job) for job in started))
    left = await asyncio.to_thread(ledger.admitted, owner)
    return QuotaProbe(owner, quota, tried, frozenset(started), frozenset(admitted), frozenset(left))


async def _start(client: Client) -> str | None:
    try:
        return (await client.start("Wait.", model="simulated.slow-start", process_time=LONG)).job_id
    except RequestRejected as rejected:
        if rejected.error_type != "QuotaExceeded":
            raise
        return None
