"""The user pool of a local stack, in moto's Cognito or in another emulator, with one client and test users.

moto stores everything in memory, so the pool is created again at every start. moto's random numbers are seeded first:
a user keeps the same `sub` after a restart, and therefore his or her jobs. moto's signing key is public, and its SRP
sign-in accepts any password: use it on the loopback interface only.
"""

import base64
import json
import os
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

LOOPBACK: Final = "127.0.0.1"
NAME: Final = "longcall-local"


@dataclass(frozen=True, slots=True)
class User:
    """A test user; `sub` is empty until the pool has created the user."""

    username: str
    password: str
    sub: str = ""


NAMED_USERS: Final = (User("ada@example.com", "Local-only-1"), User("grace@example.com", "Local-only-2"))


def local_users(count: int) -> tuple[User, ...]:
    """The first `count` test users: two with names, then numbered ones; always the same."""
    numbered = (User(f"user-{number}@example.com", f"Local-only-{number}") for number in range(3, count + 1))
    return (*NAMED_USERS, *numbered)[:count]


@dataclass(frozen=True, slots=True)
class Pool:
    """A user pool with one client, its test users, and the issuer of its tokens."""

    endpoint: str
    region: str
    pool_id: str
    client_id: str
    issuer: str
    users: tuple[User, ...]

    @property
    def jwks_url(self) -> str:
        """Where the keys are published that verify its tokens."""
        return f"{self.endpoint}/{self.pool_id}/.well-known/jwks.json"


class IdentityUnavailable(Exception):
    """Cognito cannot be started or reached; the message says what to do."""


def provision(endpoint: str, *, region: str, users: Sequence[User]) -> Pool:
    """Find or create pool, client and users at `endpoint`. A new moto gives them the same ids every time.

    Raises:
        IdentityUnavailable: No Cognito answers at `endpoint`.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        _seed(endpoint, zlib.crc32(NAME.encode()))
        cognito = _client(endpoint, region)
        pool_id = _find_pool(cognito) or cognito.create_user_pool(PoolName=NAME)["UserPool"]["Id"]
        client_id = cognito.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName=NAME,
            ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        )["UserPoolClient"]["ClientId"]
        pool_users = tuple(_find_or_make_user(cognito, endpoint, pool_id, user) for user in users)
        _seed(endpoint, int.from_bytes(os.urandom(8)))  # later ids must not be predictable
        issuer = _issuer(cognito, client_id, users[0])
    except (BotoCoreError, ClientError, OSError) as exc:
        raise IdentityUnavailable(
            f"no Cognito answers at {endpoint} ({exc}); start it, or leave out --cognito to have one started"
        ) from exc
    return Pool(endpoint, region, pool_id, client_id, issuer, pool_users)


def _client(endpoint: str, region: str) -> "CognitoIdentityProviderClient":
    import boto3

    return boto3.client(
        "cognito-idp", endpoint_url=endpoint, region_name=region,
        aws_access_key_id="local", aws_secret_access_key="local",  # noqa: S106  # moto accepts any
    )  # fmt: skip


def _find_pool(cognito: "CognitoIdentityProviderClient") -> str | None:
    pools = cognito.list_user_pools(MaxResults=60)["UserPools"]
    return next((pool["Id"] for pool in pools if pool.get("Name") == NAME), None)


def _find_or_make_user(cognito: "CognitoIdentityProviderClient", endpoint: str, pool_id: str, user: User) -> User:
    try:
        attributes = cognito.admin_get_user(UserPoolId=pool_id, Username=user.username)["UserAttributes"]
    except cognito.exceptions.UserNotFoundException:
        _seed(endpoint, zlib.crc32(user.username.encode()))
        attributes = cognito.admin_create_user(
            UserPoolId=pool_id,
            Username=user.username,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": user.username}, {"Name": "email_verified", "Value": "true"}],
        )["User"]["Attributes"]
    cognito.admin_set_user_password(UserPoolId=pool_id, Username=user.username, Password=user.password, Permanent=True)
    return replace(user, sub=next(attribute["Value"] for attribute in attributes if attribute["Name"] == "sub"))


def _issuer(cognito: "CognitoIdentityProviderClient", client_id: str, user: User) -> str:
    """The issuer in this Cognito's tokens, read from a token because emulators choose it differently."""
    tokens = cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client_id,
        AuthParameters={"USERNAME": user.username, "PASSWORD": user.password},
    )["AuthenticationResult"]
    claims = tokens["AccessToken"].split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"])


def _seed(endpoint: str, seed: int) -> None:
    """Seed moto's random numbers; another Cognito ignores this. Source: moto, "Deterministic identifiers"."""
    request = urllib.request.Request(f"{endpoint}/moto-api/seed?a={seed}", method="POST")  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
    except urllib.error.HTTPError:
        return
