"""AppSync on one machine: serves a GraphQL API to AppSync clients, with the Lambda functions behind it.

engine = Engine(api=API, schema=Path("schema.graphql"), code=Path("graphql"), invoker=functions)
await engine.start(port=4000)
"""

import gc
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from appsync_local.api.limits import Introspection, Limits
    from appsync_local.api.model import (
        Api,
        AuthMode,
        BedrockSource,
        Code,
        CodeFile,
        DynamoDbSource,
        EventBridgeSource,
        HttpSigning,
        HttpSource,
        LambdaSource,
        NoneSource,
        PipelineFunction,
        PipelineResolver,
        RdsSource,
        Templates,
        UnitResolver,
    )
    from appsync_local.authorization.api_keys import ApiKey
    from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
    from appsync_local.authorization.oidc import OidcProvider
    from appsync_local.authorization.sigv4 import IamPrincipal
    from appsync_local.authorization.user_pools import DefaultAction, UserPool
    from appsync_local.data_sources.aws_services import AwsCredentials, AwsServices
    from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
    from appsync_local.devtools.chaos.spec import ChaosInvalid, ChaosSpec, parse_chaos
    from appsync_local.devtools.chaos.switch import Chaos
    from appsync_local.devtools.meter import Meter
    from appsync_local.errors import ApiInvalid, EngineError, FunctionFailed, PortInUse
    from appsync_local.functions.delivery import Backoff
    from appsync_local.functions.runtime import FunctionRuntime
    from appsync_local.functions.schedule import FunctionSchedule
    from appsync_local.functions.spec import FunctionSpec
    from appsync_local.http.server import Engine
    from appsync_local.http.sites import AllowedSites, OriginInvalid
    from appsync_local.lambda_invoker import LambdaInvoker

_MODULES: Final = {
    "api.limits": ("Introspection", "Limits",),
    "api.model": (
        "Api", "AuthMode", "BedrockSource", "Code", "CodeFile", "DynamoDbSource", "EventBridgeSource", "HttpSigning",
        "HttpSource", "LambdaSource", "NoneSource", "PipelineFunction", "PipelineResolver", "RdsSource", "Templates",
        "UnitResolver",
    ),
    "authorization.api_keys": ("ApiKey",),
    "authorization.lambda_authorizer": ("AuthorizerOptions",),
    "authorization.oidc": ("OidcProvider",),
    "authorization.sigv4": ("IamPrincipal",),
    "authorization.user_pools": ("DefaultAction", "UserPool",),
    "data_sources.aws_services": ("AwsCredentials", "AwsServices",),
    "data_sources.dynamodb.endpoint": ("DynamoDbEndpoint",),
    "devtools.chaos.spec": ("ChaosInvalid", "ChaosSpec", "parse_chaos",),
    "devtools.chaos.switch": ("Chaos",),
    "devtools.meter": ("Meter",),
    "errors": ("ApiInvalid", "EngineError", "FunctionFailed", "PortInUse",),
    "functions.delivery": ("Backoff",),
    "functions.runtime": ("FunctionRuntime",),
    "functions.schedule": ("FunctionSchedule",),
    "functions.spec": ("FunctionSpec",),
    "http.server": ("Engine",),
    "http.sites": ("AllowedSites", "OriginInvalid",),
    "lambda_invoker": ("LambdaInvoker",),
}  # fmt: skip
_MODULE_OF: Final = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: a worker process imports this package, and must not load the server."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = f"appsync_local.{_MODULE_OF[name]}"
    if module not in sys.modules:
        _load(module)
    return getattr(import_module(module), name)


def _load(module: str) -> None:
    """Import a module without searching for garbage, which takes a tenth of a start: modules stay.

    `gc.freeze` exempts all that the process has then from later searches, so that the first of these has no more to do.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        import_module(module)
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


__all__ = [
    "AllowedSites",
    "Api",
    "ApiInvalid",
    "ApiKey",
    "AuthMode",
    "AuthorizerOptions",
    "AwsCredentials",
    "AwsServices",
    "Backoff",
    "BedrockSource",
    "Chaos",
    "ChaosInvalid",
    "ChaosSpec",
    "Code",
    "CodeFile",
    "DefaultAction",
    "DynamoDbEndpoint",
    "DynamoDbSource",
    "Engine",
    "EngineError",
    "EventBridgeSource",
    "FunctionFailed",
    "FunctionRuntime",
    "FunctionSchedule",
    "FunctionSpec",
    "HttpSigning",
    "HttpSource",
    "IamPrincipal",
    "Introspection",
    "LambdaInvoker",
    "LambdaSource",
    "Limits",
    "Meter",
    "NoneSource",
    "OidcProvider",
    "OriginInvalid",
    "PipelineFunction",
    "PipelineResolver",
    "PortInUse",
    "RdsSource",
    "Templates",
    "UnitResolver",
    "UserPool",
    "parse_chaos",
]
