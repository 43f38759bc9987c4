"""Proving a password to a Cognito user pool: the numbers of another client, and a whole sign-in."""

import base64
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pycognito.aws_srp import AWSSRP

from longcall import CognitoPassword, SignInFailed
from longcall.srp import MODULUS, ChallengeInvalid, PasswordProof
from tests.unit.local_stack.cognito.conftest import Service

NOW = datetime(2026, 1, 5, 7, 8, 9, tzinfo=UTC)
CHALLENGE = {
    "SRP_B": f"{5**1000 % MODULUS:x}", "SALT": "a1b2c3d4e5f60718", "USER_ID_FOR_SRP": "0b1c-user", "USERNAME": "x",
    "SECRET_BLOCK": base64.b64encode(b"block").decode(),
}  # fmt: skip


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    service.start()
    yield service
    service.stop()


def provider(service: Service, password: str, *, pool_id: str | None = None) -> CognitoPassword:
    pool = service.pool
    return CognitoPassword(
        pool.region, pool.client_id, "ada@example.com", password, pool_id=pool_id or pool.pool_id,
        endpoint_url=pool.endpoint,
    )  # fmt: skip


@pytest.mark.parametrize("salt", ["a1b2c3d4e5f60718", "71b2", "0"])
def test_proof_is_the_one_that_pycognito_makes(salt: str) -> None:
    other = AWSSRP("x", "Password-1", "eu-west-1_aBcD12345", "client", client=object())
    challenge = {**CHALLENGE, "SALT": salt}
    own = PasswordProof.begin("aBcD12345", secret=other.small_a_value)

    answer = own.answer(challenge, "Password-1", now=NOW)

    assert own.public_value == other.large_a_value
    assert answer["TIMESTAMP"] == "Mon Jan 5 07:08:09 UTC 2026"
    key = other.get_password_authentication_key("0b1c-user", "Password-1", int(CHALLENGE["SRP_B"], 16), salt)
    signed = b"aBcD123450b1c-userblock" + answer["TIMESTAMP"].encode()
    assert base64.b64decode(answer["PASSWORD_CLAIM_SIGNATURE"]) == hmac.digest(key, signed, "sha256")
    assert answer["USERNAME"] == "0b1c-user"


@pytest.mark.parametrize(
    "change",
    [{"SRP_B": "0"}, {"SRP_B": f"{MODULUS:x}"}, {"SRP_B": "x"}, {"SECRET_BLOCK": "*"}, {"SALT": "-1"}, {"SALT": ""}],
)
def test_challenge_that_cannot_be_trusted_is_not_answered(change: dict[str, str]) -> None:
    with pytest.raises(ChallengeInvalid):
        PasswordProof.begin("pool").answer({**CHALLENGE, **change}, "Password-1", now=NOW)


async def test_right_password_signs_in_and_wrong_one_does_not(service: Service) -> None:
    assert (await provider(service, "Local-only-1")()).count(".") == 2

    with pytest.raises(SignInFailed, match=r"Incorrect username or password. \(NotAuthorizedException\)"):
        await provider(service, "Local-only-2")()


async def test_another_pool_does_not_accept_the_proof(service: Service) -> None:
    with pytest.raises(SignInFailed, match="Incorrect username or password"):
        await provider(service, "Local-only-1", pool_id="us-east-1_another12")()


async def test_next_step_of_a_new_user_is_named(service: Service) -> None:
    service.boto3().admin_set_user_password(
        UserPoolId=service.pool.pool_id, Username="ada@example.com", Password="Temporary-1", Permanent=False
    )

    with pytest.raises(SignInFailed, match="requires the step NEW_PASSWORD_REQUIRED"):
        await provider(service, "Temporary-1")()
