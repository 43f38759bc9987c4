"""API keys: plain words that let a client in until they expire.

Source: AppSync Developer Guide, "API_KEY authorization".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import ApiKeyHeader
from appsync_local.errors import unauthorized

_HOLDER: Final = Caller(mode=AuthMode.API_KEY, identity=None)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that is accepted.

    Args:
        key: The key; AppSync's own begin with `da2-`.
        expires: From then on it is refused; with a time zone. None: never, which AppSync does not offer.
    """

    key: str = field(repr=False)
    expires: datetime | None = None


class ApiKeys:
    """All keys of an API."""

    def __init__(self, keys: tuple[ApiKey, ...], *, now: Callable[[], datetime]) -> None:
        self._keys = {key.key: key for key in keys}
        self._now = now

    def verify(self, credential: ApiKeyHeader) -> Caller:
        """A caller without an identity.

        Raises:
            RequestRefused: There is no such key, or it has expired.
        """
        key = self._keys.get(credential.key)
        if key is None or (key.expires is not None and key.expires <= self._now()):
            raise unauthorized()
        return _HOLDER
