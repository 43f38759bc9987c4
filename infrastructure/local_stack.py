"""The whole of Longcall on one machine: the only place where wiring, handlers, engine and identity meet."""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.authorization.user_pools import UserPool
from appsync_local.chaos.spec import ChaosSpec
from appsync_local.chaos.switch import Chaos
from appsync_local.functions.delivery import Backoff
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import ACCOUNT, FunctionSpec
from appsync_local.server import Engine
from chalicelib.jobs import JobId
from chalicelib.ledger import DYNAMODB, open_ledger
from infrastructure.local_identity import CognitoServer, Pool, local_users, provision
from infrastructure.wiring import API

ROOT: Final = Path(__file__).resolve().parent.parent
REGION: Final = "us-east-1"
PRELOADED: Final = (  # by the process that workers are forked from
    "chalice", "gql", "gql.transport.aiohttp", "aiohttp", "jwt", "cryptography.hazmat.primitives.asymmetric.rsa",
    "botocore.auth", "botocore.session", "sqlite3",
)  # fmt: skip
INFERENCE_TIMEOUT: Final = 900.0  # seconds, the longest that Lambda gives
SUPERVISOR_TIMEOUT: Final = 60.0
REQUEST_TIMEOUT: Final = 10.0  # seconds, for handlers that AppSync waits for
# Lambda's and EventBridge's waits, scaled to a developer's patience: seconds.
RETRY_DELAYS: Final = (1.0, 2.0)  # 60 and 120 on Lambda
REFUSAL_DELAYS: Final = Backoff(first=0.05, longest=5.0)  # 1 up to 300 on Lambda
SWEEP_INTERVAL: Final = 5.0  # 60 on AWS
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
    chaos: ChaosSpec  # what goes wrong on purpose
    settings: Mapping[str, str]  # LONGCALL_* variables for the handlers, over this stack's own


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack, as `stack.json` tells clients about it."""

    graphql_url: str
    realtime_url: str
    chaos_url: str
    pool: Pool

    def describe(self) -> dict[str, object]:
        return {
            "target": "local",
            "graphqlUrl": self.graphql_url,
            "realtimeUrl": self.realtime_url,
            "chaosUrl": self.chaos_url,
            "region": self.pool.region,
            "userPoolId": self.pool.pool_id,
            "clientId": self.pool.client_id,
            "cognitoUrl": self.pool.endpoint,
            "users": [asdict(user) for user in self.pool.users],
        }


@contextlib.asynccontextmanager
async def running(options: Options) -> AsyncIterator[Stack]:
    """Start everything, and stop it at the end.

    Raises:
        StackError, IdentityUnavailable, and the engine's own errors
    """
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.enter_context(_sole_owner(options.data))
        cognito = CognitoServer()
        cleanup.push_async_callback(cognito.stop)
        checking = asyncio.create_task(asyncio.to_thread(_check_ledger, options.ledger))
        endpoint = options.cognito or await cognito.start()
        await checking
        pool = await asyncio.to_thread(provision, endpoint, region=REGION, users=local_users(options.users))
        worker = _principal("inference", frozenset({"Mutation.updateStatus"}))
        supervisor = _principal("supervisor", worker.allowed | {"Mutation.dispatchInference"})
        if options.ledger.startswith(DYNAMODB) and {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= os.environ.keys():
            # `sweep` reads the ledger and publishes, in one process and so with one key: the developer's own.
            supervisor = replace(
                supervisor,
                access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
                secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            )
        graphql_url = f"http://{options.host}:{options.port}/graphql"
        environments = _environments(options, pool, worker, supervisor, graphql_url)
        chaos = Chaos(options.chaos)
        runtime = FunctionRuntime(
            _functions(environments, jobs=options.jobs), root=ROOT, queue=options.data / "events.db", preload=PRELOADED,
            schedules=(FunctionSchedule("sweep", every=SWEEP_INTERVAL),), retry_delays=RETRY_DELAYS,
            refusal_delays=REFUSAL_DELAYS, concurrency=WORKERS, chaos=chaos,
        )  # fmt: skip
        engine = Engine(
            api=API, schema=ROOT / "graphql" / "schema.graphql", code=ROOT / "graphql", invoker=runtime,
            user_pools=(UserPool(pool.issuer, pool.jwks_url, pool.client_id),), principals=(worker, supervisor),
            region=REGION, handlers=frozenset(environments), chaos=chaos,
        )  # fmt: skip
        await engine.start(host=options.host, port=options.port)
        cleanup.push_async_callback(engine.stop)
        # Last: what an earlier run left in the queue is delivered at once, and needs the API to report to.
        await runtime.start()
        cleanup.push_async_callback(runtime.stop)
        stack = Stack(engine.graphql_url, engine.realtime_url, engine.chaos_url, pool)
        cleanup.enter_context(_published(options.data / "stack.json", stack.describe()))
        cleanup.enter_context(_published(options.data / "environment.json", _merged(environments)))
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


def _principal(name: str, allowed: frozenset[str]) -> IamPrincipal:
    """A role of this stack's own, with a key that is new at every start."""
    return IamPrincipal(
        access_key_id=f"AKIA{secrets.token_hex(8).upper()}",
        secret_access_key=secrets.token_urlsafe(30),
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/longcall-local-{name}/{name}",
        account_id=ACCOUNT,
        allowed=allowed,
    )


