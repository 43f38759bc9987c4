"""The local stack's file: which API it describes, who can sign in there, and where the file is found."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from longcall.cli.program import program
from longcall.errors import ConfigurationError, Unreachable

STACK_FILE: Final = Path(".longcall/stack.json")


@dataclass(frozen=True, slots=True)
class User:
    """A user who can sign in."""

    username: str
    password: str = field(repr=False)

    def is_called(self, name: str) -> bool:
        """Whether `name` is this user's whole name, or the part of it before the `@`."""
        return name in {self.username, self.username.partition("@")[0]}


@dataclass(frozen=True, slots=True)
class Stack:
    """One API, local or deployed.

    Attributes:
        is_local: Whether it runs on this machine.
        realtime_url: None to derive it from `graphql_url`.
        cognito_url: None to sign in at AWS.
        users: Whose passwords are known.
        log_groups: The CloudWatch log groups of a deployed stack's functions.
        type_prefix: What the names of Longcall's types begin with in the API's schema.
        operator: An AWS access key that may call `updateStatus`, and its secret.
        api_keys: The API keys that a local stack accepts.
        application_modes: The authorization modes of an application that is not Longcall; None: the API has jobs.
        file: The stack file of a local stack, which each start of the stack writes again.
    """

    is_local: bool

    graphql_url: str
    realtime_url: str | None
    region: str
    client_id: str
    cognito_url: str | None
    users: tuple[User, ...]
    pool_id: str = ""
    log_groups: tuple[str, ...] = ()
    type_prefix: str = ""
    operator: tuple[str, str] | None = field(default=None, repr=False)
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    application_modes: tuple[str, ...] | None = None
    file: Path | None = field(default=None, compare=False)


def start_advice() -> str:
    """What to do when there is no stack file."""
    return f"start a stack here with `{program()} serve`, or name another stack's file with --stack"


def advice_for(stack: Stack) -> str:
    """What to do when the API does not answer."""
    if stack.is_local:
        return f"the stack seems to have stopped; start it with `{program()} serve`"
    return "check your network, and that the stack file names a deployed stage"


def find_stack(named: Path | None, *, start: Path) -> Stack:
    """The stack in a named file, or in `.longcall/stack.json` in `start` or the nearest folder above.

    Raises:
        Unreachable: No file is named, and none was found.
        ConfigurationError: The named file does not exist, or the file is not a stack file.
    """
    if named is not None:
        if not named.is_file():
            raise ConfigurationError(f"no stack file {named} was found; {start_advice()}")
        return read_stack(named)
    for folder in (start, *start.parents):
        if (folder / STACK_FILE).is_file():
            return read_stack(folder / STACK_FILE)
    raise Unreachable(f"no stack runs in this folder or above it; {start_advice()}")


def read_stack(file: Path) -> Stack:
    """Read a stack file.

    Raises:
        ConfigurationError: The file cannot be read, or is not a stack file of this version.
    """
    try:
        fields = json.loads(file.read_text("utf-8"))
        return Stack(
            is_local=fields["target"] == "local",
            graphql_url=_text(fields, "graphqlUrl"),
            realtime_url=fields.get("realtimeUrl"),
            region=_text(fields, "region"),
            client_id=_text(fields, "clientId"),
            cognito_url=fields.get("cognitoUrl"),
            users=tuple(User(_text(user, "username"), _text(user, "password")) for user in fields.get("users", ())),
            pool_id=str(fields.get("userPoolId", "")),
            type_prefix=str(fields.get("typePrefix", "")),
            operator=_operator(fields.get("operator")),
            api_keys=tuple(map(str, fields.get("apiKeys", ()))),
            application_modes=tuple(map(str, fields["applicationModes"])) if "applicationModes" in fields else None,
            file=file,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ConfigurationError(
            f"{file} is not a stack file of this version; start the stack again to write it"
        ) from exc


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _operator(fields: Mapping[str, Any] | None) -> tuple[str, str] | None:
    return None if fields is None else (_text(fields, "accessKeyId"), _text(fields, "secretAccessKey"))
