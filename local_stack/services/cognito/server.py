"""Cognito on the wire: `POST` with the operation in `X-Amz-Target`, the pool's keys at their well-known address, and
the endpoints of its sign-in page.

Operations of operators must be signed with the operator's access key, as on AWS; those of users need no signature.
"""

import asyncio
import hashlib
import json
import logging
import sqlite3
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from local_stack.folder_secret import FolderSecret
from local_stack.services.cognito.accounts import Accounts
from local_stack.services.cognito.administration import Administration
from local_stack.services.cognito.errors import CognitoError
from local_stack.services.cognito.hosted_sign_in import LONGEST_FORM, PATHS, HostedSignIn
from local_stack.services.cognito.own_account import OwnAccount
from local_stack.services.cognito.parameters import Parameters
from local_stack.services.cognito.pool import Pool
from local_stack.services.cognito.signing_in import SigningIn
from local_stack.services.cognito.tokens import Tokens
from local_stack.services.cognito.users import Clock, Users
from local_stack.services.signatures import Problem, SignatureCheck, SignatureRefused, SignedRequest

TARGET: Final = "AWSCognitoIdentityProviderService."
JSON: Final = "application/x-amz-json-1.1"
KEYS: Final = ".well-known/jwks.json"
DISCOVERY: Final = ".well-known/openid-configuration"
REFUSALS: Final = {
    Problem.MISSING: ("MissingAuthenticationTokenException", "Missing Authentication Token"),
    Problem.MALFORMED: (
        "IncompleteSignatureException",
        "The signature is malformed, or for another service or region.",
    ),
    Problem.UNKNOWN_KEY: ("UnrecognizedClientException", "The security token included in the request is invalid."),
    Problem.MISMATCH: (
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided.",
    ),
    Problem.SKEWED: ("InvalidSignatureException", "Signature expired, or from the future."),
    Problem.EXPIRED: ("InvalidSignatureException", "Signature expired."),
}
ADVICE: Final = " This operation needs the operator's access key, which stack.json contains."

Operation = Callable[[Parameters], dict[str, Any]]

_log: Final = logging.getLogger("longcall.cognito")


def _now() -> datetime:
    return datetime.now(UTC)


