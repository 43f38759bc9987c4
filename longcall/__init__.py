"""The Python client of Longcall: starts long-running calls behind AWS AppSync, and follows them without losing events.

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
        ClientClosed,
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
        Throttled,
        Unreachable,
    )
    from longcall.gaps import Heal
    from longcall.job_list import JobList
    from longcall.listening import Link
    from longcall.models import Cost, CostItem, ErrorType, Event, Page, Snapshot, Status
    from longcall.offers import Model, ModelOption
    from longcall.requests import Message, Role
    from longcall.timing import Timing
    from longcall.view import JobView, merge

_MODULES: Final = {
    "authorization": ("Authorization", "CognitoPassword", "CognitoToken", "LambdaToken", "TokenProvider"),
    "client": ("Client",),
    "errors": (
        "ClientClosed", "ConfigurationError", "ConnectionLost", "GraphQLFault", "InvalidInput", "JobNotFound",
        "LongcallError", "NotAuthorized", "ProtocolError", "RequestRejected", "SignInFailed", "SubscriptionRejected",
        "Throttled", "Unreachable",
    ),
    "gaps": ("Heal",),
    "job_list": ("JobList",),
    "listening": ("Link",),
    "models": ("Cost", "CostItem", "ErrorType", "Event", "Page", "Snapshot", "Status"),
    "offers": ("Model", "ModelOption"),
    "requests": ("Message", "Role"),
    "timing": ("Timing",),
    "view": ("JobView", "merge"),
}  # fmt: skip
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that the command line prints `--help` without loading gql."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"longcall.{_MODULE_OF[name]}"), name)


__all__ = [
    "Authorization",
    "Client",
    "ClientClosed",
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
    "JobList",
    "JobNotFound",
    "JobView",
    "LambdaToken",
    "Link",
    "LongcallError",
    "Message",
    "Model",
    "ModelOption",
    "NotAuthorized",
    "Page",
    "ProtocolError",
    "RequestRejected",
    "Role",
    "SignInFailed",
    "Snapshot",
    "Status",
    "SubscriptionRejected",
    "Throttled",
    "Timing",
    "TokenProvider",
    "Unreachable",
    "merge",
]
