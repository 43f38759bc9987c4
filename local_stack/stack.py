"""Starts and stops all parts of a local stack: moto, the engine, the functions and the developer tools."""

import asyncio
import contextlib
import errno
import json
import os
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from appsync_local.api.endpoints import GRAPHQL_PATH, authority
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import UserPool
from appsync_local.data_sources.aws_services import AwsServices
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.doctor import Doctor, TokenRequirements
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.devtools.operation_log import no_log_fields
from appsync_local.errors import PortInUse
from appsync_local.functions.database_check import find_damage
from appsync_local.functions.delivery import Backoff
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.spec import FunctionSpec
from appsync_local.http.server import Engine
from chalicelib.api.authorizer import PREFIX
from chalicelib.jobs.model import JobId
from chalicelib.ledger import SQLITE, open_ledger
from infrastructure.stages import DEV
from local_stack.addresses import BUCKET_PATH, LOOPBACK
from local_stack.aws_access import AwsAccess
from local_stack.blueprint import Blueprint, LocalApi, PermissionCheckingInvoker, api_path
from local_stack.callers import Callers
from local_stack.console import EXPLORER_PAGES, JOB_PAGES, Console
from local_stack.data_folder import PRIVATE_FILE, check_databases, check_space, folder_errors_reported, locked, prepare
from local_stack.databases import database_problems
from local_stack.engines import build_engines
from local_stack.errors import StackError
from local_stack.folder_secret import folder_secret
from local_stack.function_environment import REGION, new_principal
from local_stack.live_reload import file_watcher, import_problems, snapshots_of
from local_stack.local_aws import ADVICE, LocalAwsServices
from local_stack.log import StackLog
from local_stack.log_fields import job_fields
from local_stack.log_files import FOLDER
from local_stack.oidc import providers_on_this_machine
from local_stack.options import Options
from local_stack.project import ROOT, blueprint_of_project, handlers_with
from local_stack.root_fields import root_fields
from local_stack.services.aws.login import developer_login
from local_stack.services.bedrock import PRELOADED as PRELOADED_FOR_BEDROCK
from local_stack.services.bedrock import bedrock_variables, with_bedrock, with_bedrock_endpoint
from local_stack.services.bucket import BUCKET
from local_stack.services.cognito.pool import Pool, PoolRules
from local_stack.services.event_sources.running import EventSources
from local_stack.services.lambda_api import PATH as LAMBDA_PATH
from local_stack.services.lambda_api import LambdaApi
from local_stack.services.local_services import local_services
from local_stack.services.openai import with_openai
from local_stack.template.assembly import find_template
from local_stack.template.blueprint import blueprint_from_template, has_jobs, uses_services
from local_stack.template.composition import read_template
from local_stack.template.document import Template
from local_stack.test_users import TestUsers

