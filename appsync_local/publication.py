"""From a mutation's result to the subscribers' payloads.

What is published is the mutation's field as the mutation itself selected it, by field names. Every subscriber's own
selection is then applied to that. Subscribers with the same selection share one payload.

Source: AppSync Developer Guide, "Using subscriptions for real-time data applications".
"""

import logging
from typing import Any, Final

import orjson

from appsync_local.api import ExecutableApi
from appsync_local.execution import Delivery
from appsync_local.plan import Plan, Step
from appsync_local.subscriptions import Registry

PAYLOAD_LIMIT: Final = 240 * 1024  # bytes; Source: AppSync quotas, "subscription payload size"

log = logging.getLogger("appsync_local")


class Publisher:
    """Hands the results of mutations to the subscriptions that they are for."""

    def __init__(self, api: ExecutableApi, registry: Registry) -> None:
        self._triggers = api.triggers
        self._registry = registry

    def publish(self, step: Step, value: Any) -> None:
        """Deliver a mutation field's value; before this returns, every payload is in its connection's queue."""
        fields = self._triggers.get(step.name)
        if not fields:
            return
        published = _by_field_names(step, value)
        if not isinstance(published, dict):
            return  # filters do not apply to lists; Source: "Defining enhanced subscriptions filters"
        for field in fields:
            payloads: dict[Plan, bytes | None] = {}
            for subscription in self._registry.matching(field, published):
                plan = subscription.plan
                if plan not in payloads:
                    payloads[plan] = _payload(Delivery(plan, subscription.variables), published, field)
                payload = payloads[plan]
                if payload is not None:
                    subscription.deliver(payload)


def _payload(delivery: Delivery, published: dict[str, Any], field: str) -> bytes | None:
    payload = orjson.dumps(delivery.run(published))
    if len(payload) > PAYLOAD_LIMIT:
        log.warning(
            "an event for %s was dropped: %d bytes, and AppSync pushes at most %d", field, len(payload), PAYLOAD_LIMIT
        )
        return None
    return payload


def _by_field_names(step: Step, value: Any) -> Any:
    """A completed value with the aliases of its selection undone."""
    if not step.has_aliases:
        return value
    if isinstance(value, list):
        return [_by_field_names(step, item) for item in value]
    if not isinstance(value, dict):
        return value
    return {c.name: _by_field_names(c, value[c.key]) for c in step.possible_children() if c.key in value}
