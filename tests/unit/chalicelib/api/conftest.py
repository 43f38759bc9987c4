"""A relay on an empty ledger, with a clock of the test's own."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.api.relay import Relay
from chalicelib.jobs.rules import Lease
from chalicelib.ledger.sqlite import SqliteLedger
from tests.contract.conftest import FakeClock
from tests.support.memory_objects import MemoryObjects


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def relay(tmp_path: Path, clock: FakeClock) -> Iterator[Relay]:
    ledger = SqliteLedger(tmp_path / "jobs.db", clock=clock)
    yield Relay(
        ledger=ledger, retention=timedelta(days=7), quota=2, lease=Lease(), clock=clock, objects=MemoryObjects()
    )
    ledger.close()
