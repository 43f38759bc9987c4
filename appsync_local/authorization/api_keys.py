"""API keys: shared secrets that are accepted until they expire.

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
    """An accepted key.

    Args:
        key: The key; AppSync's keys begin with `da2-`.
        expires: The time from which the key is refused, with a time zone. None: the key never expires, which AppSync
            does not offer.
    """

    key: str = field(repr=False)
    expires: datetime | None = None


class ApiKeys:
    """Verifies the API keys of one API."""

    def __init__(self, keys: tuple[ApiKey, ...], *, now: Callable[[], datetime]) -> None:
        self._keys = {key.key: key for key in keys}
        self._now = now

    def verify(self, credential: ApiKeyHeader) -> Caller:
        """The caller, who has no identity.

        Raises:
            RequestRefused: The key is unknown or has expired.
        """
        key = self._keys.get(credential.key)
        if key is None or (key.expires is not None and key.expires <= self._now()):
            raise unauthorized()
        return _HOLDER
