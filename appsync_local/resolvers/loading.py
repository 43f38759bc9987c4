"""From wiring, schema and code files to an API that can be executed."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final, assert_never

from graphql import (
    GraphQLInterfaceType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
)

from appsync_local.api.check import check
from appsync_local.api.limits import DEEPEST, DEFAULT_LIMITS, MOST_RESOLVERS, Limits
from appsync_local.api.model import (
    Api,
    AuthMode,
    DynamoDbSource,
    HttpSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
    code_file,
)
from appsync_local.api.schema import load_schema, object_fields, triggers_of
from appsync_local.authorization.caller import Rule
from appsync_local.authorization.directives import rules_of
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.data_sources import DataSource, LambdaDataSource
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.errors import ApiInvalid
from appsync_local.javascript.script import Script
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.resolvers.resolution import AnyStage, Direct, Local, Pipeline, Resolver, Stage, Unit

# Modes that an API has once at most; it may have several user pools and providers.
SINGLE_MODES: Final = (AuthMode.API_KEY, AuthMode.IAM, AuthMode.LAMBDA)


@dataclass(frozen=True, slots=True)
class ExecutableApi:
    """Everything that a request needs to know about the API.

    Args:
        schema: The schema, with AppSync's scalars and directives in it.
        modes: Authorization modes; the first one is the default.
        authorizer: The Lambda authorizer's function, where `AuthMode.LAMBDA` is among the modes.
        resolvers: By `Type.field`.
        rules: Who may use a field, by `Type.field`.
        triggers: By mutation field: the subscription fields that hear of it.
        resolving_types: Names of the types in which, or below which, a field has a resolver.
        limits: What one operation may ask for.
    """

    schema: GraphQLSchema
    modes: tuple[AuthMode, ...]
    authorizer: str | None
    resolvers: Mapping[str, Resolver]
    rules: Mapping[str, Rule]
    triggers: Mapping[str, tuple[str, ...]]
    resolving_types: frozenset[str]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Reached:
    """What data sources reach outside of the engine.

    Args:
        http_client: Sends their requests; whoever made it closes it.
        dynamodb: Where the tables of DynamoDB data sources are; None where the wiring has no such source.
    """

    http_client: HttpClient = dataclasses.field(default_factory=HttpClient)
    dynamodb: DynamoDbEndpoint | None = None


def load(
    api: Api,
    *,
    schema: Path,
    code: Path,
    handlers: AbstractSet[str],
    invoker: LambdaInvoker,
    default_action: DefaultAction = DefaultAction.ALLOW,
    limits: Limits = DEFAULT_LIMITS,
    reached: Reached | None = None,
) -> ExecutableApi:
    """Make an API executable.

    Args:
        api: The wiring.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        handlers: Names of the Lambda functions that exist.
        invoker: Runs them.
        default_action: What holds for fields without directives where user pools are the only mode.
        limits: What one operation may ask for.
        reached: What data sources reach outside of the engine.

    Raises:
        ApiInvalid: Schema, wiring or code do not fit; names every problem of the first kind found.
    """
    problems = [*_mode_problems(api.modes, default_action), *_limit_problems(limits)]
    if problems:
        raise ApiInvalid(problems)
    built = load_schema(schema)
    fields = {f"{type_.name}.{name}" for type_, name, _ in object_fields(built)}
    files = {
        path.relative_to(code).as_posix()
        for folder in ("resolvers", "functions")
        for path in (code / folder).glob("*.js")
    }
    check(api, fields=fields, files=files, handlers=handlers, folder=code.name)
    resolvers = _resolvers(api, code, invoker, reached or Reached())
    return ExecutableApi(
        schema=built,
        modes=api.modes,
        authorizer=api.authorizer,
        resolvers=resolvers,
        rules=rules_of(built, api.modes, default_action),
        triggers=triggers_of(built, schema),
        resolving_types=_resolving_types(built, resolvers),
        limits=limits,
    )


def _mode_problems(modes: tuple[AuthMode, ...], default_action: DefaultAction) -> Iterator[str]:
    for mode, times in Counter(modes).items():
        if mode in SINGLE_MODES and times > 1:
            yield f"{mode.value} is among the modes {times} times; an API has it once"
    if default_action is DefaultAction.DENY and set(modes) != {AuthMode.COGNITO}:
        yield "the default action DENY needs AMAZON_COGNITO_USER_POOLS as the only mode; take it or the others away"


def _limit_problems(limits: Limits) -> Iterator[str]:
    if not 0 <= limits.depth <= DEEPEST:
        yield f"the depth limit is {limits.depth}; it is 0 for none, or 1 to {DEEPEST}"
    if not 1 <= limits.resolvers <= MOST_RESOLVERS:
        yield f"the limit of resolvers is {limits.resolvers}; it is 1 to {MOST_RESOLVERS}"


def _resolvers(api: Api, code: Path, invoker: LambdaInvoker, reached: Reached) -> dict[str, Resolver]:
    sources = _sources(api, invoker, reached)
    units = (*api.resolvers, *api.functions)
    scripts = {file: Script(code / file) for file in dict.fromkeys(map(code_file, units)) if file is not None}

    def stage(wired: PipelineFunction | UnitResolver) -> AnyStage:
        source, file = sources.get(wired.source), code_file(wired)
        if isinstance(source, LambdaDataSource) and wired.max_batch_size:
            source = source.with_batches_of(wired.max_batch_size)
        if file is None:
            assert isinstance(source, LambdaDataSource)  # noqa: S101  # the wiring was checked
            return Direct(source, wired.source)
        return Local(scripts[file], wired.source) if source is None else Stage(scripts[file], source, wired.source)

    functions = {function.name: stage(function) for function in api.functions}
    resolvers: dict[str, Resolver] = {}
    for resolver in api.resolvers:
        match resolver:
            case UnitResolver(field):
                resolvers[field] = Unit(stage(resolver))
            case PipelineResolver(field, names):
                script = scripts[str(code_file(resolver))]  # a pipeline always has code
                resolvers[field] = Pipeline(script, tuple(functions[name] for name in names))
            case _:
                assert_never(resolver)
    return resolvers


def _sources(api: Api, invoker: LambdaInvoker, reached: Reached) -> dict[str, DataSource]:
    """Those that anything is asked of: all but NONE."""
    sources: dict[str, DataSource] = {}
    for source in api.sources:
        match source:
            case LambdaSource(name, function):
                sources[name] = LambdaDataSource(function, invoker)
            case NoneSource():
                pass
            case DynamoDbSource(name, table):
                if reached.dynamodb is None:
                    raise ApiInvalid(
                        [f"data source {name} works on table {table}, and no DynamoDB endpoint is given; give one"]
                    )
                sources[name] = _dynamodb(table, reached.dynamodb, reached.http_client, invoker)
            case HttpSource(name, url):
                from appsync_local.data_sources.http import HttpDataSource  # as below

                sources[name] = HttpDataSource(url, reached.http_client)
            case _:
                assert_never(source)
    return sources


def _dynamodb(table: str, endpoint: DynamoDbEndpoint, http_client: HttpClient, invoker: LambdaInvoker) -> DataSource:
    # Imported where it is wired, since an API without it is to start as fast as before.
    from appsync_local.data_sources.dynamodb.client import DynamoDbClient
    from appsync_local.data_sources.dynamodb.source import DynamoDbDataSource

    return DynamoDbDataSource(table, DynamoDbClient(endpoint, http_client), invoker)


def _resolving_types(schema: GraphQLSchema, resolvers: Mapping[str, Resolver]) -> frozenset[str]:
    """Types whose values cannot be completed without running a resolver: a fixed point of the schema."""
    found = {field.split(".", 1)[0] for field in resolvers}
    while True:
        more = set(found)
        for type_, _, field in object_fields(schema):
            if get_named_type(field.type).name in found:
                more.add(type_.name)
        for type_ in schema.type_map.values():
            if isinstance(type_, GraphQLInterfaceType | GraphQLUnionType) and any(
                possible.name in found for possible in schema.get_possible_types(type_)
            ):
                more.add(type_.name)
        if more == found:
            return frozenset(found)
        found = more
