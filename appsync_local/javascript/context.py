"""`ctx`: what a resolver's code is told about the caller, the request and the field.

Source: AppSync Developer Guide, "JavaScript resolver context object reference".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from appsync_local.authorization.caller import AUTH_TYPES, Caller
from appsync_local.errors import FieldError

_HIDDEN_HEADERS = frozenset({"cookie"})


@dataclass(slots=True)
class RequestContext:
    """What all fields of one request share.

    Args:
        caller: The verified caller.
        headers: Request headers by lower-case name; a list where one was sent more than once.
        variables: The operation's variables as the client sent them.
        code_time: Seconds that resolvers' code has taken so far.
    """

    caller: Caller
    headers: Mapping[str, str | list[str]]
    variables: Mapping[str, object]
    code_time: float = 0.0
    _identity: orjson.Fragment = field(init=False)
    _request: orjson.Fragment = field(init=False)
    _variables: orjson.Fragment = field(init=False)

    def __post_init__(self) -> None:
        shown = {name: value for name, value in self.headers.items() if name not in _HIDDEN_HEADERS}
        self._identity = _fragment(self.caller.identity)
        self._request = _fragment({"headers": shown, "domainName": None})
        self._variables = _fragment(self.variables)

    def info(self, field_name: str, parent_type: str, selection: orjson.Fragment, text: str) -> dict[str, object]:
        """`ctx.info` of one field."""
        return {
            "fieldName": field_name,
            "parentTypeName": parent_type,
            "variables": self._variables,
            "selectionSetList": selection,
            "selectionSetGraphQL": text,
        }

    def around(self, info: Mapping[str, object]) -> dict[str, object]:
        """The members of `ctx` that do not change while a field is resolved."""
        return {"identity": self._identity, "request": self._request, "env": {}, "info": info}


@dataclass(slots=True)
class FieldContext:
    """What one resolver run is told."""

    request: RequestContext
    parent_type: str
    field: str
    arguments: Mapping[str, Any]
    source: object
    info: Mapping[str, object]
    _around: str | None = None

    @property
    def auth_type(self) -> str:
        """What `util.authType()` answers."""
        return AUTH_TYPES[self.request.caller.mode]

    @property
    def around(self) -> str:
        """`identity`, `request`, `env` and `info` of `ctx`, as JSON."""
        if self._around is None:
            self._around = _encoded(self.request.around(self.info)).decode()
        return self._around

    def own(self, *, stash: dict[str, Any], previous: dict[str, object] | None, **extra: object) -> str:
        """The other members of `ctx`, as JSON.

        Args:
            stash: The stash as the last handler left it.
            previous: `ctx.prev`; None in a unit resolver.
            extra: `result` or `error`, where there is one.
        """
        return _encoded(self._own(stash, previous) | extra).decode()

    def whole(self, *, stash: dict[str, Any], previous: dict[str, object] | None) -> dict[str, Any]:
        """All of `ctx`, as it is after a way as JSON."""
        members: dict[str, Any] = orjson.loads(_encoded(self._own(stash, previous) | self.request.around(self.info)))
        return members

    def _own(self, stash: dict[str, Any], previous: dict[str, object] | None) -> dict[str, object]:
        return {"arguments": self.arguments, "source": self.source, "stash": stash, "prev": previous}


def _fragment(value: object) -> orjson.Fragment:
    return orjson.Fragment(_encoded(value))


def _encoded(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise FieldError("the value is nested deeper than 254 levels, or holds a number beyond 64 bits") from None
