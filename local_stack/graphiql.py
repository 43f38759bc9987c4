"""What a developer gets beside the API: GraphiQL with test users signed in, the doctor, and code that reloads."""

import re
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import infrastructure.api
from appsync_local.authorization.user_pools import UserPool
from appsync_local.devtools.doctor import Doctor, TokenRequirements
from appsync_local.devtools.explorer.pages import Explorer, SignInMethod, SignInRefused, Tab, installed_assets
from appsync_local.devtools.reload import FileWatcher, Reloader
from appsync_local.functions.import_check import rehearse
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.snapshot import Snapshots
from appsync_local.functions.spec import FunctionSpec
from appsync_local.http.server import Engine
from chalicelib.api.authorizer import PREFIX
from local_stack.blueprint import Blueprint
from local_stack.services.cognito import Pool
from longcall import CognitoPassword, CognitoToken, LambdaToken
from longcall.errors import LongcallError

HANDLERS: Final = ("app.py",)
HANDLER_FOLDERS: Final = ("chalicelib",)
OPERATIONS: Final = Path(__file__).with_name("explorer")
STORY: Final = "simulated.story"
RENEWAL: Final = "sign in again: longcall token --header"


class TestUsers:
    """The test users of a pool, as GraphiQL signs them in."""

    methods: Sequence[SignInMethod] = (
        SignInMethod("lambda", "the Lambda authorizer"),
        SignInMethod("cognito", "the user pool"),
    )

    def __init__(self, pool: Pool) -> None:
        self._providers = {
            user.username: CognitoPassword(
                pool.region, pool.client_id, user.username, user.password, endpoint_url=pool.endpoint
            )
            for user in pool.users
        }
        self.users: Sequence[str] = tuple(self._providers)

    async def headers(self, user: str, method: str) -> Mapping[str, str]:
        """See `SignIn`."""
        provider = self._providers.get(user)
        if provider is None or method not in {known.name for known in self.methods}:
            raise SignInRefused(f"no test user {user} can sign in through {method}; choose from the lists")
        authorization = LambdaToken(provider) if method == "lambda" else CognitoToken(provider)
        try:
            return await authorization.headers()
        except LongcallError as error:
            raise SignInRefused(f"{user} was not signed in: {error}") from error


def tabs() -> list[Tab]:
    """The operations that GraphiQL begins with, all about one job that is yet to be started."""
    job_id = str(uuid.uuid4())
    prompt = {"jobId": job_id, "prompt": "a story about a letter that came twice", "model": STORY, "processTime": 10}
    variables: list[dict[str, object]] = [{"jobId": job_id}, {"input": prompt}, {"jobId": job_id}, {}]
    queries = [path.read_text(encoding="utf-8") for path in sorted(OPERATIONS.glob("*.graphql"))]
    return [Tab(query, given) for query, given in zip(queries, variables, strict=True)]


def offer_tools(engine: Engine, pool: Pool) -> None:
    """Serve GraphiQL and the doctor beside an engine's API; it has to be listening."""
    engine.offer(
        Explorer(
            title="Longcall, on this machine", realtime_url=engine.realtime_url, sign_in=TestUsers(pool), tabs=tabs,
            assets=installed_assets(),
        )
    )  # fmt: skip
    engine.offer(Doctor(lambda: engine.served, TokenRequirements((user_pool(pool),), PREFIX, RENEWAL)))


def user_pool(pool: Pool) -> UserPool:
    """The stack's pool, as the engine verifies its tokens."""
    return UserPool(pool.issuer, pool.jwks_url, re.escape(pool.client_id))


async def faults(root: Path, functions: Sequence[FunctionSpec]) -> Sequence[str]:
    """What keeps the handlers from being started, with file and line."""
    return await rehearse(root, {function.handler for function in functions})


class WatchedHandlers:
    """Workers that import a copy of the handlers' code: the last one that could be imported."""

    def __init__(self, runtime: FunctionRuntime, snapshots: Snapshots) -> None:
        self._runtime = runtime
        self._snapshots = snapshots

    def renew(self) -> None:
        """See `Renewable`."""
        self._snapshots.take()
        self._runtime.renew()


def snapshots_of(blueprint: Blueprint, data: Path) -> Snapshots:
    """Copies of the handlers' code, the first one taken."""
    snapshots = Snapshots(blueprint.root, (*HANDLERS, *HANDLER_FOLDERS), data / "handlers")
    snapshots.take()
    return snapshots


def watch_of(engine: Engine, runtime: FunctionRuntime, blueprint: Blueprint, snapshots: Snapshots) -> FileWatcher:
    """Takes up what changes in schema, resolvers and handlers; to be started and stopped."""
    root, wiring = blueprint.root, Path(infrastructure.api.__file__)
    handlers = {function.handler for function in blueprint.functions}
    reloader = Reloader(
        root, engine, WatchedHandlers(runtime, snapshots), lambda changed: rehearse(root, handlers, changed),
        fixed=frozenset({wiring}),
    )  # fmt: skip
    folders = {blueprint.schema.parent, blueprint.code, *(root / name for name in HANDLER_FOLDERS)}
    files = {wiring, *(root / name for name in HANDLERS)}
    return FileWatcher(reloader, folders=sorted(folders), files=sorted(files))