PRELOADED: Final = (  # modules that the process imports from which workers are forked
    "chalice", "gql", "gql.transport.aiohttp", "aiohttp", "jwt", "cryptography.hazmat.primitives.asymmetric.rsa",
    "botocore.auth", "botocore.session", "sqlite3",
)  # fmt: skip
# Shorter than on Lambda, so that a developer sees the effect soon.
RETRY_DELAYS: Final = (1.0, 2.0)  # seconds; 60 and 120 on Lambda
REFUSAL_DELAYS: Final = Backoff(first=0.05, longest=5.0)  # seconds; 1 to 300 on Lambda
OPERATOR_FIELDS: Final = frozenset({"Mutation.updateStatus"})
LEAST_CONCURRENCY: Final = 16  # invocations at once, of all functions but `inference`
JOBS_PER_INVOCATION: Final = 8  # further jobs for which one more invocation is allowed
RENEWAL: Final = "sign in again: longcall token --header"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack; `stack.json` contains what `describe` returns.

    Attributes:
        bucket_url: Endpoint of S3.
        dynamodb_url: Endpoint of DynamoDB; None if no template with tables is run.
        operator: The access key of an operator, who may report statuses by hand, and administer users, the bucket and
            the tables.
        api_urls: URLs of the APIs by name, if there are several; `graphql_url` is the first one's.
        callers: Who may call each API.
        ledger: Where Longcall's jobs are stored; None: an application without jobs.
        type_prefix: What the names of the jobs' types begin with in the schema.
        has_console: Whether the console is served, and not the explorer alone.
        warnings: What is left out of the stack, one sentence each, for the person who starts it.
    """

    graphql_url: str
    realtime_url: str
    chaos_url: str
    meter_url: str
    pool: Pool
    bucket_url: str
    dynamodb_url: str | None
    operator: IamPrincipal
    api_keys: tuple[ApiKey, ...]
    api_urls: Mapping[str, str]
    callers: tuple[Callers, ...]
    ledger: str | None
    type_prefix: str
    has_console: bool
    warnings: tuple[str, ...]

    def describe(self) -> dict[str, object]:
        """Addresses and test users as JSON types, for clients."""
        return {
            "target": "local",
            "graphqlUrl": self.graphql_url,
            "realtimeUrl": self.realtime_url,
            "chaosUrl": self.chaos_url,
            "meterUrl": self.meter_url,
            "region": self.pool.region,
            "userPoolId": self.pool.pool_id,
            "clientId": self.pool.client_id,
            "cognitoUrl": self.pool.endpoint,
            "bucketUrl": self.bucket_url,
            "bucket": BUCKET,
            **({} if self.dynamodb_url is None else {"dynamodbUrl": self.dynamodb_url}),
            **({"apis": dict(self.api_urls)} if self.api_urls else {}),
            **({"applicationModes": [it.value for it in self.callers[0].modes]} if self.ledger is None else {}),
            **({"typePrefix": self.type_prefix} if self.type_prefix else {}),
            "users": [asdict(user) for user in self.pool.users],
            "apiKeys": [key.key for key in self.api_keys],
            "operator": {
                "accessKeyId": self.operator.access_key_id,
                "secretAccessKey": self.operator.secret_access_key,
            },
        }


@contextlib.asynccontextmanager
async def running(options: Options, log: StackLog) -> AsyncIterator[Stack]:
    """Start everything, and stop it when the block ends.

    Raises:
        StackError: The data folder, the ledger or a handler cannot be used.
        BedrockUnusable: Bedrock cannot be called in the requested way.
        TemplateInvalid: The template cannot be read or run.
        EngineError: The API cannot be served, or the port is in use.
    """
    async with contextlib.AsyncExitStack() as cleanup:
        with folder_errors_reported(options.data):
            prepare(options.data)
            cleanup.enter_context(locked(options.data))
            check_space(options.data)
            await asyncio.to_thread(check_databases, options.data)
            stack = await _start(options, log, cleanup)
        yield stack


async def _start(options: Options, log: StackLog, cleanup: contextlib.AsyncExitStack) -> Stack:
    """Start everything; `cleanup` gets what stops it."""
    bedrock = bedrock_variables(options.bedrock)
    preloaded = PRELOADED if options.bedrock is None else (*PRELOADED, *PRELOADED_FOR_BEDROCK)
    listener = cleanup.enter_context(_listen(options.host, options.port))
    health, retention = Health(), _retention(options)
    cleanup.enter_context(log.files(options.data / FOLDER, retention=retention, health=health.loop("log files")))
    template = None if options.template is None else await asyncio.to_thread(_read_template, options.template, options)
    has_ledger = template is None or has_jobs(template)
    checking = _begin(cleanup, asyncio.to_thread(_check_ledger, options.ledger)) if has_ledger else None
    secret = await asyncio.to_thread(folder_secret, options.data)
    operator = new_principal("operator", OPERATOR_FIELDS, secret.access_key("operator"))
    operator_key = (operator.access_key_id, operator.secret_access_key)
    port = listener.getsockname()[1]
    # S3's clients put the bucket into the host of a named address, and into the path of a numeric one.
    address = f"http://{authority(LOOPBACK if options.host == 'localhost' else options.host, port)}"
    services = cleanup.enter_context(
        local_services(
            options.data, secret, address=address, users=options.users, rules=PoolRules.of(options.stage),
            retention=retention, operator=operator_key,
        )
    )  # fmt: skip
    if checking is not None:
        await checking
    pool, bucket_url = services.pool, f"{address}{BUCKET_PATH}"
    outside = Path(cleanup.enter_context(TemporaryDirectory(prefix="longcall-")))
    lambda_url = f"{address}{LAMBDA_PATH}"
    login = await asyncio.to_thread(developer_login) if options.allows_aws else None
    aws = None
    if template is not None and uses_services(template):
        aws = LocalAwsServices(operator_key, login, health.loop("moto"))
        aws.listen()
        cleanup.push_async_callback(aws.stop)
    access = AwsAccess("" if aws is None else aws.endpoint, lambda_url, login)
    blueprint = _blueprint(options, template, pool, port=port, s3=bucket_url, outside=outside, aws=access)
    if blueprint.ledger is None:
        operator = replace(operator, allowed=_every_field(blueprint))
    missing = database_problems((it for api in blueprint.apis for it in api.api.sources), options.databases)
    blueprint = replace(blueprint, problems=(*blueprint.problems, *missing))
    if blueprint.ledger is not None:
        blueprint = with_openai(with_bedrock(blueprint, bedrock), options.openai, os.environ)
    services.bucket_keys.update({it.access_key_id: it.secret_access_key for it in blueprint.principals})
    aws_start = None if aws is None else _begin(cleanup, aws.start(blueprint, lambda_url))
    import_check = _begin(cleanup, import_problems(blueprint))
    chaos = Chaos(options.chaos)
    meter = Meter()
    snapshots = snapshots_of(blueprint, options.data) if options.watches else None
    handlers = blueprint.root if snapshots is None else snapshots.root
    runtime = FunctionRuntime(
        blueprint.functions, root=handlers, queue=options.data / "events.db", preload=preloaded,
        schedules=blueprint.schedules, retry_delays=RETRY_DELAYS, refusal_delays=REFUSAL_DELAYS,
        concurrency=_unreserved_concurrency(options.jobs), chaos=chaos, meter=meter, health=health,
    )  # fmt: skip
    invoker = PermissionCheckingInvoker(runtime, blueprint.refusals, blueprint.unsupported)

    reached = AwsServices(aws=login, advice=ADVICE) if aws is None else aws.for_data_sources(lambda_url)

    def engine_of(api: LocalApi, path: str) -> Engine:
        return Engine(
            api=api.api, schema=api.schema, code=api.code, path=path, invoker=invoker,
            oidc_providers=providers_on_this_machine(api.oidc_providers, pool, allows_aws=login is not None),
            user_pools=(UserPool(pool.issuer, pool.jwks_url, pool.client_id, api.default_action),),
            principals=(*blueprint.principals, operator), authorizer=api.authorizer, limits=api.limits,
            api_keys=api.api_keys, region=REGION, handlers=blueprint.handlers,
            dynamodb=None if aws is None else aws.for_tables(),
            aws=with_bedrock_endpoint(reached, options.bedrock),
            databases=options.databases, chaos=chaos, meter=meter, health=health, sites=options.sites,
            log_fields=no_log_fields if blueprint.ledger is None else job_fields,
        )  # fmt: skip

    engine = await build_engines(blueprint, engine_of, import_check)
    engine.mount(services.cognito)
    engine.mount(services.bucket)
    if aws is not None:
        engine.mount(LambdaApi(runtime, keys=aws.keys(blueprint.principals), region=REGION))
    await engine.start_on(listener, host=options.host)
    cleanup.push_async_callback(engine.stop)
    if problems := await import_check:
        raise StackError("the handlers cannot be imported:\n" + "\n".join(f"  - {it}" for it in problems))
    if aws_start is not None:
        await aws_start
    # Last, because events from an earlier run are delivered at once, and their workers report to the API.
    await runtime.start()
    cleanup.push_async_callback(runtime.stop)
    if aws is not None:
        http_client = HttpClient()
        cleanup.push_async_callback(http_client.close)
        sources = EventSources(blueprint.event_sources, aws.client(http_client), runtime, health)
        sources.start()
        cleanup.push_async_callback(sources.stop)
    pages = JOB_PAGES if blueprint.has_console else EXPLORER_PAGES
    engine.offer(Console(TestUsers(pool), origin=address, pages=pages, api_path=urlsplit(engine.graphql_url).path))
    engine.offer(Doctor(lambda: engine.served, _token_requirements(pool), health))
    if snapshots is not None:
        watcher = file_watcher(engine, runtime, blueprint, snapshots, health.loop("file watcher"), options.project)
        await watcher.start()
        cleanup.push_async_callback(watcher.stop)
    paths = {it.name: api_path(it.name, of=len(blueprint.apis)) for it in blueprint.apis}
    host = authority(options.host, port)
    stack = Stack(
        engine.graphql_url, engine.realtime_url, engine.chaos_url, engine.meter_url, pool, bucket_url,
        None if aws is None else aws.endpoint, operator, tuple(key for it in blueprint.apis for key in it.api_keys),
        {name: f"http://{host}{path}" for name, path in paths.items()} if len(paths) > 1 else {},
        tuple(_callers(api, f"http://{host}{paths[api.name]}") for api in blueprint.apis),
        blueprint.ledger, blueprint.type_prefix, blueprint.has_console, blueprint.warnings,
    )  # fmt: skip
    cleanup.enter_context(_temporary_file(options.data / "stack.json", stack.describe()))
    cleanup.enter_context(_temporary_file(options.data / "environment.json", _environments(blueprint.functions)))
    return stack


def _begin(cleanup: contextlib.AsyncExitStack, check: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Run a check while other parts start. If one of these fails first, the check ends with the stack."""
    task = asyncio.create_task(check)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    cleanup.push_async_callback(end)
    return task


