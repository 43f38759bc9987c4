"""The engine: an API served over HTTP and WebSocket."""

import errno
import logging
import socket
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp import web

from appsync_local.api.endpoints import GRAPHQL_PATH, authority
from appsync_local.api.limits import DEFAULT_LIMITS, LIFETIME, Limits
from appsync_local.api.model import Api
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.authenticator import Authenticator, TrustedIdentities
from appsync_local.authorization.user_pools import DefaultAction, UserPool
from appsync_local.data_sources.aws_services import AwsServices
from appsync_local.data_sources.creation import ExternalServices
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.data_sources.rds.databases import Databases
from appsync_local.devtools.chaos import control
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.counters import Counters
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import METER_PATH, Meter
from appsync_local.devtools.operation_log import LogFields, no_log_fields
from appsync_local.devtools.pages import PageProvider
from appsync_local.errors import PortInUse
from appsync_local.http.connections import HttpServer
from appsync_local.http.dispatcher import Dispatcher
from appsync_local.http.served_api import ServedApi
from appsync_local.http.services import Service
from appsync_local.http.site_check import SiteCheck
from appsync_local.http.sites import LOOPBACK_ONLY, AllowedSites
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.realtime.keep_alive import SessionTimers
from appsync_local.realtime.protocol import KEEP_ALIVE_INTERVAL
from appsync_local.realtime.subscription_registry import SubscriptionRegistry
from appsync_local.resolvers.loading import load

if TYPE_CHECKING:  # imported for the APIs that use them, so that the others start faster
    from appsync_local.authorization.lambda_authorizer import AuthorizerOptions, LambdaAuthorizer
    from appsync_local.authorization.oidc import OidcProvider
    from appsync_local.authorization.sigv4 import IamPrincipal
    from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint

LINGERING: Final = 1.0  # seconds for reading and discarding the rest of a rejected body

log = logging.getLogger("appsync_local")


