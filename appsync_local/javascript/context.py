"""`ctx`: the information about the caller, the request and the field that resolver code receives.

Source: AppSync Developer Guide, "JavaScript resolver context object reference".
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from appsync_local.authorization.caller import AUTH_TYPES, Caller
from appsync_local.errors import FieldError

_HIDDEN_HEADERS = frozenset({"cookie"})


@dataclass(slots=True)
class RequestContext:
    """The parts of `ctx` that all fields of one request share.

    Args:
        caller: The verified caller.
        headers: Request headers by lower-case name; a repeated header has a list.
        variables: The operation's variables as the client sent them.
        code_time: Seconds for which resolver code has run so far.
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

    def shared(self, info: Mapping[str, object], environment: Mapping[str, str]) -> dict[str, object]:
        """The members of `ctx` that stay the same while a field is resolved."""
        return {"identity": self._identity, "request": self._request, "env": environment, "info": info}


@dataclass(slots=True)
class FieldContext:
    """The field that is resolved, with the arguments and the parent value of this run."""

    request: RequestContext
    parent_type: str
    field: str
    arguments: Mapping[str, Any]
    source: object
    info: Mapping[str, object]
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    _shared: str | None = None

    @property
    def auth_type(self) -> str:
        """The value of `util.authType()`."""
        return AUTH_TYPES[self.request.caller.mode]

    @property
    def shared(self) -> str:
        """`identity`, `request`, `env` and `info` of `ctx`, as JSON."""
        if self._shared is None:
            self._shared = _encoded(self._around).decode()
        return self._shared

    def own(self, *, stash: dict[str, Any], previous: dict[str, object] | None, **extra: object) -> str:
        """The other members of `ctx`, as JSON.

        Args:
            stash: `ctx.stash`, as the last handler left it.
            previous: `ctx.prev`; None in a unit resolver.
            extra: `result` or `error`, if there is one.
        """
        return _encoded(self._own(stash, previous) | extra).decode()

    def whole(self, *, stash: dict[str, Any], previous: dict[str, object] | None) -> dict[str, Any]:
        """All members of `ctx`, as JSON values."""
        members: dict[str, Any] = orjson.loads(_encoded(self._own(stash, previous) | self._around))
        return members

    @property
    def _around(self) -> dict[str, object]:
        return self.request.shared(self.info, self.environment)

    def _own(self, stash: dict[str, Any], previous: dict[str, object] | None) -> dict[str, object]:
        return {"arguments": self.arguments, "source": self.source, "stash": stash, "prev": previous}


def _fragment(value: object) -> orjson.Fragment:
    return orjson.Fragment(_encoded(value))


def _encoded(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        raise FieldError("the value is nested deeper than 254 levels, or holds a number beyond 64 bits") from None
