"""The secret of a data folder: the key that signs its tokens, and what is derived from it.

Both are random, made at the first start and readable by their owner alone. Ids and access keys that are derived from
them stay the same for as long as the folder exists, and differ from those of every other folder.
"""

import hashlib
import hmac
import os
import secrets
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local_stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

SECRET_FILE: Final = "secret"  # noqa: S105  # a file name
KEY_FILE: Final = "signing-key.pem"
SECRET_BYTES: Final = 32
KEY_BITS: Final = 2048
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"


@dataclass(frozen=True, slots=True)
class FolderSecret:
    """The secret of one data folder.

    Attributes:
        secret: Random bytes; nothing of it is ever shown.
        signing_key: Signs the tokens of the folder's user pool.
    """

    secret: bytes
    signing_key: "RSAPrivateKey"

    def __repr__(self) -> str:
        return "FolderSecret(…)"

    def text(self, purpose: str, *, length: int, alphabet: str = _LETTERS + _DIGITS) -> str:
        """Letters that are derived from the secret for one purpose, with at most 5 bits of bias in 512."""
        number = int.from_bytes(self._derived(purpose))
        letters = []
        for _ in range(length):
            number, rest = divmod(number, len(alphabet))
            letters.append(alphabet[rest])
        return "".join(letters)

    def uuid(self, purpose: str) -> str:
        """A UUID of version 4 that is derived from the secret for one purpose."""
        return str(uuid.UUID(bytes=self._derived(purpose)[:16], version=4))

    def access_key(self, name: str) -> tuple[str, str]:
        """An access key id and its secret, for the role of this name."""
        key_id = "AKIA" + self.text(f"access key id of {name}", length=16, alphabet=_LETTERS.upper() + "234567")
        return key_id, self.text(
            f"secret access key of {name}", length=40, alphabet=_LETTERS + _LETTERS.upper() + _DIGITS
        )

    def bytes_for(self, purpose: str) -> bytes:
        """64 bytes that are derived from the secret for one purpose."""
        return self._derived(purpose)

    def _derived(self, purpose: str) -> bytes:
        return hmac.digest(self.secret, purpose.encode(), hashlib.sha512)


def folder_secret(data: Path) -> FolderSecret:
    """The secret of a data folder; it is made if the folder has none.

    Raises:
        StackError: A file of it cannot be read, or does not contain what it should.
    """
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    secret = _read_or_make(data / SECRET_FILE, lambda: secrets.token_bytes(SECRET_BYTES))
    if len(secret) != SECRET_BYTES:
        raise _damaged(data / SECRET_FILE, f"expected {SECRET_BYTES} bytes, found {len(secret)}")
    pem = _read_or_make(data / KEY_FILE, _new_key)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise _damaged(data / KEY_FILE, "it contains no private key") from error
    if not isinstance(key, RSAPrivateKey) or key.key_size < KEY_BITS:
        raise _damaged(data / KEY_FILE, f"expected an RSA key of at least {KEY_BITS} bits")
    return FolderSecret(secret, key)


def _new_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _read_or_make(file: Path, make: "Callable[[], bytes]") -> bytes:
    """The content of a file that only its owner may read, also if it was copied here with other rights."""
    try:
        if not file.exists():
            _write_privately(file, make())
        file.chmod(0o600)
        return file.read_bytes()
    except OSError as error:
        raise StackError(f"{file} cannot be used ({error.strerror}); check its owner and its rights") from error


def _write_privately(file: Path, content: bytes) -> None:
    staged = file.with_name(f"{file.name}.new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as opened:  # noqa: PTH123  # a descriptor, so that the file is never readable by others
        opened.write(content)
        opened.flush()
        os.fsync(descriptor)
    staged.replace(file)


def _damaged(file: Path, problem: str) -> StackError:
    return StackError(
        f"{file} is damaged: {problem}. Restore it, or delete it: then a new one is made, and tokens and ids that "
        "depend on it are no longer valid"
    )