def _environments(
    options: Options, pool: Pool, worker: IamPrincipal, supervisor: IamPrincipal, graphql_url: str
) -> dict[str, dict[str, str]]:
    """Each handler's environment: what the stack on AWS sets, with this machine's addresses."""
    ledger = {"LONGCALL_LEDGER": options.ledger, **_ledger_credentials(options.ledger)}
    environments = {
        "inference": _publishing(graphql_url, worker),
        "job_failed": _publishing(graphql_url, supervisor),
        "sweep": {
            **ledger,
            **_publishing(graphql_url, supervisor),  # after the ledger's: see `supervisor`
            "LONGCALL_REDISPATCH_SECONDS": "20",
            "LONGCALL_STALLED_SECONDS": "45",
        },
        "status_relay": ledger,
        "authorizer": {
            "LONGCALL_ISSUER": pool.issuer,
            "LONGCALL_JWKS_URL": pool.jwks_url,
            "LONGCALL_CLIENT_ID": pool.client_id,
        },
    }
    return {name: {**environment, **options.settings} for name, environment in environments.items()}


def _publishing(graphql_url: str, principal: IamPrincipal) -> dict[str, str]:
    return {
        "LONGCALL_API_URL": graphql_url,
        "AWS_ACCESS_KEY_ID": principal.access_key_id,
        "AWS_SECRET_ACCESS_KEY": principal.secret_access_key,
    }


def _ledger_credentials(ledger: str) -> dict[str, str]:
    """DynamoDB is somebody else's, real or emulated: the relay reaches it with the developer's own AWS settings."""
    if not ledger.startswith(DYNAMODB):
        return {}
    return {name: value for name, value in os.environ.items() if name.startswith("AWS_")}


def _functions(environments: Mapping[str, Mapping[str, str]], *, jobs: int) -> list[FunctionSpec]:
    timeouts = {"inference": INFERENCE_TIMEOUT, "job_failed": SUPERVISOR_TIMEOUT, "sweep": SUPERVISOR_TIMEOUT}
    return [
        FunctionSpec(
            name=name,
            handler=f"app.{name}",
            environment={"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, **environment},
            timeout=timeouts.get(name, REQUEST_TIMEOUT),
            reserved_concurrency=jobs if name == "inference" else None,
            on_failure="job_failed" if name == "inference" else None,
        )
        for name, environment in environments.items()
    ]


def _merged(environments: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """One environment for all handlers: the debug server runs them in one process."""
    merged = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    for environment in environments.values():
        merged.update(environment)
    return merged


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
