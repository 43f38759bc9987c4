"""The server's half of Cognito's Secure Remote Password protocol: the password is proved and never sent.

The pool stores a verifier, from which the password cannot be computed. The client's half is `longcall.srp`.
"""

import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final

from longcall.srp import GENERATOR, MODULUS, MULTIPLIER, hashed, padded, password_exponent, session_key

SALT_BYTES: Final = 16
SECRET_BITS: Final = 256


@dataclass(frozen=True, slots=True)
class Verifier:
    """What a pool stores instead of a password."""

    salt: int
    value: int = field(repr=False)

    @classmethod
    def of(cls, password: str, *, pool_name: str, username: str, salt: int | None = None) -> "Verifier":
        """The verifier of a user's password.

        Args:
            password: As the user types it.
            pool_name: The part of the pool's id after the `_`.
            username: The user's name that challenges call USER_ID_FOR_SRP.
            salt: None to choose one.
        """
        chosen = int.from_bytes(secrets.token_bytes(SALT_BYTES)) if salt is None else salt
        exponent = password_exponent(password, pool_name=pool_name, username=username, salt=chosen)
        return cls(chosen, pow(GENERATOR, exponent, MODULUS))

    def fits(self, password: str, *, pool_name: str, username: str) -> bool:
        """Whether a password is the right one."""
        given = Verifier.of(password, pool_name=pool_name, username=username, salt=self.salt)
        return hmac.compare_digest(padded(given.value), padded(self.value))


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt to prove a password.

    Attributes:
        client_value: SRP_A, the client's public value.
        public_value: SRP_B, the server's.
        verifier: Of the password that must be proved.
        secret: The server's secret value.
    """

    client_value: int
    public_value: int
    verifier: Verifier = field(repr=False)
    secret: int = field(repr=False)

    @classmethod
    def begin(cls, client_value: int, verifier: Verifier) -> "Exchange":
        """Answer a client's public value.

        Raises:
            ValueError: The value is a multiple of the modulus, with which anybody could sign in.
        """
        if client_value % MODULUS == 0:
            raise ValueError("a multiple of the modulus")
        secret = secrets.randbits(SECRET_BITS)
        public = (MULTIPLIER * verifier.value + pow(GENERATOR, secret, MODULUS)) % MODULUS
        return cls(client_value, public, verifier, secret)

    def is_proved(self, signature: bytes, *, signed: bytes) -> bool:
        """Whether the client knows the password.

        Args:
            signature: PASSWORD_CLAIM_SIGNATURE.
            signed: Pool name, user name, secret block and timestamp, one after the other.
        """
        scrambler = hashed(padded(self.client_value), padded(self.public_value))
        if scrambler == 0:
            return False
        base = self.client_value * pow(self.verifier.value, scrambler, MODULUS)
        key = session_key(pow(base, self.secret, MODULUS), scrambler)
        return hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature)
