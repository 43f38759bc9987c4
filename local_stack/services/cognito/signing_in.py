"""Signing in: InitiateAuth, RespondToAuthChallenge and their variants for operators.

A user who does not exist is answered like one whose password is wrong, as the deployed client does.

Source: Amazon Cognito user pools API Reference, InitiateAuth, RespondToAuthChallenge and AdminInitiateAuth.
"""

import base64
import binascii
import json
import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from infrastructure.protection import Flow
from local_stack.folder_secret import FolderSecret
from local_stack.services.cognito.accounts import Accounts
from local_stack.services.cognito.errors import CognitoError, invalid_parameter, not_authorized, wrong_password
from local_stack.services.cognito.parameters import Parameters, one_of, text, texts
from local_stack.services.cognito.srp import SALT_BYTES, Exchange, Verifier
from local_stack.services.cognito.tokens import Tokens
from local_stack.services.cognito.users import PoolUser, UserStatus

CHALLENGE_LIFE: Final = timedelta(minutes=3)  # Source: UserPoolClient, AuthSessionValidity: 3 minutes by default
MOST_CHALLENGES: Final = 10_000
FLOWS: Final = (
    "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH",
    "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH",
)  # fmt: skip
ADMIN_FLOWS: Final = frozenset({"ADMIN_USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"})
REFRESH_FLOWS: Final = frozenset({"REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"})
SRP, PASSWORD = Flow.SRP.value, Flow.PASSWORD.value
# Such as "Mon Jan 5 07:08:09 UTC 2026".
_TIMESTAMP: Final = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d{1,2} \d{2}:\d{2}:\d{2} \w{1,5} \d{4}")
_HEX: Final = re.compile(r"[0-9a-fA-F]{1,1024}")


@dataclass(frozen=True, slots=True)
class _Challenge:
    """A challenge that waits for its answer. `user` is None for a name that nobody has."""

    user: PoolUser | None
    username: str
    expires: datetime
    exchange: Exchange | None = field(default=None, repr=False)


