"""The bill in a job's last event equals what the engine's meter counted."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest

from longcall import Client, JobView
from longcall.models import Json
from tests.acceptance.stack import LocalStack, running_stack


@pytest.fixture(scope="module")
def quiet_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that no other test uses."""
    with running_stack(tmp_path_factory.mktemp("metered") / "data") as stack:
        yield stack


Counts = Mapping[str, Mapping[str, int]]


def metered(stack: LocalStack) -> Counts:
    with urlopen(stack.description["meterUrl"], timeout=5) as answer:  # noqa: S310  # the stack's own address
        counts: Counts = json.load(answer)
    return counts


def since(before: Counts, after: Counts) -> dict[str, dict[str, int]]:
    return {
        what: {name: count - before[what].get(name, 0) for name, count in counts.items()}
        for what, counts in after.items()
    }


def billed(view: JobView) -> dict[str, float]:
    assert view.cost is not None
    return {item.name: item.quantity for item in view.cost.items}


async def watched(client: Client, text: str, **options: Json) -> JobView:
    views = [view async for view in client.run(text, **options)]  # type: ignore[arg-type]  # as the cases below say
    return views[-1]


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Tell", {"model": "simulated.story", "max_tokens": 120, "process_time": 3.0}),
        ("Tell", {"model": "simulated.story", "max_tokens": 20_000, "process_time": 1.0}),  # events of many 5 KB
        ("Fail", {"model": "simulated.error", "max_tokens": 50, "process_time": 1.0}),
        ("Stop", {"model": "simulated.story", "max_tokens": 5_000, "process_time": 10.0, "max_cost": 0.0002}),
        ("Wait", {"model": "simulated.slow-start", "max_tokens": 5, "process_time": 4.0}),  # heartbeats are pushed too
        ("Ein Satz. Noch ein Satz, der etwas länger ist.", {"model": "local.textrank"}),
    ],
)
async def test_a_bill_equals_the_engines_meter(quiet_stack: LocalStack, text: str, options: dict[str, Json]) -> None:
    async with quiet_stack.client() as client:
        before = metered(quiet_stack)

        ended = await watched(client, text, **options)
        used = since(before, metered(quiet_stack))

    assert_equal(billed(ended), used)


async def test_a_bill_of_several_invocations_equals_the_engines_meter(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--timeout", "8") as stack:
        async with stack.client() as client:
            before = metered(stack)

            ended = await watched(client, "Tell", model="simulated.story", max_tokens=100, process_time=7.0)
            used = since(before, metered(stack))

    assert ended.attempt > 1
    assert_equal(billed(ended), used)


def assert_equal(bill: Mapping[str, float], used: Mapping[str, Mapping[str, int]]) -> None:
    reads = sum(count for name, count in used["operations"].items() if name.startswith("Query."))
    written = sum(count for name, count in used["operations"].items() if name.startswith("Mutation."))
    assert bill["AppSync operations"] == written
    assert bill["AppSync real-time updates"] == used["pushes"]["onInferenceStatusChange"]
    assert bill["Lambda requests"] == (used["invocations"]["status_relay"] - reads + used["invocations"]["inference"])


async def test_a_cancelled_job_is_billed_as_metered(quiet_stack: LocalStack) -> None:
    async with quiet_stack.client() as client:
        before = metered(quiet_stack)
        last: JobView | None = None
        async for view in client.run("Tell", model="simulated.story", process_time=30.0):
            last = view
            if view.sequence == 4 and not view.is_final:
                await client.cancel(view.job_id)
        used = since(before, metered(quiet_stack))

    assert last is not None
    bill = billed(last)
    # An update that the worker had already sent is answered and pushed after the end. No bill can contain it.
    assert 0 <= used["operations"]["Mutation.updateStatus"] + 2 - bill["AppSync operations"] <= 1
