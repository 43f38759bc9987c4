"""The client's half of Cognito's Secure Remote Password protocol: it proves a password without sending it.

Source: RFC 5054, appendix A (the group); RFC 5869 (HKDF); amazon-cognito-identity-js, AuthenticationHelper.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MODULUS: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
GENERATOR: Final = 2
SECRET_BITS: Final = 256  # Source: RFC 5054, section 3.1: at least 256 bits
KEY_INFO: Final = b"Caldera Derived Key\x01"  # with the counter of HKDF's first block
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class ChallengeInvalid(ValueError):
    """The server's challenge has another form, or values with which it would learn about the password."""


def padded(number: int) -> bytes:
    """A number as both sides write it: the fewest bytes, with a zero in front if the highest bit is set."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def hashed(*parts: bytes) -> int:
    """The SHA-256 of the parts, one after the other, as a number."""
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


MULTIPLIER: Final = hashed(padded(MODULUS), padded(GENERATOR))


def password_exponent(password: str, *, pool_name: str, username: str, salt: int) -> int:
    """The number that stands for a password. The verifier, which the pool stores, is computed from it.

    Args:
        password: As the user types it.
        pool_name: The part of the pool's id after the `_`.
        username: The user's name that challenges call USER_ID_FOR_SRP.
        salt: Of this user.
    """
    inner = hashlib.sha256(f"{pool_name}{username}:{password}".encode()).digest()
    return hashed(padded(salt), inner)


def session_key(shared: int, scrambler: int) -> bytes:
    """The key that both sides derive from the shared number, if the password is right."""
    extracted = hmac.digest(padded(scrambler), padded(shared), "sha256")
    return hmac.digest(extracted, KEY_INFO, "sha256")[:16]


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """One attempt to prove a password.

    Attributes:
        pool_name: The part of the pool's id after the `_`.
        secret: The client's secret value.
        public_value: SRP_A, which is computed from it.
    """

    pool_name: str
    secret: int = field(repr=False)
    public_value: int

    @classmethod
    def begin(cls, pool_name: str, *, secret: int | None = None) -> "PasswordProof":
        """A new attempt. `secret` is for tests; None: it is random."""
        chosen = secrets.randbits(SECRET_BITS) if secret is None else secret
        return cls(pool_name, chosen, pow(GENERATOR, chosen, MODULUS))

    def answer(self, challenge: Mapping[str, str], password: str, *, now: datetime) -> dict[str, str]:
        """The ChallengeResponses for a challenge of the kind PASSWORD_VERIFIER.

        Args:
            challenge: Its ChallengeParameters.
            password: The password.
            now: In UTC.

        Raises:
            ChallengeInvalid: The challenge cannot be answered.
        """
        try:
            server_value, salt = int(challenge["SRP_B"], 16), int(challenge["SALT"], 16)
            username, block = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"]
            raw_block = base64.b64decode(block, validate=True)
        except (KeyError, TypeError, ValueError) as error:
            raise ChallengeInvalid("the user pool's challenge has another form") from error
        scrambler = hashed(padded(self.public_value), padded(server_value))
        if server_value % MODULUS == 0 or scrambler == 0 or salt < 0:
            raise ChallengeInvalid("the user pool's challenge has unsafe values")
        exponent = password_exponent(password, pool_name=self.pool_name, username=username, salt=salt)
        base = server_value - MULTIPLIER * pow(GENERATOR, exponent, MODULUS)
        key = session_key(pow(base, self.secret + scrambler * exponent, MODULUS), scrambler)
        stamp = f"{_DAYS[now.weekday()]} {_MONTHS[now.month - 1]} {now.day} {now:%H:%M:%S} UTC {now.year}"
        signed = (self.pool_name + username).encode() + raw_block + stamp.encode()
        return {
            "USERNAME": username,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "TIMESTAMP": stamp,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.digest(key, signed, "sha256")).decode(),
        }
