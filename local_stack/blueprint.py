"""What a local stack runs, whether it comes from the project's own definition or from a CloudFormation template."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.api.limits import DEFAULT_LIMITS, Limits
from appsync_local.api.model import Api, AuthMode
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from appsync_local.authorization.oidc import OidcProvider
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.errors import FunctionFailed
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from appsync_local.lambda_invoker import LambdaInvoker
from local_stack.creation import Creation
from local_stack.event_sources import EventSource

_log: Final = logging.getLogger(__name__)


def api_path(name: str, *, of: int) -> str:
    """The path of an API in a stack with `of` APIs."""
    return GRAPHQL_PATH if of == 1 else f"/{name}{GRAPHQL_PATH}"


@dataclass(frozen=True, slots=True)
class LocalApi:
    """One GraphQL API of a stack.

    Attributes:
        api: Its definition.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        authorizer: How the Lambda authorizer is used.
        limits: What one operation may ask for.
        default_action: What fields without a directive allow to callers of the user pool.
        api_keys: Keys that the API accepts.
        oidc_providers: The OpenID Connect providers that it names.
        name: What its path begins with if the stack has several APIs, as in `/name/graphql`.
        origins: Where a person finds what is in a copied file, by the path of the copy.
    """

    api: Api
    schema: Path
    code: Path
    authorizer: AuthorizerOptions = AuthorizerOptions()  # noqa: RUF009  # frozen
    limits: Limits = DEFAULT_LIMITS
    default_action: DefaultAction = DefaultAction.ALLOW
    api_keys: tuple[ApiKey, ...] = ()
    oidc_providers: tuple[OidcProvider, ...] = ()
    name: str = ""
    origins: Mapping[Path, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Everything that is needed to run a stack.

    Attributes:
        apis: The GraphQL APIs, at least one.
        root: The folder that handlers are imported from.
        functions: All Lambda functions, with their complete environments.
        principals: The access keys in those environments, and the fields that each may call.
        schedules: The functions that run on a schedule.
        creations: The calls that create resources in the local services.
        event_sources: What invokes functions besides the APIs and schedules.
        refusals: Function names of the APIs that may not be invoked, each with the reason.
        unsupported: Function names that this machine cannot run, each with the reason.
        ledger: Where Longcall's jobs are stored, sqlite:<path> or dynamodb:<table>; None: an application without jobs.
        type_prefix: What the names of the jobs' types begin with in an application's API that has the jobs; empty in
            Longcall's own.
        problems: What stops the stack from being started, one sentence each.
        warnings: What is left out of the stack, one sentence each, for the person who starts it.
    """

    apis: tuple[LocalApi, ...]
    root: Path
    functions: tuple[FunctionSpec, ...]
    principals: tuple[IamPrincipal, ...]
    schedules: tuple[FunctionSchedule, ...]
    creations: tuple[Creation, ...] = ()
    event_sources: tuple[EventSource, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    unsupported: Mapping[str, str] = field(default_factory=dict)
    ledger: str | None = None
    type_prefix: str = ""
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def has_console(self) -> bool:
        """Whether the console can use the API: it has jobs, and Longcall's own types and Lambda authorizer."""
        return self.ledger is not None and not self.type_prefix and AuthMode.LAMBDA in self.apis[0].api.modes

    @property
    def handlers(self) -> frozenset[str]:
        """Every function name that the APIs may use, including those that are refused or cannot be run."""
        return frozenset(function.name for function in self.functions) | self.refusals.keys() | self.unsupported.keys()


class PermissionCheckingInvoker:
    """A `LambdaInvoker` that refuses functions that a role may not invoke, or that this machine cannot run.

    The errors are those that AWS returns for a missing right, and for a runtime that it does not support.

    Args:
        invoker: Runs the functions that are allowed.
        refusals: Functions that may not be invoked, each with the reason.
        unsupported: Functions that cannot be run, each with the reason.
    """

    def __init__(self, invoker: LambdaInvoker, refusals: Mapping[str, str], unsupported: Mapping[str, str]) -> None:
        self._invoker = invoker
        self._refusals = refusals
        self._unsupported = unsupported

    async def invoke(self, function: str, payload: object) -> object:
        """See `LambdaInvoker`."""
        self._check(function)
        return await self._invoker.invoke(function, payload)

    async def enqueue(self, function: str, payload: object) -> str:
        """See `LambdaInvoker`."""
        self._check(function)
        return await self._invoker.enqueue(function, payload)

    def _check(self, function: str) -> None:
        if function in self._refusals:
            _log.warning("%s was not invoked: %s", function, self._refusals[function])
            raise FunctionFailed("Lambda:AccessDeniedException", self._refusals[function])
        if function in self._unsupported:
            raise FunctionFailed("Lambda:InvalidRuntimeException", self._unsupported[function])
