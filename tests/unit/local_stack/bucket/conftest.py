"""The local bucket behind a real port, with boto3 as its client."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_stack.services.bucket.server import Bucket
from local_stack.services.bucket.store import ObjectStore
from tests.support.served import served

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

PATH = "/bucket"
KEY = ("AKIAOFTHISSTACK", "secret/of+this=stack")


@dataclass
class Clock:
    """The machine's clock, moved by hand. Signatures of boto3 have the machine's time."""

    offset: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class Service:
    """The bucket of a folder."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    cleanup: ExitStack = field(default_factory=ExitStack)

    def start(self) -> None:
        self.store = ObjectStore(self.folder, lifetimes={"uploads/": 1, "results/": 7}, clock=self.clock)
        self.cleanup.callback(self.store.close)
        bucket = Bucket(self.store, dict([KEY]), region="us-east-1", path=PATH, clock=self.clock)
        self.url = self.cleanup.enter_context(served(lambda _: bucket.handle)) + PATH

    def stop(self) -> None:
        self.cleanup.close()

    def boto3(self, key: tuple[str, str] = KEY, *, version: str | None = "s3v4") -> "S3Client":
        config = Config(retries={"total_max_attempts": 1}, signature_version=version)
        return boto3.client(
            "s3", endpoint_url=self.url, region_name="us-east-1", config=config,
            aws_access_key_id=key[0], aws_secret_access_key=key[1],
        )  # fmt: skip


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Service]]:
    started: list[Service] = []

    def start() -> Service:
        service = Service(tmp_path / "bucket")
        service.start()
        started.append(service)
        return service

    yield start
    for service in started:
        service.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of a module. Each test has keys of its own."""
    service = Service(tmp_path_factory.mktemp("bucket"))
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def client(service: Service) -> "S3Client":
    return service.boto3()


def refusal(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error with which S3 refuses a call."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])
