"""The local Cognito behind a real port, with boto3 as its client."""

import logging
import re
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

from local_stack.folder_secret import folder_secret
from local_stack.services.cognito.pool import Pool, PoolRules, pool_of
from local_stack.services.cognito.server import Cognito
from local_stack.services.cognito.users import Users
from tests.support.served import Handler, served

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

PATH = "/cognito-idp"
NO_RETRY = Config(retries={"total_max_attempts": 1})


@dataclass
class Clock:
    """The machine's clock, moved by hand. Signatures of boto3 have the machine's time."""

    offset: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


@dataclass
class Service:
    """The Cognito of a data folder, which may be started again."""

    folder: Path
    rules: PoolRules = field(default_factory=PoolRules)
    clock: Clock = field(default_factory=Clock)
    cleanup: ExitStack = field(default_factory=ExitStack)
    pool: Pool = field(init=False)

    def start(self) -> None:
        secret = folder_secret(self.folder)
        self.key = secret.access_key("operator")
        users = Users(self.folder / "users.db")
        self.cleanup.callback(users.close)

        def make(url: str) -> Handler:
            self.pool = pool_of(secret, endpoint=f"{url}{PATH}", users=2, rules=self.rules)
            cognito = Cognito(self.pool, secret, users, operators=dict([self.key]), path=PATH, clock=self.clock)
            self.test_users = cognito.test_users
            return cognito.handle

        self.cleanup.enter_context(served(make))

    def stop(self) -> None:
        self.cleanup.close()

    def boto3(self, key: tuple[str, str] | None = None) -> "CognitoIdentityProviderClient":
        key_id, secret = key or self.key
        return boto3.client(
            "cognito-idp", endpoint_url=self.pool.endpoint, region_name="us-east-1", config=NO_RETRY,
            aws_access_key_id=key_id, aws_secret_access_key=secret,
        )  # fmt: skip


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Starts services; each call without a folder starts one on the test's own folder."""
    started: list[Service] = []

    def start(folder: Path | None = None, rules: PoolRules | None = None) -> Service:
        service = Service(folder or tmp_path, rules or PoolRules())
        service.start()
        started.append(service)
        return service

    yield start
    for service in started:
        service.stop()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for all tests of a module. Each test has users of its own."""
    service = Service(tmp_path_factory.mktemp("cognito"))
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def client(service: Service) -> "CognitoIdentityProviderClient":
    return service.boto3()


@pytest.fixture
def codes(caplog: pytest.LogCaptureFixture) -> Callable[[str], str]:
    """The last code that was logged for an e-mail address."""
    caplog.set_level(logging.WARNING)

    def last(email: str) -> str:
        found = re.findall(rf"code of {re.escape(email)} is (\d{{6}})", caplog.text)
        return str(found[-1])

    return last


def refusal(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    """Name and words of the error with which Cognito refuses a call."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
