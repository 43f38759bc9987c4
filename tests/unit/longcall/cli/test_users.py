"""`longcall user create` at the local Cognito, which lets only its operator administer users."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from longcall import CognitoPassword, SignInFailed
from longcall.cli.stack import Stack
from longcall.cli.users import create
from longcall.errors import InvalidInput
from tests.unit.local_stack.cognito.conftest import Service

NAME, PASSWORD = "test@example.com", "Chosen-in-env-1"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.start()
    yield service
    service.stop()


@pytest.fixture
def stack(service: Service, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setenv("TEST_USER_EMAIL", NAME)
    monkeypatch.setenv("TEST_USER_PASSWORD", PASSWORD)
    return Stack(
        is_local=True, graphql_url="http://127.0.0.1:1/graphql", realtime_url=None, region="us-east-1",
        client_id=service.pool.client_id, cognito_url=service.pool.endpoint, users=(), pool_id=service.pool.pool_id,
        operator=service.key,
    )  # fmt: skip


@pytest.mark.parametrize("times", [1, 2])
async def test_user_can_sign_in_after_it_was_created_or_replaced(service: Service, stack: Stack, times: int) -> None:
    for _ in range(times):
        assert create(stack) == NAME

    provider = CognitoPassword(
        stack.region, stack.client_id, NAME, PASSWORD, pool_id=stack.pool_id, endpoint_url=stack.cognito_url
    )
    assert (await provider()).count(".") == 2


def test_weak_password_is_refused_with_the_pools_words(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_USER_PASSWORD", "weak")

    with pytest.raises(InvalidInput, match="Password not long enough"):
        create(stack)


def test_another_key_is_refused(stack: Stack) -> None:
    with pytest.raises(SignInFailed, match=r"needs the operator's access key, which stack.json contains"):
        create(replace(stack, operator=("AKIAOTHER", "other")))
