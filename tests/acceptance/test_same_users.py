"""A stack that was killed comes back with the same users, ids and objects at the same addresses."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from aiohttp import ClientSession
from moto.utilities.utils import load_resource

from longcall import Client, CognitoPassword, CognitoToken, LambdaToken, NotAuthorized, Status
from tests.acceptance.stack import LocalStack, running_stack

EVE, PASSWORD = "eve@example.com", "Chosen-by-eve-1"
LARGE = "After " * 60_000


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("own") / "data") as stack:
        yield stack


def signed_up(stack: LocalStack) -> None:
    """Sign Eve up, with the code that the stack logs."""
    described = stack.description
    cognito = boto3.client(
        "cognito-idp", endpoint_url=described["cognitoUrl"], region_name=described["region"],
        aws_access_key_id="any", aws_secret_access_key="any",
    )  # fmt: skip
    cognito.sign_up(ClientId=described["clientId"], Username=EVE, Password=PASSWORD)
    code = stack.log.read_text().rpartition(f"code of {EVE} is ")[2][:6]
    cognito.confirm_sign_up(ClientId=described["clientId"], Username=EVE, ConfirmationCode=code)


def eve(stack: LocalStack) -> CognitoPassword:
    described = stack.description
    return CognitoPassword(
        described["region"], described["clientId"], EVE, PASSWORD, pool_id=described["userPoolId"],
        endpoint_url=described["cognitoUrl"],
    )  # fmt: skip


async def test_killed_stack_has_the_same_users_jobs_and_addresses(own_stack: LocalStack) -> None:
    await asyncio.to_thread(signed_up, own_stack)
    async with Client(own_stack.url, authorization=LambdaToken(eve(own_stack))) as client, asyncio.timeout(60):
        before = [view async for view in client.run(LARGE, model="simulated.echo")][-1]
    first = own_stack.description
    own_stack.kill()

    await asyncio.to_thread(own_stack.start)

    async with Client(own_stack.url, authorization=LambdaToken(eve(own_stack))) as client, asyncio.timeout(60):
        kept = await client.get(before.job_id)  # which only the same user may read
        after = [view async for view in client.run("After", model="simulated.echo")][-1]
    assert own_stack.description == {**first, "apiKeys": own_stack.description["apiKeys"]}
    assert (before.status, after.status) == (Status.COMPLETED, Status.COMPLETED)
    assert kept.result == LARGE  # from the bucket


async def answer(stack: LocalStack, token: str) -> int:
    headers = {"authorization": token, "content-type": "application/json"}
    async with (
        ClientSession() as session,
        session.post(
            stack.url, headers=headers, data=json.dumps({"query": "{ listInferences { items { jobId } } }"})
        ) as response,
    ):
        return response.status


@pytest.mark.parametrize("prefix", ["", "Lambda-Auth-"])
async def test_token_signed_with_the_key_of_moto_is_refused(own_stack: LocalStack, prefix: str) -> None:
    genuine = await own_stack.sign_in()()
    published = load_resource("cognitoidp/resources/jwks-private.json")
    key = jwt.PyJWK(published, "RS256")
    claims = jwt.decode(genuine, options={"verify_signature": False})

    def forged(key_id: str) -> str:
        return jwt.encode(claims, key.key, "RS256", headers={"kid": key_id})

    assert await answer(own_stack, prefix + genuine) == 200
    for key_id in (jwt.get_unverified_header(genuine)["kid"], published.get("kid", "dummy")):
        assert await answer(own_stack, prefix + forged(key_id)) == 401


@pytest.mark.parametrize("authorization", [LambdaToken, CognitoToken])
async def test_token_of_another_folder_is_refused(own_stack: LocalStack, tmp_path: Path, authorization: Any) -> None:
    with running_stack(tmp_path / "other") as other:
        theirs: Mapping[str, str] = await authorization(other.sign_in()).headers()
        assert await answer(other, theirs["Authorization"]) == 200

    assert await answer(own_stack, theirs["Authorization"]) == 401
    with pytest.raises(NotAuthorized):
        async with Client(own_stack.url, authorization=authorization(_fixed(theirs["Authorization"]))) as client:
            await client.list()


def _fixed(token: str) -> Any:
    async def provide() -> str:
        return token.removeprefix("Lambda-Auth-")

    return provide
