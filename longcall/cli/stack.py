"""Where the API is, and who calls it: the stack file, the environment, and the options that pick from them."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from longcall.errors import ConfigurationError, Unreachable

if TYPE_CHECKING:
    from longcall.authorization import Authorization, CognitoPassword, TokenProvider
    from longcall.cli.targets import Target

STACK_FILE: Final = Path(".longcall/stack.json")
NO_STACK: Final = "start one here with `make run` or `longcall serve`, or name another one's file with --stack"


class AuthMode(StrEnum):
    """How the API is to check who calls."""

    LAMBDA = "lambda"  # the Lambda authorizer, the API's default mode
    COGNITO = "cognito"  # the user pool itself


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can sign in."""

    username: str
    password: str

    def is_called(self, name: str) -> bool:
        """Whether a name is this user's: the whole of it, or what stands before the `@`."""
        return name in {self.username, self.username.partition("@")[0]}


@dataclass(frozen=True, slots=True)
class Stack:
    """One API. `is_local` is true where it was started on this machine; `cognito_url` is None where AWS signs in."""

    is_local: bool

    graphql_url: str
    realtime_url: str | None
    region: str
    client_id: str
    cognito_url: str | None
    users: tuple[User, ...]
    pool_id: str = ""
    operator: tuple[str, str] | None = field(default=None, repr=False)  # a key that may report, and its secret
    file: Path | None = field(default=None, compare=False)  # of a local stack, which writes it anew at every start


def what_to_do(stack: Stack) -> str:
    """Advice for somebody whom the API does not answer."""
    if stack.is_local:
        return "the stack seems to have stopped; start it with `make run` or `longcall serve`"
    return "check your network, and that the stack file names a deployed stage"


def find_stack(named: Path | None, *, start: Path) -> Stack:
    """The stack in a named file, or in `.longcall/stack.json` here or in the nearest folder above.

    Raises:
        Unreachable: There is none.
        ConfigurationError: The file is none.
    """
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(f"no stack file {named} was found; {NO_STACK}")
        return read_stack(named)
    for folder in (start, *start.parents):
        if (folder / STACK_FILE).is_file():
            return read_stack(folder / STACK_FILE)
    raise Unreachable(f"no stack runs in this folder or above it; {NO_STACK}")


def read_stack(file: Path) -> Stack:
    """Read a stack file.

    Raises:
        ConfigurationError
    """
    try:
        fields = json.loads(file.read_text("utf-8"))
        return Stack(
            is_local=fields["target"] == "local",
            graphql_url=_text(fields, "graphqlUrl"),
            realtime_url=fields.get("realtimeUrl"),
            region=_text(fields, "region"),
            client_id=_text(fields, "clientId"),
            cognito_url=fields.get("cognitoUrl"),
            users=tuple(User(_text(user, "username"), _text(user, "password")) for user in fields.get("users", ())),
            pool_id=str(fields.get("userPoolId", "")),
            operator=_operator(fields.get("operator")),
            file=file,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ConfigurationError(f"{file} is no stack file of this version; start the stack again to write it") from exc


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _operator(fields: Mapping[str, Any] | None) -> tuple[str, str] | None:
    return None if fields is None else (_text(fields, "accessKeyId"), _text(fields, "secretAccessKey"))


def pick_user(stack: Stack, name: str | None, environment: Mapping[str, str]) -> User:
    """Who signs in: `name`, else who the environment names, else the stack's first user, else the test user.

    Raises:
        ConfigurationError
    """
    wanted = name or environment.get("LONGCALL_USERNAME")
    password = environment.get("LONGCALL_PASSWORD")
    if wanted is not None and password is not None and wanted == environment.get("LONGCALL_USERNAME"):
        return User(wanted, password)
    users = [*stack.users]
    if "TEST_USER_EMAIL" in environment and "TEST_USER_PASSWORD" in environment:
        users.append(User(environment["TEST_USER_EMAIL"], environment["TEST_USER_PASSWORD"]))
    known = [user for user in users if wanted is None or user.is_called(wanted)]
    if known:
        return known[0]
    if wanted is None:
        raise ConfigurationError(
            "nobody to sign in as; set LONGCALL_USERNAME and LONGCALL_PASSWORD, or TEST_USER_EMAIL and "
            "TEST_USER_PASSWORD in .env"
        )
    names = ", ".join(user.username for user in users) or "nobody"
    raise ConfigurationError(
        f"no password is known for {wanted}; the stack knows {names}, and LONGCALL_USERNAME with LONGCALL_PASSWORD "
        "name anybody else"
    )


class LocalSignIn:
    """A token provider for a local stack, whose user pool moves to another port when the stack is started again."""

    def __init__(self, stack: Stack, user: User) -> None:
        self._stack = stack
        self._user = user
        self._provider = _sign_in(stack, user)

    async def __call__(self) -> str:
        """An access token.

        Raises:
            SignInFailed, Unreachable
        """
        try:
            return await self._provider()
        except Unreachable:
            if not self._has_moved():
                raise
        return await self._provider()

    def forget(self, token: str) -> None:
        self._provider.forget(token)

    def _has_moved(self) -> bool:
        if self._stack.file is None or not self._stack.file.is_file():
            return False  # it is down
        before, self._stack = self._stack, read_stack(self._stack.file)
        self._provider = _sign_in(self._stack, self._user)
        return before.cognito_url != self._stack.cognito_url


def _sign_in(stack: Stack, user: User) -> "CognitoPassword":
    from longcall.authorization import CognitoPassword

    return CognitoPassword(stack.region, stack.client_id, user.username, user.password, endpoint_url=stack.cognito_url)


@dataclass(frozen=True, slots=True)
class Caller:
    """One user of one stack."""

    stack: Stack
    user: User
    auth: AuthMode

    @classmethod
    def chosen(
        cls, *, stack: Path | None, target: "Target", user: str | None = None, auth: AuthMode = AuthMode.LAMBDA
    ) -> "Caller":
        """The caller that the options and the environment of this process name.

        Raises:
            Unreachable, ConfigurationError
        """
        from longcall.cli.targets import find_target, test_user

        found = find_target(stack, target, start=Path.cwd())
        environment = {**os.environ, **test_user(os.environ, start=Path.cwd())}
        return cls(found, pick_user(found, user, environment), auth)

    def provider(self) -> "TokenProvider":
        return _sign_in(self.stack, self.user) if self.stack.file is None else LocalSignIn(self.stack, self.user)

    def authorization(self) -> "Authorization":
        from longcall.authorization import CognitoToken, LambdaToken

        match self.auth:
            case AuthMode.LAMBDA:
                return LambdaToken(self.provider())
            case AuthMode.COGNITO:
                return CognitoToken(self.provider())