def _unreserved_concurrency(jobs: int) -> int:
    """Invocations at once of the functions that answer fields, supervise jobs and authorize callers.

    More jobs report more often, so the number grows with theirs. Callers always have half of it for themselves.
    """
    return LEAST_CONCURRENCY + jobs // JOBS_PER_INVOCATION


def _check_ledger(location: str) -> None:
    """Read from the ledger once, so that a mistake is reported before anything is started.

    Raises:
        StackError: The ledger cannot be read.
        MissingSettings: The ledger needs a setting that is missing.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        damage = find_damage(Path(location.removeprefix(SQLITE))) if location.startswith(SQLITE) else None
        if damage is not None:
            raise StackError(
                f"the ledger {location} is damaged ({damage}); put a copy of the file in its place, or move it away "
                f"to start without its jobs"
            )
        open_ledger(location).head(JobId("none"))
    except (OSError, sqlite3.Error, BotoCoreError, ClientError) as exc:
        raise StackError(
            f"the ledger {location} cannot be read ({exc}); check --ledger, and for DynamoDB that the table exists"
        ) from exc


def _retention(options: Options) -> timedelta:
    """Lifetime of a job, as the relay reads it. With a template, objects in S3 may outlive their jobs."""
    default = (options.stage or DEV).retention_days
    return timedelta(days=float(options.settings.get("LONGCALL_RETENTION_DAYS") or default))


def _read_template(given: Path, options: Options) -> Template:
    found = find_template(given, options.template_stack)
    return read_template(found.path, options.parameters, stack=found.stack)


def _blueprint(
    options: Options, template: Template | None, pool: Pool, *, port: int, s3: str, outside: Path, aws: AwsAccess
) -> Blueprint:
    address = authority(options.host, port)
    if template is not None:
        return blueprint_from_template(
            template,
            address=address,
            pool=pool,
            ledger=options.ledger,
            s3=s3,
            data=options.data,
            outside=outside,
            aws=aws,
        )
    return blueprint_of_project(
        graphql_url=f"http://{address}{GRAPHQL_PATH}", pool=pool, ledger=options.ledger, s3=s3, jobs=options.jobs,
        timeout=options.timeout, stage=options.stage, settings=options.settings,
        root=ROOT if options.project is None else handlers_with(options.project.folder, options.data),
    )  # fmt: skip


def _callers(api: LocalApi, url: str) -> Callers:
    return Callers(url, api.api.modes, tuple(it.key for it in api.api_keys), api.api.authorizer)


def _every_field(blueprint: Blueprint) -> frozenset[str]:
    """All root fields of an application's APIs."""
    schemas = (api.schema.read_text("utf-8") for api in blueprint.apis)
    return frozenset(f"{type_name}.{field}" for schema in schemas for type_name, field in root_fields(schema))


def _environments(functions: Iterable[FunctionSpec]) -> dict[str, dict[str, str]]:
    """Each handler's environment, for the debug server. They differ, for example in their roles' keys."""
    return {it.handler.rpartition(".")[2]: dict(it.environment) for it in functions}


def _token_requirements(pool: Pool) -> TokenRequirements:
    return TokenRequirements((UserPool(pool.issuer, pool.jwks_url, re.escape(pool.client_id)),), PREFIX, RENEWAL)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. It exists before the functions do, because their environments contain its port.

    Raises:
        PortInUse: Another program listens on the port.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUse(host, port) from None
        raise


@contextlib.contextmanager
def _temporary_file(path: Path, content: Mapping[str, object]) -> Iterator[None]:
    """A JSON file that exists while the stack runs and that only this user may read."""
    staged = path.with_suffix(".new")
    staged.touch(mode=PRIVATE_FILE)
    staged.write_text(json.dumps(content, indent=2) + "\n")
    staged.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