class SigningIn:
    """The operations.

    Args:
        accounts: The users.
        tokens: Issues their tokens.
        secret: Of the data folder; names that nobody has get the same salt every time.
    """

    def __init__(self, accounts: Accounts, tokens: Tokens, secret: FolderSecret) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._secret = secret
        self._challenges: OrderedDict[str, _Challenge] = OrderedDict()

    def initiate(self, parameters: Parameters) -> dict[str, Any]:
        """InitiateAuth."""
        self._accounts.check_client(text(parameters, "ClientId"))
        flow = _flow(parameters)
        if flow in ADMIN_FLOWS:
            raise invalid_parameter("Initiate Auth method not supported.")
        return self._begin(flow, parameters)

    def admin_initiate(self, parameters: Parameters) -> dict[str, Any]:
        """AdminInitiateAuth. The deployed client does not allow the flows that only it has."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        self._accounts.check_client(text(parameters, "ClientId"))
        flow = _flow(parameters)
        if flow in ADMIN_FLOWS:
            raise invalid_parameter("Auth flow not enabled for this client")
        if flow == PASSWORD:
            raise invalid_parameter("Initiate Auth method not supported.")
        return self._begin(flow, parameters)

    def respond(self, parameters: Parameters) -> dict[str, Any]:
        """RespondToAuthChallenge."""
        self._accounts.check_client(text(parameters, "ClientId"))
        name, responses = text(parameters, "ChallengeName"), texts(parameters, "ChallengeResponses")
        if name == "PASSWORD_VERIFIER":
            return self._signed_in(self._proved(responses))
        if name == "NEW_PASSWORD_REQUIRED":
            return self._new_password(text(parameters, "Session"), responses)
        raise invalid_parameter(f"The challenge {name} is not supported here.")

    def admin_respond(self, parameters: Parameters) -> dict[str, Any]:
        """AdminRespondToAuthChallenge."""
        self._accounts.check_pool(text(parameters, "UserPoolId"))
        return self.respond(parameters)

    def refresh(self, parameters: Parameters) -> dict[str, Any]:
        """GetTokensFromRefreshToken."""
        self._accounts.check_client(text(parameters, "ClientId"))
        return {"AuthenticationResult": self._tokens.refresh(text(parameters, "RefreshToken"))}

    def _begin(self, flow: str, parameters: Parameters) -> dict[str, Any]:
        given = texts(parameters, "AuthParameters")
        if flow in REFRESH_FLOWS:
            return {
                "ChallengeParameters": {},
                "AuthenticationResult": self._tokens.refresh(one_of(given, "REFRESH_TOKEN")),
            }
        begin: Mapping[str, Callable[[Mapping[str, str]], dict[str, Any]]] = {SRP: self._srp, PASSWORD: self._password}
        if flow not in begin:
            raise invalid_parameter(f"{flow} is not enabled for the client.")
        if not self._accounts.pool.rules.allows(Flow(flow)):
            raise invalid_parameter(f"{flow} flow not enabled for this client")
        return begin[flow](given)

    def _password(self, given: Mapping[str, str]) -> dict[str, Any]:
        name, password = one_of(given, "USERNAME"), one_of(given, "PASSWORD")
        user = self._accounts.users.find(name)
        if user is None or not self._accounts.has_password(user, password):
            raise wrong_password()
        return self._signed_in(user)

    def _srp(self, given: Mapping[str, str]) -> dict[str, Any]:
        name, public = one_of(given, "USERNAME"), one_of(given, "SRP_A")
        if not _HEX.fullmatch(public):
            raise invalid_parameter("SRP_A must be a hexadecimal number.")
        user = self._accounts.users.find(name)
        verifier = None if user is None else self._accounts.verifier_of(user)
        if user is None or verifier is None:
            username, verifier = self._decoy(name)
        else:
            username = user.sub
        try:
            exchange = Exchange.begin(int(public, 16), verifier)
        except ValueError:
            raise invalid_parameter("SRP_A must not be a multiple of the modulus.") from None
        block = self._wait_for_answer(user, username, exchange)
        return {
            "ChallengeName": "PASSWORD_VERIFIER",
            "ChallengeParameters": {
                "SALT": f"{verifier.salt:x}", "SRP_B": f"{exchange.public_value:x}", "SECRET_BLOCK": block,
                "USERNAME": username, "USER_ID_FOR_SRP": username,
            },
        }  # fmt: skip

    def _decoy(self, name: str) -> tuple[str, Verifier]:
        """What a name that nobody has gets: always the same `sub` and salt, and a verifier that nothing fits."""
        username = self._secret.uuid(f"decoy {name.lower()}")
        salt = int.from_bytes(self._secret.bytes_for(f"salt {name.lower()}")[:SALT_BYTES])
        return username, Verifier(salt, int.from_bytes(secrets.token_bytes(384)))

    def _proved(self, responses: Mapping[str, str]) -> PoolUser:
        block, stamp = one_of(responses, "PASSWORD_CLAIM_SECRET_BLOCK"), one_of(responses, "TIMESTAMP")
        name, signature = one_of(responses, "USERNAME"), one_of(responses, "PASSWORD_CLAIM_SIGNATURE")
        if not _TIMESTAMP.fullmatch(stamp):
            raise invalid_parameter("TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.")
        challenge = self._taken(block)
        if challenge is None or challenge.exchange is None:
            raise wrong_password()
        try:
            proof, raw_block = base64.b64decode(signature, validate=True), base64.b64decode(block)
        except binascii.Error:
            raise invalid_parameter("PASSWORD_CLAIM_SIGNATURE must be base64.") from None
        signed = (self._accounts.pool.name_for_srp + challenge.username).encode() + raw_block + stamp.encode()
        if not challenge.exchange.is_proved(proof, signed=signed) or challenge.user is None:
            raise wrong_password()
        user = self._accounts.users.find(challenge.user.sub)  # it may have changed since the challenge
        named = self._accounts.users.find(name)
        if user is None or named is None or named.sub != user.sub or user.verifier != challenge.exchange.verifier:
            raise wrong_password()
        return user

    def _signed_in(self, user: PoolUser) -> dict[str, Any]:
        """The answer to a user who proved the password: tokens, or the next challenge."""
        if not user.enabled:
            raise not_authorized("User is disabled.")
        match user.status:
            case UserStatus.UNCONFIRMED:
                raise CognitoError("UserNotConfirmedException", "User is not confirmed.")
            case UserStatus.RESET_REQUIRED:
                raise CognitoError("PasswordResetRequiredException", "Password reset required for the user")
            case UserStatus.FORCE_CHANGE_PASSWORD:
                attributes = {name: value for name, value in user.all_attributes.items() if name != "sub"}
                return {
                    "ChallengeName": "NEW_PASSWORD_REQUIRED",
                    "Session": self._wait_for_answer(user, user.sub, None),
                    "ChallengeParameters": {
                        "USER_ID_FOR_SRP": user.sub, "requiredAttributes": "[]",
                        "userAttributes": json.dumps(attributes),
                    },
                }  # fmt: skip
        return {"ChallengeParameters": {}, "AuthenticationResult": self._tokens.sign_in(user)}

    def _new_password(self, session: str, responses: Mapping[str, str]) -> dict[str, Any]:
        name, password = one_of(responses, "USERNAME"), one_of(responses, "NEW_PASSWORD")
        challenge = self._challenges.get(session)
        user = self._accounts.users.find(name)
        if challenge is None or challenge.user is None or challenge.exchange is not None:
            raise not_authorized("Invalid session for the user.")
        if challenge.expires <= self._accounts.clock():
            raise not_authorized("Invalid session for the user, session is expired.")
        if user is None or user.sub != challenge.user.sub:
            raise not_authorized("Invalid session for the user.")
        changed = self._accounts.with_password(user, password, UserStatus.CONFIRMED)
        self._accounts.users.replace(changed)
        self._challenges.pop(session, None)
        return self._signed_in(changed)

    def _wait_for_answer(self, user: PoolUser | None, username: str, exchange: Exchange | None) -> str:
        now = self._accounts.clock()
        while self._challenges and next(iter(self._challenges.values())).expires <= now:
            self._challenges.popitem(last=False)
        if len(self._challenges) >= MOST_CHALLENGES:
            self._challenges.popitem(last=False)
        block = base64.b64encode(secrets.token_bytes(192)).decode()
        self._challenges[block] = _Challenge(user, username, now + CHALLENGE_LIFE, exchange)
        return block

    def _taken(self, block: str) -> _Challenge | None:
        challenge = self._challenges.pop(block, None)
        return None if challenge is None or challenge.expires <= self._accounts.clock() else challenge


def _flow(parameters: Parameters) -> str:
    flow = text(parameters, "AuthFlow")
    if flow not in FLOWS:
        raise invalid_parameter(
            f"1 validation error detected: Value '{flow[:40]}' at 'authFlow' failed to satisfy constraint: Member must "
            f"satisfy enum value set: [{', '.join(FLOWS)}]"
        )
    return flow
