"""Token providers of a campaign's users: one that survives a restarted stack, and one whose tokens expire soon."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from chalicelib.api.tokens import LEEWAY
from longcall import CognitoPassword, LongcallError

SHORT_LIFE: Final = 2.5  # seconds of the first token, with those for which the API accepts one after its expiry
SIGNING_KEY: Final = "signing-key.pem"  # of the stack's user pool, in the data folder


@cache
def _key_in(pem: bytes) -> RSAPrivateKey:
    """The key of a PEM file. Parsing it takes longer than many signatures."""
    key = load_pem_private_key(pem, password=None)
    assert isinstance(key, RSAPrivateKey)  # noqa: S101  # the stack has written it
    return key


class SignIn:
    """A token provider for one user of a stack. A restarted stack has its user pool at another port."""

    def __init__(self, stack_file: Path, user: int) -> None:
        self._file = stack_file
        self._user = user
        self._provider = self._from_file()
        self._token = ""

    async def __call__(self) -> str:
        try:
            self._token = await self._provider()
            return self._token
        except LongcallError:
            self._read_again()
            raise

    def forget(self, token: str) -> None:
        if token == self._token:  # otherwise another client of this user has a new token already
            self._read_again()

    def _read_again(self) -> None:
        with suppress(FileNotFoundError):  # the stack is down
            self._provider = self._from_file()

    def _from_file(self) -> CognitoPassword:
        stack = json.loads(self._file.read_text())
        user = stack["users"][self._user]
        return CognitoPassword(
            stack["region"], stack["clientId"], user["username"], user["password"], endpoint_url=stack["cognitoUrl"]
        )


class ShortTokens:
    """A token provider whose tokens expire soon, without its knowledge, as if its clock were slow.

    It signs the user's own claims with the key of the stack's user pool, and gives the same token until the API
    refuses it; then it calls `on_refused`. The next token is valid for twice as long: on a busy machine, a short one
    can expire on its way.
    """

    def __init__(self, sign_in: SignIn, stack_file: Path, *, on_refused: Callable[[], None]) -> None:
        self._sign_in = sign_in
        self._key_file = stack_file.parent / SIGNING_KEY
        self._token = ""
        self._life = SHORT_LIFE
        self._on_refused = on_refused

    async def __call__(self) -> str:
        if not self._token:
            long = await self._sign_in()
            claims = jwt.decode(long, options={"verify_signature": False})
            claims |= {"exp": int(time.time() + self._life - LEEWAY)}
            kid = jwt.get_unverified_header(long)["kid"]
            self._token = jwt.encode(claims, _key_in(self._key_file.read_bytes()), "RS256", headers={"kid": kid})
        return self._token

    def forget(self, token: str) -> None:
        if token == self._token:
            self._on_refused()
            self._token = ""
            self._life *= 2
