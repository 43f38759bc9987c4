"""What a local stack is made of, wherever it is described: in the wiring, or in a CloudFormation template."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appsync_local.api.model import Api
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.lambda_authorizer import AuthorizerOptions
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.errors import FunctionFailed
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec
from appsync_local.lambda_invoker import LambdaInvoker


@dataclass(frozen=True, slots=True)
class Blueprint:
    """A stack, ready to be run.

    Attributes:
        api: The wiring.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        root: The folder that handlers are imported from.
        functions: All of them, with their whole environment.
        principals: The keys in those environments, and what they may call.
        schedules: What runs by the clock.
        tables: What CreateTable is told of the tables that data sources work on.
        authorizer: How the Lambda authorizer is used.
        api_keys: Keys that the API accepts.
        refusals: Names in the wiring that may not be invoked, each with the reason.
        remarks: What whoever starts the stack should know.
    """

    api: Api
    schema: Path
    code: Path
    root: Path
    functions: tuple[FunctionSpec, ...]
    principals: tuple[IamPrincipal, ...]
    schedules: tuple[FunctionSchedule, ...]
    tables: tuple[Mapping[str, Any], ...] = ()
    authorizer: AuthorizerOptions = AuthorizerOptions()  # noqa: RUF009  # frozen
    api_keys: tuple[ApiKey, ...] = ()
    refusals: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def handlers(self) -> frozenset[str]:
        """Every name that the wiring may invoke, be it only to be refused."""
        return frozenset(function.name for function in self.functions) | self.refusals.keys()


class Permitted:
    """A `LambdaInvoker` that refuses what a role does not allow, with the words that AWS has for it."""

    def __init__(self, invoker: LambdaInvoker, refusals: Mapping[str, str]) -> None:
        self._invoker = invoker
        self._refusals = refusals

    async def invoke(self, function: str, payload: object) -> object:
        self._check(function)
        return await self._invoker.invoke(function, payload)

    async def enqueue(self, function: str, payload: object) -> str:
        self._check(function)
        return await self._invoker.enqueue(function, payload)

    def _check(self, function: str) -> None:
        if function in self._refusals:
            raise FunctionFailed("Lambda:AccessDeniedException", self._refusals[function])
