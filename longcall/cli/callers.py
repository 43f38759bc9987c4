"""Who calls: the user that the options, the environment or `.env` name, and how this user signs in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final, assert_never

from longcall.cli.stack import Stack, User, read_stack
from longcall.cli.targets import Target, find_target, nearest
from longcall.errors import ConfigurationError, Unreachable

if TYPE_CHECKING:
    from longcall.authorization import Authorization, CognitoPassword, TokenProvider

DOTENV: Final = Path(".env")
TEST_USER: Final = ("TEST_USER_EMAIL", "TEST_USER_PASSWORD")


class AuthMode(StrEnum):
    """Which authorization mode of the API checks the token."""

    LAMBDA = "lambda"  # the Lambda authorizer, the API's default mode
    COGNITO = "cognito"  # the user pool itself


@dataclass(frozen=True, slots=True)
class Caller:
    """One user of one stack."""

    stack: Stack
    user: User
    auth: AuthMode

    @classmethod
    def chosen(
        cls, *, stack: Path | None, target: Target, user: str | None = None, auth: AuthMode = AuthMode.LAMBDA
    ) -> "Caller":
        """The caller that the options and this process's environment choose.

        Raises:
            Unreachable: No stack file was found.
            ConfigurationError: A stack file cannot be used, or no password is known for the user.
        """
        found = find_target(stack, target, start=Path.cwd())
        environment = {**os.environ, **test_user(os.environ, start=Path.cwd())}
        return cls(found, pick_user(found, user, environment), auth)

    @classmethod
    def known(cls, stack: Stack) -> "list[Caller]":
        """One caller for each user of the stack whose password is known; never empty.

        Raises:
            ConfigurationError: There is none.
        """
        environment = {**os.environ, **test_user(os.environ, start=Path.cwd())}
        first = pick_user(stack, None, environment)
        return [cls(stack, user, AuthMode.LAMBDA) for user in dict.fromkeys((first, *stack.users))]

    def provider(self) -> "TokenProvider":
        """Signs this user in."""
        return _sign_in(self.stack, self.user) if self.stack.file is None else LocalSignIn(self.stack, self.user)

    def authorization(self) -> "Authorization":
        """Authorizes this user's requests."""
        from longcall.authorization import CognitoToken, LambdaToken

        match self.auth:
            case AuthMode.LAMBDA:
                return LambdaToken(self.provider())
            case AuthMode.COGNITO:
                return CognitoToken(self.provider())
            case _:
                assert_never(self.auth)


def pick_user(stack: Stack, name: str | None, environment: Mapping[str, str]) -> User:
    """The user who signs in: `name`, else the environment's, else the stack's first user, else the test user.

    Raises:
        ConfigurationError: No user is named and none is known, or no password is known for the named user.
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
            "there is no user to sign in; set LONGCALL_USERNAME and LONGCALL_PASSWORD, or TEST_USER_EMAIL and "
            "TEST_USER_PASSWORD in .env"
        )
    names = ", ".join(user.username for user in users) or "no users"
    raise ConfigurationError(
        f"no password is known for {wanted}; the stack knows {names}. For another user, set LONGCALL_USERNAME and "
        "LONGCALL_PASSWORD"
    )


def test_user(environment: Mapping[str, str], *, start: Path) -> dict[str, str]:
    """TEST_USER_EMAIL and TEST_USER_PASSWORD, each from the environment, else from the nearest `.env`."""
    file = nearest(DOTENV, start)
    written = {} if file is None else read_dotenv(file)
    return {name: value for name in TEST_USER if (value := environment.get(name) or written.get(name))}


def read_dotenv(file: Path) -> dict[str, str]:
    """The assignments in a `.env` file. A `$` in a value is not expanded: passwords contain it."""
    from dotenv import dotenv_values

    values = dotenv_values(file, interpolate=False, encoding="utf-8")
    return {name: value for name, value in values.items() if value is not None}


class LocalSignIn:
    """A token provider for a local stack, whose user pool gets another port when the stack is restarted."""

    def __init__(self, stack: Stack, user: User) -> None:
        self._stack = stack
        self._user = user
        self._provider = _sign_in(stack, user)

    async def __call__(self) -> str:
        """An access token.

        Raises:
            SignInFailed: The user pool refused the user.
            Unreachable: The user pool does not answer, also where the stack file says it is now.
        """
        try:
            return await self._provider()
        except Unreachable:
            if not self._has_moved():
                raise
        return await self._provider()

    def forget(self, token: str) -> None:
        """Sign in again for the next token: the API refused this one."""
        self._provider.forget(token)

    def _has_moved(self) -> bool:
        if self._stack.file is None or not self._stack.file.is_file():
            return False  # the stack is down
        before, self._stack = self._stack, read_stack(self._stack.file)
        self._provider = _sign_in(self._stack, self._user)
        return before.cognito_url != self._stack.cognito_url


def _sign_in(stack: Stack, user: User) -> "CognitoPassword":
    from longcall.authorization import CognitoPassword

    return CognitoPassword(
        stack.region, stack.client_id, user.username, user.password,
        pool_id=stack.pool_id or None, endpoint_url=stack.cognito_url,
    )  # fmt: skip
