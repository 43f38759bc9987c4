"""Issues and reads the tokens of a pool, signed with the key of the data folder.

Source: Amazon Cognito Developer Guide, "Understanding the identity (ID) token" and "the access token".
"""

import base64
import hashlib
import secrets
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import jwt

from local_stack.services.cognito.errors import not_authorized
from local_stack.services.cognito.pool import TOKEN_LIFE, Pool
from local_stack.services.cognito.users import Clock, PoolUser, SignInSession, Users

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ALGORITHM: Final = "RS256"
SCOPE: Final = "aws.cognito.signin.user.admin"
TRUTH: Final = frozenset({"email_verified", "phone_number_verified"})  # attributes that are booleans in ID tokens


class Tokens:
    """The tokens of one pool.

    Args:
        pool: The pool.
        key: Signs the tokens.
        users: Where sign-ins are stored.
        clock: The time, in UTC.
    """

    def __init__(self, pool: Pool, key: "RSAPrivateKey", users: Users, clock: Clock) -> None:
        self._pool = pool
        self._key = key
        self._users = users
        self._clock = clock
        numbers = key.public_key().public_numbers()
        modulus = _base64url(numbers.n)
        self._key_id = hashlib.sha256(modulus.encode()).hexdigest()[:43]
        self.jwks: Mapping[str, Any] = {
            "keys": [
                {"alg": ALGORITHM, "e": _base64url(numbers.e), "kid": self._key_id, "kty": "RSA", "n": modulus,
                 "use": "sig"}
            ]
        }  # fmt: skip

    def sign_in(self, user: PoolUser, *, nonce: str = "") -> dict[str, Any]:
        """Cognito's AuthenticationResult for a user who proved the password.

        Args:
            user: The user.
            nonce: What the application sent to recognise the ID token by; empty: nothing.
        """
        now = self._clock().timestamp()
        life = timedelta(days=self._pool.rules.sign_in.refresh_days).total_seconds()
        session = SignInSession(str(uuid.uuid4()), user.sub, now, now + life, revoked=False)
        refresh_token = secrets.token_urlsafe(64)
        self._users.begin_session(session, refresh_token)
        return {**self._issue(user, session, nonce), "RefreshToken": refresh_token}

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """New tokens of a sign-in. The refresh token stays valid and is not repeated.

        Raises:
            CognitoError: The token is unknown, revoked or expired, or its user was disabled.
        """
        session = self._users.session_of(refresh_token)
        if session is None:
            raise not_authorized("Invalid Refresh Token")
        if session.revoked:
            raise not_authorized("Refresh Token has been revoked")
        if session.expires <= self._clock().timestamp():
            raise not_authorized("Refresh Token has expired")
        user = self._users.find(session.sub)
        if user is None:
            raise not_authorized("Invalid Refresh Token")
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return self._issue(user, session)

    def owner(self, access_token: str) -> PoolUser:
        """The user who presents an access token of this pool.

        Raises:
            CognitoError: The token is not valid, or no longer.
        """
        try:
            claims = jwt.decode(
                access_token, self._key.public_key(), algorithms=[ALGORITHM], issuer=self._pool.issuer,
                options={"require": ["exp", "sub", "origin_jti"], "verify_exp": False, "verify_iat": False},
            )  # fmt: skip
        except jwt.InvalidSignatureError:
            raise not_authorized("Could not verify signature for Access Token") from None
        except jwt.InvalidTokenError:
            raise not_authorized("Invalid Access Token") from None
        if claims.get("token_use") != "access" or claims.get("client_id") != self._pool.client_id:
            raise not_authorized("Invalid Access Token")
        if claims["exp"] <= self._clock().timestamp():
            raise not_authorized("Access Token has expired")
        session, user = self._users.session(claims["origin_jti"]), self._users.find(claims["sub"])
        if session is None or session.revoked or user is None:
            raise not_authorized("Access Token has been revoked")
        if not user.enabled:
            raise not_authorized("User is disabled.")
        return user

    def _issue(self, user: PoolUser, session: SignInSession, nonce: str = "") -> dict[str, Any]:
        now = int(self._clock().timestamp())
        shared = {
            "sub": user.sub, "iss": self._pool.issuer, "origin_jti": session.id, "event_id": str(uuid.uuid4()),
            "auth_time": int(session.authenticated), "iat": now, "exp": now + int(TOKEN_LIFE.total_seconds()),
        }  # fmt: skip
        access = {
            "token_use": "access", "scope": SCOPE, "client_id": self._pool.client_id, "username": user.sub,
            "jti": str(uuid.uuid4()),
        }  # fmt: skip
        id_ = {
            **{name: value == "true" if name in TRUTH else value for name, value in user.all_attributes.items()},
            "token_use": "id", "aud": self._pool.client_id, "cognito:username": user.sub, "jti": str(uuid.uuid4()),
            **({"nonce": nonce} if nonce else {}),
        }  # fmt: skip
        return {
            "AccessToken": self._signed({**shared, **access}),
            "IdToken": self._signed({**id_, **shared}),
            "ExpiresIn": int(TOKEN_LIFE.total_seconds()),
            "TokenType": "Bearer",
        }

    def _signed(self, claims: Mapping[str, Any]) -> str:
        return jwt.encode(dict(claims), self._key, ALGORITHM, headers={"kid": self._key_id})


def _base64url(number: int) -> str:
    encoded = base64.urlsafe_b64encode(number.to_bytes((number.bit_length() + 7) // 8))
    return encoded.rstrip(b"=").decode()
