"""Longcall's client: start long-running calls behind AWS AppSync, and follow them with nothing lost.

async with Client(url, authorization=LambdaToken(provider)) as client:
    async for view in client.run("Summarise this"):
        print(view.status, view.delta)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from longcall.authorization import Authorization, CognitoPassword, CognitoToken, LambdaToken, TokenProvider
    from longcall.client import Client
    from longcall.errors import (
        ConfigurationError,
        ConnectionLost,
        GraphQLFault,
        InvalidInput,
        JobNotFound,
        LongcallError,
        NotAuthorized,
        ProtocolError,
        RequestRejected,
        SignInFailed,
        SubscriptionRejected,
        Unreachable,
    )
    from longcall.models import Cost, CostItem, ErrorType, Event, Page, Snapshot, Status
    from longcall.requests import Message, Role
    from longcall.timing import Timing
    from longcall.view import JobView, merge
    from longcall.watch import Heal, Link

_HOMES: Final = {
    "authorization": ("Authorization", "CognitoPassword", "CognitoToken", "LambdaToken", "TokenProvider"),
    "client": ("Client",),
    "errors": (
        "ConfigurationError", "ConnectionLost", "GraphQLFault", "InvalidInput", "JobNotFound", "LongcallError",
        "NotAuthorized", "ProtocolError", "RequestRejected", "SignInFailed", "SubscriptionRejected", "Unreachable",
    ),
    "models": ("Cost", "CostItem", "ErrorType", "Event", "Page", "Snapshot", "Status"),
    "requests": ("Message", "Role"),
    "timing": ("Timing",),
    "view": ("JobView", "merge"),
    "watch": ("Heal", "Link"),
}  # fmt: skip
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the command line answers `--help` without loading a GraphQL client."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"longcall.{_HOME_OF[name]}"), name)


__all__ = [
    "Authorization",
    "Client",
    "CognitoPassword",
    "CognitoToken",
    "ConfigurationError",
    "ConnectionLost",
    "Cost",
    "CostItem",
    "ErrorType",
    "Event",
    "GraphQLFault",
    "Heal",
    "InvalidInput",
    "JobNotFound",
    "JobView",
    "LambdaToken",
    "Link",
    "LongcallError",
    "Message",
    "NotAuthorized",
    "Page",
    "ProtocolError",
    "RequestRejected",
    "Role",
    "SignInFailed",
    "Snapshot",
    "Status",
    "SubscriptionRejected",
    "Timing",
    "TokenProvider",
    "Unreachable",
    "merge",
]