class Cognito:
    """One user pool, served below `path`.

    Args:
        pool: The pool.
        secret: Of the data folder.
        users: The pool's database; the caller closes it.
        operators: Access keys that may administer the pool, the secrets by their ids.
        path: The path of the service, without a slash at the end; empty if it is served alone.
        clock: The time, in UTC.

    Attributes:
        test_users: The pool's test users, each with the `sub` of the user who has the e-mail address.
    """

    methods = ("POST", "GET")
    exposed = ("x-amzn-RequestId", "x-amzn-ErrorType", "x-amzn-ErrorMessage", "Date")

    def __init__(
        self,
        pool: Pool,
        secret: FolderSecret,
        users: Users,
        *,
        operators: Mapping[str, str],
        path: str = "",
        clock: Clock = _now,
    ) -> None:
        self._pool = pool
        self.path = path
        self._clock = clock
        self._signatures = SignatureCheck("cognito-idp", pool.region, operators)
        self._tokens = Tokens(pool, secret.signing_key, users, clock)
        self._accounts = Accounts(pool, users, clock)
        self.test_users = self._accounts.provide_test_users()
        self._working = asyncio.Lock()
        signing_in = SigningIn(self._accounts, self._tokens, secret)
        self._hosted = HostedSignIn(self._accounts, self._tokens, path=path)
        own, administration = OwnAccount(self._accounts, self._tokens), Administration(self._accounts)
        self._users_operations: Mapping[str, Operation] = {
            "InitiateAuth": signing_in.initiate,
            "RespondToAuthChallenge": signing_in.respond,
            "GetTokensFromRefreshToken": signing_in.refresh,
            "SignUp": own.sign_up,
            "ConfirmSignUp": own.confirm_sign_up,
            "ResendConfirmationCode": own.resend_code,
            "ForgotPassword": own.forgot_password,
            "ConfirmForgotPassword": own.confirm_forgot_password,
            "GetUser": own.get,
            "ChangePassword": own.change_password,
            "UpdateUserAttributes": own.update_attributes,
            "DeleteUser": own.delete,
            "GlobalSignOut": own.sign_out,
            "RevokeToken": own.revoke,
        }
        self._operators_operations: Mapping[str, Operation] = {
            "AdminInitiateAuth": signing_in.admin_initiate,
            "AdminRespondToAuthChallenge": signing_in.admin_respond,
            "AdminCreateUser": administration.create,
            "AdminSetUserPassword": administration.set_password,
            "AdminResetUserPassword": administration.reset_password,
            "AdminGetUser": administration.get,
            "AdminDeleteUser": administration.delete,
            "AdminConfirmSignUp": administration.confirm,
            "AdminEnableUser": administration.enable,
            "AdminDisableUser": administration.disable,
            "AdminUpdateUserAttributes": administration.update_attributes,
            "AdminUserGlobalSignOut": administration.sign_out,
            "ListUsers": administration.list_users,
            "ListUserPools": administration.list_pools,
            "ListUserPoolClients": administration.list_clients,
            "DescribeUserPool": administration.describe_pool,
            "DescribeUserPoolClient": administration.describe_client,
        }

    async def handle(self, request: web.BaseRequest, headers: Mapping[str, str]) -> web.StreamResponse:
        """The response to one request, with these headers; see `Service` of the engine."""
        response = await self._respond(request)
        response.headers.update(headers)
        return response

    async def _respond(self, request: web.BaseRequest) -> web.StreamResponse:
        request_id = str(uuid.uuid4())
        try:
            return await self._answer(request, request_id)
        except CognitoError as error:
            return _response(
                {"__type": error.kind, "message": error.message}, request_id, status=error.status, error=error
            )
        except (OSError, sqlite3.OperationalError) as error:
            if isinstance(error, ConnectionError):
                raise  # the client has disconnected
            _log.warning("the users' database cannot be read or written: %s", error)
            return _failure("the users' database cannot be read or written", request_id)
        except Exception:  # one request must not end the connection without an answer
            _log.exception("Cognito failed to answer request %s", request_id)
            return _failure(f"internal error; look for {request_id} in the log", request_id)

    async def _answer(self, request: web.BaseRequest, request_id: str) -> web.StreamResponse:
        place = request.path.removeprefix(self.path).strip("/")
        if request.method in ("GET", "HEAD") and place == f"{self._pool.pool_id}/{KEYS}":
            return web.json_response(self._tokens.jwks)
        if request.method in ("GET", "HEAD") and place == f"{self._pool.pool_id}/{DISCOVERY}":
            return web.json_response(self._discovery())
        if place in PATHS:
            return await self._hosted_answer(request, place)
        if request.method != "POST" or place:
            raise CognitoError("UnknownOperationException", "there is nothing at this address", 404)
        try:
            body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise CognitoError("SerializationException", "the request is too large", 413) from None
        operation = self._operation(request, body)
        try:
            parameters = json.loads(body)
        except (ValueError, RecursionError):
            parameters = None
        if not isinstance(parameters, dict):
            raise CognitoError("SerializationException", "the body must be a JSON object")
        async with self._working:  # one at a time: an operation reads, decides and writes
            answer = await asyncio.to_thread(operation, parameters)
        return _response(answer, request_id)

    async def _hosted_answer(self, request: web.BaseRequest, place: str) -> web.StreamResponse:
        """The response of the sign-in page's endpoints, one at a time as for the operations."""
        body = bytearray()
        async for part in request.content.iter_any():
            body += part
            if len(body) > LONGEST_FORM:
                raise CognitoError("SerializationException", "the request is too large", 413)
        async with self._working:
            return await asyncio.to_thread(
                self._hosted.respond, request.method, place, request.query_string, bytes(body)
            )

    def _operation(self, request: web.BaseRequest, body: bytes) -> Operation:
        target = request.headers.get("x-amz-target", "")
        name = target.removeprefix(TARGET)
        if target.startswith(TARGET) and name in self._users_operations:
            return self._users_operations[name]
        if not target.startswith(TARGET) or name not in self._operators_operations:
            raise CognitoError("UnknownOperationException", f"the local Cognito has no operation {name[:80]!r}")
        path, _, query = request.raw_path.partition("?")
        signed = SignedRequest("POST", path, query, {key.lower(): it for key, it in request.headers.items()})
        try:
            self._signatures.verify(signed, hashlib.sha256(body).hexdigest(), self._clock())
        except SignatureRefused as refused:
            kind, message = REFUSALS[refused.problem]
            raise CognitoError(kind, message + ADVICE) from None
        return self._operators_operations[name]

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self._pool.issuer,
            "jwks_uri": self._pool.jwks_url,
            "id_token_signing_alg_values_supported": ["RS256"],
            "subject_types_supported": ["public"],
            **self._hosted.discovery,
        }


def _failure(message: str, request_id: str) -> web.Response:
    error = CognitoError("InternalErrorException", message, 500)
    return _response({"__type": error.kind, "message": message}, request_id, status=500, error=error)


def _response(
    content: Mapping[str, Any], request_id: str, *, status: int = 200, error: CognitoError | None = None
) -> web.Response:
    headers = {"x-amzn-requestid": request_id, "cache-control": "no-store"}
    if error is not None:
        headers["x-amzn-errortype"] = error.kind
        headers["x-amzn-errormessage"] = error.message.encode("ascii", "replace").decode()
    return web.Response(
        status=status, body=json.dumps(content).encode(), headers=headers, content_type=JSON, charset=None
    )
