"""The whole of Longcall on one machine: the only place where wiring, handlers, engine and identity meet."""

import asyncio
import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import UserPool
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.devtools.chaos.spec import ChaosSpec
from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.meter import Meter
from appsync_local.functions.delivery import Backoff
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.spec import FunctionSpec
from appsync_local.http.server import Engine
from chalicelib.jobs.model import JobId
from chalicelib.ledger import open_ledger
from infrastructure.stages import DEV, Stage
from local_stack.blueprint import Blueprint, Permitted
from local_stack.graphiql import faults, offer_tools, snapshots_of, watch_of
from local_stack.project import REGION, from_wiring, principal
from local_stack.services.bedrock import PRELOADED as PRELOADED_FOR_BEDROCK
from local_stack.services.bedrock import bedrock_variables, with_bedrock
from local_stack.services.cognito import Pool, local_users, provision
from local_stack.services.dynamodb import make_tables
from local_stack.services.moto import AwsServer
from local_stack.services.openai import with_openai
from local_stack.template.blueprint import from_template

PRELOADED: Final = (  # by the process that workers are forked from
    "chalice", "gql", "gql.transport.aiohttp", "aiohttp", "jwt", "cryptography.hazmat.primitives.asymmetric.rsa",
    "botocore.auth", "botocore.session", "sqlite3",
)  # fmt: skip
# Lambda's and EventBridge's waits, scaled to a developer's patience: seconds.
RETRY_DELAYS: Final = (1.0, 2.0)  # 60 and 120 on Lambda
REFUSAL_DELAYS: Final = Backoff(first=0.05, longest=5.0)  # 1 up to 300 on Lambda
OPERATED: Final = frozenset({"Mutation.updateStatus"})  # what an operator may call
WORKERS: Final = 16  # processes at once, of the handlers that AppSync waits for


