"""The ledgers under one contract: SQLite, DynamoDB by moto, and DynamoDB by dynalite if Node is installed."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.ledger import Ledger, open_ledger
from tests.support import node_packages

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
MOTO = """
import sys
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from local_stack.services.one_at_a_time import OneAtATime
application = OneAtATime(DomainDispatcherApplication(create_backend_app))
server = make_server("127.0.0.1", 0, application, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
"""
DYNALITE = """
const server = require("dynalite")({ createTableMs: 0 });
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
"""


@dataclass
class FakeClock:
    """A clock that moves only when `advance` is called."""

    time: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class LedgerKind:
    """One kind of ledger. `make` opens an empty one, `open` opens an existing one again."""

    name: str
    environment: Mapping[str, str]
    new_location: Callable[[], str]
    clock: FakeClock = field(default_factory=FakeClock)

    def make(self) -> Ledger:
        return self.open(self.new_location())

    def open(self, location: str) -> Ledger:
        return open_ledger(location, clock=self.clock)


@contextmanager
def serving(*command: str, cwd: Path = ROOT) -> Iterator[str]:
    """Run a server that prints its port, and yield its URL. The server is killed at the end."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=cwd
    ) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    with serving(sys.executable, "-c", MOTO) as url:
        yield url


@pytest.fixture(scope="session")
def dynalite_url() -> Iterator[str]:
    missing = node_packages.node_is_missing()
    if missing is not None:
        pytest.skip(f"{missing}: no second opinion on DynamoDB")
    node_packages.install()
    with serving(node_packages.found("node"), "-e", DYNALITE, cwd=node_packages.FOLDER) as url:
        yield url


@pytest.fixture(params=["sqlite", "moto", "dynalite"])
def ledger_kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LedgerKind:
    numbers = itertools.count()
    if request.param == "sqlite":
        return LedgerKind("sqlite", {}, lambda: f"sqlite:{tmp_path / f'jobs-{next(numbers)}.db'}")
    url = request.getfixturevalue(f"{request.param}_url")
    environment = {**CREDENTIALS, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_DYNAMODB": url}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    prefix = f"jobs-{os.getpid()}-{abs(hash(tmp_path))}"

    def new_location() -> str:
        import boto3
        from botocore.config import Config

        from chalicelib.ledger.dynamodb_items import table_definition

        name = f"{prefix}-{next(numbers)}"
        # One try without the short time limits of the ledger's client: on a busy machine a second one would find the
        # table that the first one creates.
        client = boto3.client("dynamodb", config=Config(read_timeout=60, retries={"total_max_attempts": 1}))
        client.create_table(**table_definition(name))
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
        return f"dynamodb:{name}"

    return LedgerKind(request.param, environment, new_location)
