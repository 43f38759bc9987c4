"""The user pool of a data folder: its ids, its rules and its test users."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from infrastructure.protection import Flow, SignIn
from infrastructure.stage import SignUp, Stage
from local_stack.folder_secret import FolderSecret

REGION: Final = "us-east-1"
NAME: Final = "longcall-local"
TOKEN_LIFE: Final = timedelta(hours=1)
LONGEST_PASSWORD: Final = 256
SYMBOLS: Final = r"[\^$*.\[\]{}()?\-\"!@#%&/\\,><':;|_~`+= ]"


@dataclass(frozen=True, slots=True)
class User:
    """A test user; `sub` is empty as long as no pool has the user."""

    username: str
    password: str
    sub: str = ""


NAMED_USERS: Final = (User("ada@example.com", "Local-only-1"), User("grace@example.com", "Local-only-2"))


def local_users(count: int) -> tuple[User, ...]:
    """The first `count` test users: two with names, then numbered ones; always the same."""
    numbered = (User(f"user-{number}@example.com", f"Local-only-{number}") for number in range(3, count + 1))
    return (*NAMED_USERS, *numbered)[:count]


@dataclass(frozen=True, slots=True)
class PoolRules:
    """What the pool and its client allow, as on the stage that they are like."""

    sign_in: SignIn = SignIn()  # noqa: RUF009  # frozen
    sign_up: SignUp = SignUp.ANYBODY

    @classmethod
    def of(cls, stage: Stage | None) -> "PoolRules":
        """The rules of a stage; None: those for development, where anybody may sign up."""
        return cls() if stage is None else cls(stage.sign_in, stage.sign_up)

    def allows(self, flow: Flow) -> bool:
        """Whether the client may sign in this way."""
        return flow in self.sign_in.flows

    def password_problems(self, password: str) -> Iterator[str]:
        """What is wrong with a new password, in Cognito's words."""
        if len(password) < self.sign_in.password_length:
            yield "Password not long enough"
        if len(password) > LONGEST_PASSWORD:
            yield "Password too long"
        for needed, pattern in (
            ("uppercase", "[A-Z]"), ("lowercase", "[a-z]"), ("numeric", "[0-9]"), ("symbol", SYMBOLS),
        ):  # fmt: skip
            if not re.search(pattern, password):
                yield f"Password must have {needed} characters"


@dataclass(frozen=True, slots=True)
class Pool:
    """A user pool with one client, its test users, and the issuer of its tokens.

    Attributes:
        endpoint: URL of the local Cognito.
        region: Part of the pool's id.
        pool_id: Such as us-east-1_a1B2c3D4e.
        client_id: Of the only app client.
        users: Its test users.
        rules: What pool and client allow.
    """

    endpoint: str
    region: str
    pool_id: str
    client_id: str
    users: tuple[User, ...]
    rules: PoolRules = PoolRules()  # frozen

    @property
    def name_for_srp(self) -> str:
        """The part of the id that takes part in the proof of a password."""
        return self.pool_id.partition("_")[2]

    @property
    def issuer(self) -> str:
        """The `iss` of its tokens. As on AWS, the keys are published below this address."""
        return f"{self.endpoint}/{self.pool_id}"

    @property
    def jwks_url(self) -> str:
        """Where the keys are published that verify its tokens."""
        return f"{self.issuer}/.well-known/jwks.json"


def pool_of(secret: FolderSecret, *, endpoint: str, users: int, rules: PoolRules) -> Pool:
    """The pool of a data folder. Its ids and the `sub`s of its test users follow from the folder's secret.

    Args:
        secret: Of the folder.
        endpoint: URL of the local Cognito.
        users: Number of test users.
        rules: What pool and client allow.
    """
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    known = tuple(User(it.username, it.password, secret.uuid(f"sub of {it.username}")) for it in local_users(users))
    return Pool(
        endpoint=endpoint,
        region=REGION,
        pool_id=f"{REGION}_{secret.text('pool id', length=9, alphabet=letters)}",
        client_id=secret.text("client id", length=26),
        users=known,
        rules=rules,
    )