class StackError(Exception):
    """The stack cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What `longcall serve` is asked for."""

    host: str
    port: int
    data: Path
    ledger: str  # sqlite:<path> or dynamodb:<table>
    cognito: str | None  # endpoint of a Cognito that runs already
    users: int  # test users to make
    jobs: int  # jobs that run at once
    timeout: int | None  # seconds of one job's invocation; None: the stage's, or all that Lambda gives
    chaos: ChaosSpec  # what goes wrong on purpose
    watches: bool  # whether code is taken up as it changes
    settings: Mapping[str, str]  # LONGCALL_* variables for the handlers, over this stack's own
    stage: Stage | None  # whose settings the handlers have; None: a developer's
    template: Path | None  # of CloudFormation, to be run instead of the wiring
    bedrock: str | None  # where Amazon Bedrock is, `aws` or a URL; None: its models are not run
    openai: str | None  # URL of an OpenAI-compatible server; None: see `with_openai`


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack, as `stack.json` tells clients about it."""

    graphql_url: str
    realtime_url: str
    chaos_url: str
    meter_url: str
    pool: Pool
    operator: IamPrincipal  # who may report by hand
    api_keys: tuple[ApiKey, ...]
    remarks: tuple[str, ...]  # what whoever started it should know

    def describe(self) -> dict[str, object]:
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
            "users": [asdict(user) for user in self.pool.users],
            "apiKeys": [key.key for key in self.api_keys],
            "operator": {
                "accessKeyId": self.operator.access_key_id,
                "secretAccessKey": self.operator.secret_access_key,
            },
        }


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[Stack]:
    """Start everything, and stop it at the end.

    Raises:
        StackError, IdentityUnavailable, BedrockUnusable, TemplateInvalid, and the engine's own errors
    """
    bedrock = bedrock_variables(options.bedrock)
    preloaded = PRELOADED if options.bedrock is None else (*PRELOADED, *PRELOADED_FOR_BEDROCK)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.enter_context(_sole_owner(options.data))
        aws = AwsServer(options.data / "objects", region=REGION, retention=_retention(options))
        cleanup.push_async_callback(aws.stop)
        checking = asyncio.create_task(asyncio.to_thread(_check_ledger, options.ledger))
        endpoint = await aws.start()
        await checking
        cognito = options.cognito or endpoint
        pool = await asyncio.to_thread(provision, cognito, region=REGION, users=local_users(options.users))
        blueprint = with_bedrock(_blueprint(options, pool, s3=endpoint), bedrock)
        blueprint = with_openai(blueprint, options.openai, os.environ)
        if blueprint.tables:
            await asyncio.to_thread(make_tables, endpoint, REGION, blueprint.tables)
        rehearsal = asyncio.create_task(faults(blueprint.root, blueprint.functions))
        operator = principal("operator", OPERATED)
        chaos = Chaos(options.chaos)
        meter = Meter()
        snapshots = snapshots_of(blueprint, options.data) if options.watches else None
        handlers = blueprint.root if snapshots is None else snapshots.root
        runtime = FunctionRuntime(
            blueprint.functions, root=handlers, queue=options.data / "events.db", preload=preloaded,
            schedules=blueprint.schedules, retry_delays=RETRY_DELAYS, refusal_delays=REFUSAL_DELAYS,
            concurrency=WORKERS, chaos=chaos, meter=meter,
        )  # fmt: skip
        engine = Engine(
            api=blueprint.api, schema=blueprint.schema, code=blueprint.code,
            invoker=Permitted(runtime, blueprint.refusals),
            user_pools=(UserPool(pool.issuer, pool.jwks_url, pool.client_id),),
            principals=(*blueprint.principals, operator), authorizer=blueprint.authorizer,
            api_keys=blueprint.api_keys, region=REGION, handlers=blueprint.handlers,
            dynamodb=DynamoDbEndpoint(endpoint, REGION) if blueprint.tables else None, chaos=chaos, meter=meter,
        )  # fmt: skip
        await engine.start(host=options.host, port=options.port)
        cleanup.push_async_callback(engine.stop)
        if found := await rehearsal:
            raise StackError("the handlers cannot be started:\n" + "\n".join(f"  - {fault}" for fault in found))
        # Last: what an earlier run left in the queue is delivered at once, and needs the API to report to.
        await runtime.start()
        cleanup.push_async_callback(runtime.stop)
        offer_tools(engine, pool)
        if snapshots is not None:
            watch = watch_of(engine, runtime, blueprint, snapshots)
            await watch.start()
            cleanup.push_async_callback(watch.stop)
        stack = Stack(
            engine.graphql_url, engine.realtime_url, engine.chaos_url, engine.meter_url, pool, operator,
            blueprint.api_keys, blueprint.remarks,
        )  # fmt: skip
        cleanup.enter_context(_published(options.data / "stack.json", stack.describe()))
        cleanup.enter_context(_published(options.data / "environment.json", _environments(blueprint.functions)))
        yield stack


def _check_ledger(location: str) -> None:
    """Refuse a ledger that the handlers could not use, before anything is started.

    Raises:
        StackError, MissingSettings
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        open_ledger(location).head(JobId("none"))
    except (OSError, sqlite3.Error, BotoCoreError, ClientError) as exc:
        raise StackError(
            f"the ledger {location} cannot be read ({exc}); check --ledger, and for DynamoDB that the table exists"
        ) from exc


def _retention(options: Options) -> timedelta:
    """Life of a job, as the relay will read it; a template's jobs may live shorter than what they have in S3."""
    usual = (options.stage or DEV).retention_days
    return timedelta(days=float(options.settings.get("LONGCALL_RETENTION_DAYS") or usual))


def _blueprint(options: Options, pool: Pool, *, s3: str) -> Blueprint:
    address = f"{options.host}:{options.port}/graphql"
    if options.template is not None:
        return from_template(
            options.template, graphql_url=f"http://{address}", realtime_url=f"ws://{address}", pool=pool,
            ledger=options.ledger, s3=s3, data=options.data,
        )  # fmt: skip
    return from_wiring(
        graphql_url=f"http://{address}", pool=pool, ledger=options.ledger, s3=s3, jobs=options.jobs,
        timeout=options.timeout, stage=options.stage, settings=options.settings,
    )  # fmt: skip


def _environments(functions: Iterable[FunctionSpec]) -> dict[str, dict[str, str]]:
    """Of each handler, for the debug server; they differ in more than what they lack, such as their roles' keys."""
    return {it.handler.rpartition(".")[2]: dict(it.environment) for it in functions}


@contextlib.contextmanager
def _sole_owner(data: Path) -> Iterator[None]:
    """Two stacks on one folder would run each other's events: the lock goes when its process does, however it ends."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                f"another stack runs on {data}; use that one, stop it, or give this one its own folder with --data"
            ) from None
        yield


@contextlib.contextmanager
def _published(path: Path, content: Mapping[str, object]) -> Iterator[None]:
    """A JSON file for this user's eyes, while the stack runs."""
    staged = path.with_suffix(".new")
    staged.touch(mode=0o600)
    staged.write_text(json.dumps(content, indent=2) + "\n")
    staged.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
