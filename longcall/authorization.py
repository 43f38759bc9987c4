"""Authorizes requests: provides the headers of each request, with a token that may be new each time."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

from longcall.errors import NotAuthorized, SignInFailed
from longcall.srp import ChallengeInvalid, PasswordProof

LAMBDA_PREFIX: Final = "Lambda-Auth-"
RENEWAL_MARGIN: Final = 60.0  # seconds before its expiry from which a token is no longer used
SIGN_IN_TIMEOUT: Final = 30.0  # seconds
SETTLED_AGE: Final = 1.0  # seconds; a refused token that is younger is not replaced: a newer one would be refused too

TokenProvider = Callable[[], Awaitable[str]]
"""Returns a JWT that can be used now. It is called before every request, so it should cache its token."""


@runtime_checkable
class KeepsTokens(Protocol):
    """A token provider with a cache. `forget` is called when the API refused a token, so that it is not used again."""

    async def __call__(self) -> str: ...

    def forget(self, token: str) -> None: ...


class Authorization(Protocol):
    """Provides the headers that authorize a request."""

    async def headers(self) -> Mapping[str, str]:
        """The headers for one request, or for one realtime message."""
        ...

    def refused(self, headers: Mapping[str, str]) -> None:
        """Record that the API refused these headers."""
        ...


@dataclass(frozen=True, slots=True)
class LambdaToken:
    """A JWT for the Lambda authorizer, the API's default mode.

    Source: AppSync Developer Guide, "AWS_LAMBDA authorization": when the API also has a user-pool mode, the token for
    the Lambda mode must not be a plain JWT. Therefore it has a prefix.
    """

    provider: TokenProvider

    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": LAMBDA_PREFIX + await self.provider()}

    def refused(self, headers: Mapping[str, str]) -> None:
        _forget(self.provider, headers["Authorization"].removeprefix(LAMBDA_PREFIX))


@dataclass(frozen=True, slots=True)
class CognitoToken:
    """A JWT of the API's Cognito user pool, sent unchanged."""

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
    issued_at: float  # on the provider's clock


