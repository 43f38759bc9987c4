"""The surroundings of a campaign: a copy of the product, a stack that runs it, and its ledger."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from certify import dynamodb as dynamo
from certify.lateness import Outages
from certify.machine import Machine
from certify.plan import PACE, Campaign, Store
from certify.product import Edit, Product
from certify.stack import Stack
from certify.wire import Wire
from chalicelib.ledger import Ledger, open_ledger, utc_now
from chalicelib.ledger.dynamodb import DynamoDbLedger

SETTINGS: Final = {
    "LONGCALL_FLUSH_SECONDS": f"{PACE}",
    "LONGCALL_LEASE_SECONDS": "10",
    "LONGCALL_REDISPATCH_SECONDS": "8",
    "LONGCALL_NEVER_STARTED_SECONDS": "30",
    "LONGCALL_STALLED_SECONDS": "15",
    # Not compared with the times above: every job must end soon, also one whose retry still waits.
    "LONGCALL_EVENT_AGE_SECONDS": "",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """A running stack and its ledger."""

    product: Product
    stack: Stack
    ledger: Ledger
    file: Path  # of the SQLite ledger
    wire: Wire | None
    machine: Machine

    @property
    def outages(self) -> Outages:
        return Outages(tuple(self.stack.outages(time.time())), tuple(self.machine.busy))

    def calm(self) -> None:
        """Stop the faults of the wire."""
        if self.wire:
            self.wire.calm()


@asynccontextmanager
async def environment(
    campaign: Campaign, folder: Path, edits: Sequence[Edit], machine: Machine
) -> AsyncIterator[Environment]:
    """Start the stack of a campaign in its folder. It has ended when the block ends.

    Raises:
        EditFailed: A text to replace does not occur exactly once.
        StackFailed: The stack did not start.
    """
    data = folder / campaign.store.value
    file = data / "jobs.db"
    product = await asyncio.to_thread(Product, folder / f"{campaign.store.value}-product", edits)
    options = (
        "--users", f"{max(2, campaign.owners + 1)}", "--jobs", f"{campaign.lanes * 5 // 4 + 4}",
        "--timeout", f"{campaign.timeout}", *(["--watch"] if campaign.deployments else []),
    )  # fmt: skip
    settings = {**SETTINGS, "LONGCALL_QUOTA": f"{campaign.quota}"}
    async with AsyncExitStack() as running:
        match campaign.store:
            case Store.SQLITE:
                stack = Stack(data, root=product.tree, options=options, settings=settings, chaos=campaign.chaos)
                running.push_async_callback(stack.end)
                await stack.start()
                yield Environment(product, stack, open_ledger(f"sqlite:{file}"), file, None, machine)
            case Store.DYNAMODB:
                endpoint = await running.enter_async_context(dynamo.dynamodb())
                wire = Wire(endpoint, seed=campaign.seed, workers=lambda: stack.workers())
                await running.enter_async_context(wire.running())
                stack = Stack(
                    data,
                    root=product.tree,
                    options=(*options, "--ledger", f"dynamodb:{dynamo.TABLE}"),
                    settings={**settings, **dynamo.CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": wire.url},
                    chaos=campaign.chaos,
                )
                running.push_async_callback(stack.end)
                await stack.start()
                ledger = DynamoDbLedger(dynamo.TABLE, client=dynamo.client_of(endpoint), clock=utc_now)
                yield Environment(product, stack, ledger, file, wire, machine)
            case _:
                assert_never(campaign.store)
