"""Starts all parts of a local stack in the right order, and stops them."""

import asyncio
import contextlib
import errno
import re
import socket
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import urlsplit

from appsync_local.api.endpoints import authority
from appsync_local.authorization.user_pools import UserPool
from appsync_local.data_sources.aws_services import AwsServices
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.doctor import Doctor, TokenRequirements
from appsync_local.devtools.health import Health
from appsync_local.devtools.meter import Meter
from appsync_local.errors import PortInUse
from appsync_local.functions.runtime import FunctionRuntime
from chalicelib.api.authorizer import PREFIX
from infrastructure.stages import DEV
from local_stack.addresses import BUCKET_PATH, LOOPBACK
from local_stack.aws_access import AwsAccess
from local_stack.blueprint import Blueprint, PermissionCheckingInvoker
from local_stack.chosen_blueprint import chosen_blueprint, chosen_template, every_field
from local_stack.console import EXPLORER_PAGES, JOB_PAGES, Console
from local_stack.data_folder import check_databases, check_space, folder_errors_reported, locked, prepare
from local_stack.description import Stack, api_urls, description_files, stack_of
from local_stack.errors import StackError
from local_stack.folder_secret import folder_secret
from local_stack.function_environment import REGION, new_principal
from local_stack.ledger_check import check_ledger
from local_stack.live_reload import file_watcher, import_problems, snapshots_of
from local_stack.local_aws import ADVICE, LocalAwsServices
from local_stack.log import StackLog
from local_stack.log_files import FOLDER
from local_stack.options import Options
from local_stack.services.aws.login import developer_login
from local_stack.services.bedrock import bedrock_variables, with_bedrock_endpoint
from local_stack.services.cognito.pool import Pool, PoolRules
from local_stack.services.event_sources.running import EventSources
from local_stack.services.lambda_api import PATH as LAMBDA_PATH
from local_stack.services.lambda_api import LambdaApi
from local_stack.services.local_services import local_services
from local_stack.template.blueprint import has_jobs, uses_services
from local_stack.test_users import TestUsers
from local_stack.worker_processes import function_runtime

if TYPE_CHECKING:
    from appsync_local.http.server import Engine

OPERATOR_FIELDS: Final = frozenset({"Mutation.updateStatus"})
RENEWAL: Final = "sign in again: longcall token --header"

Result = TypeVar("Result")


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
    listener = cleanup.enter_context(_listen(options.host, options.port))
    health, retention = Health(), _retention(options)
    cleanup.enter_context(log.files(options.data / FOLDER, retention=retention, health=health.loop("log files")))
    template = await asyncio.to_thread(chosen_template, options)
    has_ledger = template is None or has_jobs(template)
    checking = _begin(cleanup, asyncio.to_thread(check_ledger, options.ledger)) if has_ledger else None
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
    pool, bucket_url, lambda_url = services.pool, f"{address}{BUCKET_PATH}", f"{address}{LAMBDA_PATH}"
    login = await asyncio.to_thread(developer_login) if options.allows_aws else None
    aws = None
    if template is not None and uses_services(template):
        aws = LocalAwsServices(operator_key, login, health.loop("moto"))
        aws.listen()
        cleanup.push_async_callback(aws.stop)
    blueprint = chosen_blueprint(
        options, template, pool, port=port, s3=bucket_url, bedrock=bedrock,
        new_folder=lambda: Path(cleanup.enter_context(TemporaryDirectory(prefix="longcall-"))),
        aws=AwsAccess(lambda_url if aws is None else aws.endpoint, lambda_url, login),
    )  # fmt: skip
    if blueprint.ledger is None:
        operator = replace(operator, allowed=every_field(blueprint))
    services.bucket_keys.update({it.access_key_id: it.secret_access_key for it in blueprint.principals})
    aws_start = None if aws is None else _begin(cleanup, aws.start(blueprint, lambda_url))
    import_check = _begin(cleanup, import_problems(blueprint))
    chaos, meter = Chaos(options.chaos), Meter()
    snapshots = snapshots_of(blueprint, options.data) if options.watches else None
    root = blueprint.root if snapshots is None else snapshots.root
    runtime = function_runtime(blueprint, options, root=root, chaos=chaos, meter=meter, health=health)
    cleanup.push_async_callback(runtime.stop)  # if the start fails
    preparing = _begin(cleanup, runtime.prepare())
    # The engine is imported while another process imports what the functions need, which takes longest.
    await asyncio.to_thread(import_module, "local_stack.engines")
    from local_stack.engines import EngineParts, build_engines

    reached = AwsServices(aws=login, advice=ADVICE) if aws is None else aws.for_data_sources(lambda_url)
    parts = EngineParts(
        invoker=PermissionCheckingInvoker(runtime, blueprint.refusals, blueprint.unsupported), pool=pool,
        operator=operator, allows_aws=login is not None, dynamodb=None if aws is None else aws.for_tables(),
        aws=with_bedrock_endpoint(reached, options.bedrock), databases=options.databases, chaos=chaos, meter=meter,
        health=health, sites=options.sites,
    )  # fmt: skip
    engine = await build_engines(blueprint, parts, import_check)
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
    await preparing
    # Last, because events from an earlier run are delivered at once, and their workers report to the API.
    await runtime.start()
    cleanup.push_async_callback(runtime.stop)
    urls = api_urls(blueprint, host=options.host, port=port)
    if aws is not None:
        _start_event_sources(cleanup, aws, blueprint, runtime, urls, health)
    _offer_pages(engine, blueprint, pool, origin=address, health=health)
    if snapshots is not None:
        watcher = file_watcher(engine, runtime, blueprint, snapshots, health.loop("file watcher"), options.project)
        await watcher.start()
        cleanup.push_async_callback(watcher.stop)
    stack = stack_of(
        engine, blueprint, host=options.host, port=port, pool=pool, bucket_url=bucket_url,
        dynamodb_url=None if aws is None else aws.endpoint, operator=operator,
    )  # fmt: skip
    cleanup.enter_context(description_files(stack, blueprint.functions, options.data))
    return stack


def _begin(cleanup: contextlib.AsyncExitStack, check: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """Run a check while other parts start. If one of these fails first, the check ends with the stack."""
    task = asyncio.create_task(check)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    cleanup.push_async_callback(end)
    return task


def _start_event_sources(
    cleanup: contextlib.AsyncExitStack,
    aws: LocalAwsServices,
    blueprint: Blueprint,
    runtime: FunctionRuntime,
    urls: Mapping[str, str],
    health: Health,
) -> None:
    """Deliver events of local services to functions and APIs."""
    http_client = HttpClient()
    cleanup.push_async_callback(http_client.close)
    sources = EventSources(blueprint.event_sources, aws.client(http_client), runtime, urls, health)
    sources.start()
    cleanup.push_async_callback(sources.stop)


def _offer_pages(engine: "Engine", blueprint: Blueprint, pool: Pool, *, origin: str, health: Health) -> None:
    """Serve the console or only the explorer, and the doctor."""
    pages = JOB_PAGES if blueprint.has_console else EXPLORER_PAGES
    engine.offer(Console(TestUsers(pool), origin=origin, pages=pages, api_path=urlsplit(engine.graphql_url).path))
    engine.offer(Doctor(lambda: engine.served, _token_requirements(pool), health))


def _retention(options: Options) -> timedelta:
    """Lifetime of a job, as the relay reads it. With a template, objects in S3 may outlive their jobs."""
    default = (options.stage or DEV).retention_days
    return timedelta(days=float(options.settings.get("LONGCALL_RETENTION_DAYS") or default))


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
