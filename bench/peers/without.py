"""The engine without one of its optimizations, to measure the effect of the optimization."""

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from graphql import DocumentNode, GraphQLResolveInfo, execute

from appsync_local.api import scalars
from appsync_local.execution import completion
from appsync_local.execution.execution import Execution, field_context
from appsync_local.javascript.sandbox import Sandbox
from appsync_local.operation import variables as inputs
from appsync_local.operation.documents import Document, Documents, Operation
from appsync_local.operation.plan import Plan
from appsync_local.realtime import subscription_registry as subscriptions
from appsync_local.realtime.socket import RealtimeSocket
from appsync_local.resolvers.resolution import Resolution


class Measure(Enum):
    """The optimizations that can be removed; the values are the names on the command line."""

    KEPT_DOCUMENTS = "kept-documents"
    KEPT_CONTEXTS = "kept-contexts"
    PLANS = "plans"
    COMPILED_VALUES = "compiled-values"
    SHARED_PAYLOADS = "shared-payloads"
    INDEX = "index"
    DIRECT_WRITES = "direct-writes"
    UVLOOP = "uvloop"


def take_out(measure: Measure) -> None:
    """Patch the engine in this process before it is created. The caller handles `UVLOOP`."""
    patch = _PATCHES.get(measure)
    if patch is not None:
        patch()


def _kept_documents() -> None:
    def get(self: Documents, text: str) -> Document:
        return self._valid(text)

    Documents.get = get  # type: ignore[method-assign]


def _kept_contexts() -> None:
    run = Sandbox._run

    def fresh(self: Sandbox, *given: Any) -> dict[str, Any]:
        self._load()
        return run(self, *given)

    Sandbox._run = fresh  # type: ignore[method-assign, assignment]


def _plans() -> None:
    """graphql-core's executor in place of the plan's; parsing and validating are still done once."""

    async def run(self: Execution) -> dict[str, object]:
        steps = {step.key: step for step in self.plan.steps}

        async def resolve(source: Any, info: GraphQLResolveInfo[Any], **_: Any) -> Any:
            if info.path.prev is not None:
                return source.get(info.field_name)
            step = steps[str(info.path.key)]
            assert step.resolver is not None  # noqa: S101  # every root field of the bench has one
            return await Resolution(field_context(step, source, self.context, self.variables)).run(step.resolver)

        document = DocumentNode(definitions=(self.plan.operation,))
        given = {name: source.value for name, source in self.variables.sources.items()}
        result = await execute(self.plan.api.schema, document, variable_values=given, field_resolver=resolve)  # type: ignore[misc]
        for step in self.plan.steps:
            if result.data is not None:
                self.publisher.publish(step, result.data[step.key])
        return {"data": result.data}

    Execution.run = run  # type: ignore[method-assign]


def _compiled_values() -> None:
    def refuse_variables(*_: Any) -> Any:
        raise scalars.FastPathMiss

    inputs.Variables.coerce = refuse_variables  # type: ignore[method-assign, assignment]
    completion._members = lambda *_: None


def _shared_payloads() -> None:
    """Give each subscription its own plan: the subscriptions of one plan share a payload."""

    def plan(self: Operation, variables: Any) -> Plan:
        return Plan(self._api, self.node, self._fragments, variables)

    Operation.plan = plan  # type: ignore[method-assign]


def _index() -> None:
    subscriptions._best_index_keys = lambda *_: (None, [])


def _direct_writes() -> None:
    """Send every message in a task of its session, as if all readers were slow."""

    RealtimeSocket.write = lambda *_: False  # type: ignore[method-assign]


_PATCHES: Mapping[Measure, Callable[[], None]] = {
    Measure.KEPT_DOCUMENTS: _kept_documents,
    Measure.KEPT_CONTEXTS: _kept_contexts,
    Measure.PLANS: _plans,
    Measure.COMPILED_VALUES: _compiled_values,
    Measure.SHARED_PAYLOADS: _shared_payloads,
    Measure.INDEX: _index,
    Measure.DIRECT_WRITES: _direct_writes,
}
