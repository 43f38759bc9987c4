"""Who the caller is: a value that gives the headers of one request, from a token that may be new each time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from longcall.errors import NotAuthorized, SignInFailed, Unreachable

LAMBDA_PREFIX: Final = "Lambda-Auth-"
RENEWAL_MARGIN: Final = 60.0  # seconds of life that a token must have left to be used
SIGN_IN_TIMEOUT: Final = 30.0  # seconds

TokenProvider = Callable[[], Awaitable[str]]
"""Gives a JWT that can be used now. It is asked before every request, so one that costs a request should keep it."""


@runtime_checkable
class KeepsTokens(Protocol):
    """A token provider that must be told when the API turned its token down, or it would give it again."""

    async def __call__(self) -> str: ...

    def forget(self, token: str) -> None: ...


class Authorization(Protocol):
    """How a request proves who sends it."""

    async def headers(self) -> Mapping[str, str]:
        """Headers for one request, or for one realtime message."""
        ...

    def refused(self, headers: Mapping[str, str]) -> None:
        """The API turned these headers down."""
        ...


@dataclass(frozen=True, slots=True)
class LambdaToken:
    """A JWT for the Lambda authorizer, the API's default mode.

    Source: AppSync Developer Guide, "AWS_LAMBDA authorization": where a user pool is another mode of the API, the
    Lambda mode's token must not be a JWT as it is, hence the prefix.
    """

    provider: TokenProvider

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": LAMBDA_PREFIX + await self.provider()}

    def refused(self, headers: Mapping[str, str]) -> None:
        _forget(self.provider, headers["Authorization"].removeprefix(LAMBDA_PREFIX))


@dataclass(frozen=True, slots=True)
class CognitoToken:
    """A JWT of the API's Cognito user pool, sent as it is."""

    provider: TokenProvider

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": await self.provider()}

    def refused(self, headers: Mapping[str, str]) -> None:
        _forget(self.provider, headers["Authorization"])


def _forget(provider: TokenProvider, token: str) -> None:
    if isinstance(provider, KeepsTokens):
        provider.forget(token)


@dataclass(frozen=True, slots=True)
class _Tokens:
    access: str
    refresh: str | None
    renew_at: float  # on the provider's clock


class CognitoPassword:
    """A token provider that signs in to a Cognito user pool with a name and a password.

    It keeps the access token until shortly before its end, then renews it with the refresh token, and signs in anew
    where that is refused. Concurrent callers share one sign-in.

    Source: Amazon Cognito user pools API Reference, InitiateAuth: USER_PASSWORD_AUTH and REFRESH_TOKEN_AUTH take no
    AWS credentials.
    """

    def __init__(
        self,
        region: str,
        client_id: str,
        username: str,
        password: str,
        *,
        endpoint_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._endpoint = endpoint_url or f"https://cognito-idp.{region}.amazonaws.com/"
        self._client_id = client_id
        self._username = username
        self._password = password
        self._clock = clock
        self._tokens: _Tokens | None = None
        self._signing_in = asyncio.Lock()

    def __repr__(self) -> str:
        return f"CognitoPassword({self._username!r} at {self._endpoint})"

    async def __call__(self) -> str:
        """An access token.

        Raises:
            SignInFailed, Unreachable
        """
        async with self._signing_in:
            if self._tokens is None or self._clock() >= self._tokens.renew_at:
                self._tokens = await self._renewed(self._tokens)
            return self._tokens.access

    def forget(self, token: str) -> None:
        if self._tokens is not None and self._tokens.access == token:
            self._tokens = _Tokens("", self._tokens.refresh, renew_at=float("-inf"))

    async def _renewed(self, old: _Tokens | None) -> _Tokens:
        if old is not None and old.refresh is not None:
            try:
                return await self._initiate("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": old.refresh}, keep=old.refresh)
            except SignInFailed:
                pass  # the refresh token has ended too; the password is still good
        credentials = {"USERNAME": self._username, "PASSWORD": self._password}
        return await self._initiate("USER_PASSWORD_AUTH", credentials, keep=None)

    async def _initiate(self, flow: str, parameters: Mapping[str, str], *, keep: str | None) -> _Tokens:
        asked_at = self._clock()
        answer = await self._call({"AuthFlow": flow, "ClientId": self._client_id, "AuthParameters": dict(parameters)})
        if "ChallengeName" in answer:
            raise SignInFailed(
                f"signing {self._username} in needs the step {answer['ChallengeName']}, which this client does not "
                "take; finish it once in the user pool's own sign-in"
            )
        match answer.get("AuthenticationResult"):
            case {"AccessToken": str(access), "ExpiresIn": int(life), "RefreshToken": str(refresh)}:
                return _Tokens(access, refresh, renew_at=asked_at + _useful(life))
            case {"AccessToken": str(access), "ExpiresIn": int(life)}:
                return _Tokens(access, keep, renew_at=asked_at + _useful(life))
        raise SignInFailed(f"the user pool at {self._endpoint} answered without a token; check that it is Cognito's")

    async def _call(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        import aiohttp

        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AWSCognitoIdentityProviderService.InitiateAuth",
        }
        timeout = aiohttp.ClientTimeout(total=SIGN_IN_TIMEOUT)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._endpoint, data=json.dumps(body), headers=headers) as response,
            ):
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise Unreachable(f"no answer came from the user pool at {self._endpoint}") from exc
        except ValueError as exc:
            raise SignInFailed(f"{self._endpoint} did not answer as a user pool; check its address") from exc
        if not isinstance(answer, dict):
            raise SignInFailed(f"{self._endpoint} did not answer as a user pool; check its address")
        if "__type" in answer:
            kind = str(answer["__type"]).rpartition("#")[2]
            said = answer.get("message", answer.get("Message", ""))
            raise SignInFailed(f"signing {self._username} in was refused: {said or kind} ({kind})")
        return answer


def _useful(life: float) -> float:
    return max(life - RENEWAL_MARGIN, life / 2)


T = TypeVar("T")


async def authorized(authorization: Authorization, attempt: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
    """What `attempt` gives for this caller's headers; tried once more where they are refused and fresh ones differ.

    Raises:
        NotAuthorized: The fresh token was refused too, or is the same one.
    """
    headers = await authorization.headers()
    try:
        return await attempt(headers)
    except NotAuthorized:
        authorization.refused(headers)
        fresh = await authorization.headers()
        if fresh == headers:
            raise
        return await attempt(fresh)
