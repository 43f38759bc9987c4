"""Publishes the results of mutations to subscribers.

The published value is the mutation's field as the mutation selected it: a field with an alias has the alias as its name
there, so subscribers who select the field receive null. Each subscriber's selection is then applied to it. Subscribers
with the same selection share one payload.

An error in one event, or for one subscriber, is logged and counted. The other subscribers and the mutation's response
are not affected.

Source: AppSync Developer Guide, "Using subscriptions for real-time data applications"; for aliases,
aws/aws-appsync-community issue 160.
"""

import logging
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from graphql.execution.values import VariableValues

from appsync_local.api.limits import VALUE_LIMIT
from appsync_local.devtools.counters import Counters
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import PUSH_UNIT, Meter
from appsync_local.errors import FieldError, ResponseTooLarge
from appsync_local.execution.completion import NonNullViolation, Path, complete_field
from appsync_local.operation.plan import Plan, Step
from appsync_local.realtime.filters import group_holds
from appsync_local.realtime.protocol import data_end
from appsync_local.realtime.subscription_registry import SubscriptionRegistry
from appsync_local.resolvers.loading import ExecutableApi

_NO_VARIABLES: Final = VariableValues({}, {})
PAYLOAD_LIMIT: Final = 240 * 1024  # bytes; Source: AppSync quotas, "subscription payload size"

log = logging.getLogger("appsync_local")


@dataclass(slots=True)
class EventCompletion:
    """Completes one published value for all subscribers with the same plan; no resolver runs."""

    plan: Plan
    errors: list[dict[str, object]] = field(default_factory=list)
    _values: int = 0

    @property
    def caller(self) -> None:
        """None: the access of every subscriber was checked when it subscribed."""

    @property
    def variables(self) -> VariableValues:
        """Empty: only resolvers have arguments, and the plan contains what `@skip` and `@include` select."""
        return _NO_VARIABLES

    @property
    def resolve_field(self) -> None:
        """None: no resolver runs for an event."""

    def run(self, value: Any) -> dict[str, object]:
        """The payload of a `data` message: `data`, and `errors` if values do not fit the schema.

        Raises:
            ResponseTooLarge: The lists of the payload have too many values.
        """
        [step] = self.plan.steps
        try:
            shown = complete_field(step, value, (step.key,), self)
        except NonNullViolation:
            shown = None  # even for a non-null field: clients drop a message whose `data` is null
        data = {step.key: shown}
        return {"data": data, "errors": self.errors} if self.errors else {"data": data}

    def count(self, values: int) -> None:
        self._values += values
        if self._values > VALUE_LIMIT:
            raise ResponseTooLarge(VALUE_LIMIT)

    def record(self, error: FieldError, step: Step, path: Path) -> None:  # noqa: ARG002
        self.record_mismatch(error.message, path)

    def record_mismatch(self, message: str, path: Path) -> None:
        self.errors.append({"message": message, "path": list(path)})


class Publisher:
    """Delivers the results of mutations to the matching subscriptions."""

    def __init__(
        self, api: ExecutableApi, registry: SubscriptionRegistry, counters: Counters, meter: Meter, health: Health
    ) -> None:
        self._triggers = api.triggers
        self._registry = registry
        self._counters = counters
        self._meter = meter
        self._health = health.loop("publication")

    def publish(self, step: Step, value: Any) -> None:
        """Deliver a mutation field's value. When this returns, every payload is in its connection's queue."""
        fields = self._triggers.get(step.name)
        if not fields:
            return
        with self._health.turn():
            for name in fields:
                with self._health.turn():
                    self._deliver(name, value)

    def _deliver(self, field_name: str, published: Any) -> None:
        made: dict[Plan, tuple[bytes | None, int]] = {}  # the end of each message, and its metered units
        latest: Plan | None = None
        end: bytes | None = None
        pushed = units = 0
        for subscription in self._registry.matching(field_name, published):
            plan = subscription.plan
            try:
                if plan is not latest:
                    if plan not in made:
                        made[plan] = (None, 0)  # if the payload cannot be made, do not try again for each subscriber
                        payload = self._payload(EventCompletion(plan), published, field_name)
                        if payload is not None:
                            made[plan] = (data_end(payload), -(-len(payload) // PUSH_UNIT))
                    latest = plan
                    end, units = made[plan]
                if end is not None:
                    subscription.deliver(end)
                    pushed += units
            except Exception as error:  # of this subscriber alone
                self._health.failed(error)
        if pushed:
            self._meter.pushes[field_name] += pushed

    def _payload(self, completion: EventCompletion, published: Any, field_name: str) -> bytes | None:
        try:
            payload = orjson.dumps(completion.run(published))
        except (ResponseTooLarge, orjson.JSONEncodeError) as error:
            self._counters.oversized_events += 1
            log.warning("an event for %s was dropped: %s", field_name, error)
            return None
        if len(payload) > PAYLOAD_LIMIT:
            self._counters.oversized_events += 1
            log.warning("an event for %s was dropped: it has %d bytes of %d", field_name, len(payload), PAYLOAD_LIMIT)
            return None
        return payload

    def invalidate(self, invalidation: object) -> None:
        """End the subscriptions whose invalidation filter matches the payload.

        Args:
            invalidation: `{"subscriptionField": ..., "payload": {...}}`; any other value ends nothing.
        """
        given = invalidation if isinstance(invalidation, dict) else {}
        name, payload = given.get("subscriptionField"), given.get("payload")
        if not isinstance(name, str) or not isinstance(payload, dict):
            log.warning("an invalidation needs a subscriptionField and a payload; this one ends nothing")
            return
        for subscription in self._registry.invalidatable(name):
            with self._health.turn():
                if any(group_holds(group, payload) for group in subscription.invalidation):
                    subscription.end()
