"""An API that answers requests and starts subscriptions: what the engine builds at the start and at every reload."""

from dataclasses import dataclass
from typing import Self

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.authorization.authenticator import Authenticator
from appsync_local.devtools.counters import Counters
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.devtools.operation_log import LogFields, no_log_fields
from appsync_local.execution.request_handler import RequestHandler
from appsync_local.operation.documents import Documents
from appsync_local.realtime.publication import Publisher
from appsync_local.realtime.subscription_handler import SubscriptionHandler
from appsync_local.realtime.subscription_registry import SubscriptionRegistry
from appsync_local.resolvers.loading import ExecutableApi


@dataclass(frozen=True, slots=True)
class ServedApi:
    """One version of the API.

    Args:
        api: Schema, resolvers and rules.
        authenticator: Authenticates callers.
        requests: Answers requests over HTTP.
        subscriptions: Checks realtime connections and starts subscriptions.
    """

    api: ExecutableApi
    authenticator: Authenticator
    requests: RequestHandler
    subscriptions: SubscriptionHandler

    @classmethod
    def of(
        cls,
        api: ExecutableApi,
        authenticator: Authenticator,
        *,
        registry: SubscriptionRegistry,
        counters: Counters,
        meter: Meter,
        health: Health,
        log_fields: LogFields = no_log_fields,
        path: str = GRAPHQL_PATH,
    ) -> Self:
        """A version that shares its subscriptions and counts with the versions before and after it."""
        documents = Documents(api)
        publisher = Publisher(api, registry, counters, meter, health)
        return cls(
            api,
            authenticator,
            RequestHandler(authenticator, documents, publisher, meter, log_fields, path),
            SubscriptionHandler(authenticator, documents, registry, counters, health, log_fields, path),
        )
