"""What a running stack tells its clients: addresses, users and keys, also as files in the data folder."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from appsync_local.api.endpoints import authority
from appsync_local.authorization.api_keys import ApiKey
from appsync_local.authorization.sigv4 import IamPrincipal
from appsync_local.functions.spec import FunctionSpec
from local_stack.blueprint import Blueprint, LocalApi, api_path
from local_stack.callers import Callers
from local_stack.data_folder import PRIVATE_FILE
from local_stack.services.bucket import BUCKET
from local_stack.services.cognito.pool import Pool

if TYPE_CHECKING:
    from appsync_local.http.server import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
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
        has_console: Whether the console is served, and not only the explorer.
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


def api_urls(blueprint: Blueprint, *, host: str, port: int) -> dict[str, str]:
    """The URLs of the APIs, by name."""
    address = f"http://{authority(host, port)}"
    return {it.name: f"{address}{api_path(it.name, of=len(blueprint.apis))}" for it in blueprint.apis}


def stack_of(
    engine: "Engine",
    blueprint: Blueprint,
    *,
    host: str,
    port: int,
    pool: Pool,
    bucket_url: str,
    dynamodb_url: str | None,
    operator: IamPrincipal,
) -> Stack:
    """The description of a stack whose engine is running; see `Stack` for the arguments."""
    urls = api_urls(blueprint, host=host, port=port)
    return Stack(
        graphql_url=engine.graphql_url,
        realtime_url=engine.realtime_url,
        chaos_url=engine.chaos_url,
        meter_url=engine.meter_url,
        pool=pool,
        bucket_url=bucket_url,
        dynamodb_url=dynamodb_url,
        operator=operator,
        api_keys=tuple(key for it in blueprint.apis for key in it.api_keys),
        api_urls=urls if len(urls) > 1 else {},
        callers=tuple(_callers(api, urls[api.name]) for api in blueprint.apis),
        ledger=blueprint.ledger,
        type_prefix=blueprint.type_prefix,
        has_console=blueprint.has_console,
        warnings=blueprint.warnings,
    )


def _callers(api: LocalApi, url: str) -> Callers:
    return Callers(url, api.api.modes, tuple(it.key for it in api.api_keys), api.api.authorizer)


@contextlib.contextmanager
def description_files(stack: Stack, functions: Iterable[FunctionSpec], data: Path) -> Iterator[None]:
    """Keep `stack.json` and `environment.json` in the data folder until the block ends.

    `environment.json` is for the debug server: the environment of each handler. They differ, for example in their
    roles' keys.
    """
    environments = {it.handler.rpartition(".")[2]: dict(it.environment) for it in functions}
    with (
        _temporary_file(data / "stack.json", stack.describe()),
        _temporary_file(data / "environment.json", environments),
    ):
        yield


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