class Engine:
    """An AppSync API on one machine.

    Args:
        api: The definition of the API.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        path: The path of the API. Another one than `/graphql` is for an API beside another one's, see `serve_also`.
        invoker: Runs Lambda functions.
        user_pools: Cognito user pools whose tokens are accepted.
        oidc_providers: OpenID Connect providers whose tokens are accepted.
        api_keys: API keys that are accepted.
        principals: IAM access keys that are accepted.
        authorizer: Options of the Lambda authorizer; None: no cache, and no rule for the form of tokens.
        region: The AWS region that signatures must name.
        handlers: Names of the Lambda functions that exist.
        limits: The limits of one operation.
        dynamodb: The endpoint with the tables of DynamoDB data sources; None if the API has no such data source.
        aws: Where EventBridge, HTTP and Bedrock data sources reach services of AWS; by default nowhere.
        databases: URLs of the databases of RDS data sources, by the name of the data source or of its cluster.
        keep_alive: Seconds between two `ka` messages.
        lifetime: Seconds after which a realtime connection is closed.
        chaos: Faults to inject. While the engine listens on loopback, they can be changed at `/chaos`, which is not
            part of AppSync. None: no faults, and no such path.
        meter: Counts what AWS would bill. While the engine listens on loopback, `/meter` shows it. None: no such path.
        health: Counts errors of the engine's background work; None: a record of its own.
        log_fields: Further fields of an operation's log line; must not return secrets.
        sites: The sites whose pages may call the API, and the names under which requests may arrive, besides loopback
            ones.

    Attributes:
        served: The version of the API that answers requests now.
        registry: The live subscriptions.
        counters: Events that no client is informed of.
        health: Errors of background work.
        sites: The requests that were refused because another site sent them.

    Raises:
        ApiInvalid: Schema, API or code is invalid.
        OriginInvalid: An entry of `sites` is not an origin.
    """

    def __init__(
        self,
        *,
        api: Api,
        schema: Path,
        code: Path,
        path: str = GRAPHQL_PATH,
        invoker: LambdaInvoker,
        user_pools: tuple[UserPool, ...] = (),
        oidc_providers: "tuple[OidcProvider, ...]" = (),
        api_keys: tuple[ApiKey, ...] = (),
        principals: "tuple[IamPrincipal, ...]" = (),
        authorizer: "AuthorizerOptions | None" = None,
        region: str = "us-east-1",
        handlers: AbstractSet[str] = frozenset(),
        limits: Limits = DEFAULT_LIMITS,
        dynamodb: "DynamoDbEndpoint | None" = None,
        aws: AwsServices = AwsServices(),  # noqa: B008  # frozen
        databases: Mapping[str, str] = MappingProxyType({}),  # read-only
        keep_alive: float = KEEP_ALIVE_INTERVAL,
        lifetime: float = LIFETIME,
        chaos: Chaos | None = None,
        meter: Meter | None = None,
        health: Health | None = None,
        log_fields: LogFields = no_log_fields,
        sites: AllowedSites = LOOPBACK_ONLY,
    ) -> None:
        self._http_client = HttpClient()
        self._databases = Databases(databases)

        def build() -> ServedApi:
            executable = load(
                api,
                schema=schema,
                code=code,
                handlers=handlers,
                invoker=invoker,
                default_action=user_pools[0].default_action if user_pools else DefaultAction.ALLOW,
                limits=limits,
                services=ExternalServices(self._http_client, dynamodb, aws, self._databases),
            )
            authenticator = Authenticator(
                executable.modes,
                trusted=TrustedIdentities(user_pools, oidc_providers, api_keys, principals),
                authorizer=None
                if executable.authorizer is None
                else _lambda_authorizer(executable.authorizer, invoker, authorizer),
                region=region,
                fetch=self._fetch,
                clock=time.monotonic,
                now=lambda: datetime.now(UTC),
            )
            return ServedApi.of(
                executable,
                authenticator,
                registry=self.registry,
                counters=self.counters,
                meter=counted,
                health=self.health,
                log_fields=log_fields,
                path=path,
            )

        self.registry = SubscriptionRegistry()
        self.counters = Counters()
        self.health = health or Health()
        self.sites = SiteCheck(sites)
        counted = meter or Meter()
        self._build = build
        self.served = build()
        timers = SessionTimers(keep_alive=keep_alive, lifetime=lifetime, health=self.health)
        self._path = path
        self._others: list[Engine] = []
        self._dispatcher = Dispatcher(
            self._now_served, path=path, sites=self.sites, timers=timers, chaos=chaos, meter=meter
        )
        self._runner: web.ServerRunner | None = None
        self._address = ("", 0)
        self._http: aiohttp.ClientSession | None = None
        self._is_stopped = False

    @property
    def graphql_url(self) -> str:
        """The URL for queries and mutations."""
        return f"http://{authority(*self._address)}{self._path}"

    @property
    def realtime_url(self) -> str:
        """The URL for subscriptions."""
        return f"ws://{authority(*self._address)}{self._path}"

    @property
    def chaos_url(self) -> str:
        """The URL at which faults are shown and changed, if the engine has chaos."""
        return f"http://{authority(*self._address)}{control.CHAOS_PATH}"

    @property
    def meter_url(self) -> str:
        """The URL at which the meter is shown, if the engine has one."""
        return f"http://{authority(*self._address)}{METER_PATH}"

    @property
    def paths(self) -> frozenset[str]:
        """Every path at which something is served: the API, and pages if the engine listens on loopback."""
        return self._dispatcher.paths

    @property
    def connections(self) -> int:
        """The number of open connections, HTTP and realtime."""
        server = self._runner.server if self._runner else None
        return (len(server.connections) if server else 0) + self._dispatcher.connections

    def reload(self) -> None:
        """Load schema and code from disk again; port, connections and subscriptions are kept.

        Raises:
            ApiInvalid: Schema or code is invalid; the engine still serves the previous version.
        """
        self.served = self._build()
        self.served.subscriptions.replan()
        self._dispatcher.renew(self._now_served)

    def serve_also(self, other: "Engine") -> None:
        """Serve the API of another engine at the port of this one, at its own path. It stops with this engine.

        Args:
            other: An engine with another path, which is not started itself.
        """
        self._others.append(other)
        self._dispatcher.serve(other._now_served, other._path)

    def _now_served(self) -> ServedApi:
        return self.served

    def offer(self, pages: PageProvider) -> None:
        """Serve additional pages of the embedder while the engine listens on loopback."""
        self._dispatcher.offer(pages)

    def mount(self, service: Service) -> None:
        """Serve a service of the embedder below its path while the engine listens on loopback."""
        self._dispatcher.mount(service)

    async def start(self, *, host: str = "127.0.0.1", port: int = 4000) -> None:
        """Listen for connections.

        Args:
            host: Address or name to listen on.
            port: Port to listen on; 0 selects a free port.

        Raises:
            PortInUse: Another process listens on this port.
        """
        try:
            await self._start(lambda runner: web.TCPSite(runner, host, port), host)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortInUse(host, port) from None
            raise

    async def start_on(self, listener: socket.socket, *, host: str) -> None:
        """Listen on a socket that is bound to `host` already, for a caller who must know the port in advance."""
        await self._start(lambda runner: web.SockSite(runner, listener), host)

    async def _start(self, site: Callable[[web.ServerRunner], web.BaseSite], host: str) -> None:
        runner = web.ServerRunner(
            HttpServer(self._dispatcher.handle, access_log=None, lingering_time=LINGERING), shutdown_timeout=1.0
        )
        await runner.setup()
        try:
            await site(runner).start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self._is_stopped = False
        self._dispatcher.serve_at(host)
        self._address = (host, runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection and stop listening. Does nothing if the engine is not running."""
        self._is_stopped = True
        async with AsyncExitStack() as cleanup:  # every step runs, even if one before it fails
            cleanup.push_async_callback(self._dispatcher.close)  # again, for those that came before the port was closed
            cleanup.push_async_callback(self._http_client.close)
            cleanup.push_async_callback(self._databases.close)
            for other in self._others:
                cleanup.push_async_callback(other.stop)
            if self._http is not None:
                cleanup.push_async_callback(self._http.close)
                self._http = None
            if self._runner is not None:
                cleanup.push_async_callback(self._runner.cleanup)
                self._runner = None
            await self._dispatcher.close()

    async def _fetch(self, url: str) -> bytes:
        if self._is_stopped:
            raise OSError("the engine is stopped")
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        try:
            async with self._http.get(url, raise_for_status=True) as response:
                return await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(str(error)) from error


def _lambda_authorizer(
    function: str, invoker: LambdaInvoker, options: "AuthorizerOptions | None"
) -> "LambdaAuthorizer":
    from appsync_local.authorization.lambda_authorizer import DEFAULT_OPTIONS, LambdaAuthorizer

    return LambdaAuthorizer(function, invoker, options or DEFAULT_OPTIONS, clock=time.monotonic)