class CognitoPassword:
    """A token provider that signs in to a Cognito user pool with a name and a password.

    With `pool_id`, the password is proved by SRP and not sent: the app client must allow ALLOW_USER_SRP_AUTH. Without
    it, the password is sent: the app client must allow ALLOW_USER_PASSWORD_AUTH.

    It caches the access token until shortly before it expires, then renews it with the refresh token. If the refresh
    token is refused, it signs in again. Concurrent callers share one sign-in.

    Source: Amazon Cognito user pools API Reference, InitiateAuth and RespondToAuthChallenge: USER_SRP_AUTH,
    USER_PASSWORD_AUTH and REFRESH_TOKEN_AUTH need no AWS credentials.
    """

    def __init__(
        self,
        region: str,
        client_id: str,
        username: str,
        password: str,
        *,
        pool_id: str | None = None,
        endpoint_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool_id = pool_id
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
            SignInFailed: The user pool refused the user, or requires another step.
            Unreachable: The user pool does not answer.
        """
        async with self._signing_in:
            if self._tokens is None or self._clock() >= self._tokens.renew_at:
                self._tokens = await self._renewed(self._tokens)
            return self._tokens.access

    def forget(self, token: str) -> None:
        """Renew the token before its next use: the API refused it.

        A token that was issued a moment ago is kept, so that an API which refuses every token does not cause a sign-in
        for every request.
        """
        tokens = self._tokens
        if tokens is not None and tokens.access == token and self._clock() - tokens.issued_at >= SETTLED_AGE:
            self._tokens = replace(tokens, renew_at=float("-inf"))

    async def _renewed(self, old: _Tokens | None) -> _Tokens:
        if old is not None and old.refresh is not None:
            try:
                return await self._initiate("REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": old.refresh}, keep=old.refresh)
            except SignInFailed:
                pass  # the refresh token has expired too; sign in with the password
        if self._pool_id is not None:
            return await self._prove(self._pool_id)
        credentials = {"USERNAME": self._username, "PASSWORD": self._password}
        return await self._initiate("USER_PASSWORD_AUTH", credentials, keep=None)

    async def _prove(self, pool_id: str) -> _Tokens:
        proof = PasswordProof.begin(pool_id.partition("_")[2])
        given = {"USERNAME": self._username, "SRP_A": f"{proof.public_value:x}"}
        body = {"AuthFlow": "USER_SRP_AUTH", "ClientId": self._client_id, "AuthParameters": given}
        begun = await self._call("InitiateAuth", body)
        match begun:
            case {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": dict(challenge)}:
                pass
            case _:
                return self._tokens_in(begun, self._clock(), keep=None)
        try:
            # In a thread, because it takes some 50 ms.
            answer = await asyncio.to_thread(proof.answer, challenge, self._password, now=datetime.now(UTC))
        except ChallengeInvalid as error:
            raise SignInFailed(f"{self._endpoint}: {error}; check that this is the address of Cognito") from error
        sent_at = self._clock()
        responses = {
            "ChallengeName": "PASSWORD_VERIFIER", "ClientId": self._client_id, "ChallengeResponses": answer,
            **({"Session": begun["Session"]} if "Session" in begun else {}),
        }  # fmt: skip
        return self._tokens_in(await self._call("RespondToAuthChallenge", responses), sent_at, keep=None)

    async def _initiate(self, flow: str, parameters: Mapping[str, str], *, keep: str | None) -> _Tokens:
        sent_at = self._clock()
        body = {"AuthFlow": flow, "ClientId": self._client_id, "AuthParameters": dict(parameters)}
        return self._tokens_in(await self._call("InitiateAuth", body), sent_at, keep=keep)

    def _tokens_in(self, answer: Mapping[str, Any], sent_at: float, *, keep: str | None) -> _Tokens:
        if "ChallengeName" in answer:
            raise SignInFailed(
                f"signing in {self._username} requires the step {answer['ChallengeName']}, which this client does not "
                "support; complete it once in the user pool's own sign-in page"
            )
        match answer.get("AuthenticationResult"):
            case {"AccessToken": str(access), "ExpiresIn": int(life), "RefreshToken": str(refresh)}:
                return _Tokens(access, refresh, renew_at=sent_at + _usable_for(life), issued_at=sent_at)
            case {"AccessToken": str(access), "ExpiresIn": int(life)}:
                return _Tokens(access, keep, renew_at=sent_at + _usable_for(life), issued_at=sent_at)
        raise SignInFailed(
            f"the user pool at {self._endpoint} answered without a token; check that this is the address of Cognito"
        )

    async def _call(self, operation: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        from longcall.json_post import NotJson, post_json  # slow: it imports aiohttp

        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        service = f"the user pool at {self._endpoint}"
        try:
            answer = await post_json(
                self._endpoint, json.dumps(body).encode(), headers, service=service, within=SIGN_IN_TIMEOUT
            )
        except NotJson as exc:
            raise SignInFailed(f"{self._endpoint} did not answer as a user pool; check its address") from exc
        if "__type" in answer:
            kind = str(answer["__type"]).rpartition("#")[2]
            message = answer.get("message", answer.get("Message", ""))
            raise SignInFailed(f"the user pool refused to sign in {self._username}: {message or kind} ({kind})")
        return answer


def _usable_for(life: float) -> float:
    return max(life - RENEWAL_MARGIN, life / 2)


T = TypeVar("T")


async def authorized(authorization: Authorization, attempt: Callable[[Mapping[str, str]], Awaitable[T]]) -> T:
    """The result of `attempt` with this caller's headers; if they are refused, with fresh ones.

    Raises:
        NotAuthorized: The API refused the fresh headers too, or the fresh ones are the same.
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
