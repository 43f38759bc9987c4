"""From wiring, schema and code files to an API that can be executed."""

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final, assert_never

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLSchema,
    GraphQLSyntaxError,
    GraphQLUnionType,
    ListValueNode,
    Source,
    StringValueNode,
    build_ast_schema,
    get_named_type,
    is_object_type,
    parse,
    validate_schema,
)
from graphql.validation.validate import validate_sdl

from appsync_local.authorization.caller import Rule
from appsync_local.authorization.directives import rules_of
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.data_sources import DataSource, LambdaDataSource
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.outbound import Outbound
from appsync_local.errors import ApiInvalid
from appsync_local.javascript.script import Script
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.limits import DEEPEST, DEFAULT_LIMITS, MOST_RESOLVERS, Limits
from appsync_local.resolvers import AnyStage, Direct, Local, Pipeline, Resolver, Stage, Unit
from appsync_local.scalars import BUILT_IN, add_behaviour
from infrastructure.wiring import (
    Api,
    AuthMode,
    Code,
    DynamoDbSource,
    HttpSource,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
    WiringError,
    check,
    function_file,
    resolver_file,
)

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
        outbound: Sends their requests; whoever made it closes it.
        dynamodb: Where the tables of DynamoDB data sources are; None where the wiring has no such source.
    """

    outbound: Outbound = dataclasses.field(default_factory=Outbound)
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
    fields = {f"{type_.name}.{name}" for type_, name, _ in _fields(built)}
    files = {
        path.relative_to(code).as_posix()
        for folder in ("resolvers", "functions")
        for path in (code / folder).glob("*.js")
    }
    try:
        check(api, fields=fields, files=files, handlers=handlers)
    except WiringError as error:
        raise ApiInvalid(error.problems) from error
    resolvers = _resolvers(api, code, invoker, reached or Reached())
    return ExecutableApi(
        schema=built,
        modes=api.modes,
        authorizer=api.authorizer,
        resolvers=resolvers,
        rules=rules_of(built, api.modes, default_action),
        triggers=_triggers(built, schema),
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


def load_schema(path: Path) -> GraphQLSchema:
    """The schema of one file, with what AppSync adds to it.

    Raises:
        ApiInvalid: Names file, line and column of every fault.
    """
    try:
        own = parse(Source(path.read_text(encoding="utf-8"), str(path)))
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise ApiInvalid([f"{path}:{line}: the file is not UTF-8; save it as UTF-8"]) from None
    except OSError as error:
        raise ApiInvalid([f"{path} cannot be read: {error.strerror}; give the path of the schema file"]) from None
    except GraphQLSyntaxError as error:
        raise ApiInvalid([_placed(error, path)]) from None
    document = DocumentNode(definitions=(*parse(BUILT_IN).definitions, *own.definitions))
    faults = validate_sdl(document)
    if not faults:
        schema = build_ast_schema(document, assume_valid_sdl=True)
        faults = validate_schema(schema)
    if faults:
        raise ApiInvalid(_placed(fault, path) for fault in faults)
    add_behaviour(schema)
    return schema


def _placed(error: GraphQLError, path: Path) -> str:
    message = error.message
    if message.startswith("Unknown directive"):
        own = sorted(f"@{name}" for name in re.findall(r"directive @(\w+)", BUILT_IN))
        found = get_close_matches(message.split("'")[1], own, n=1)
        message = f"{message} Did you mean {found[0]}?" if found else f"{message} There are {', '.join(own)}."
    if message.startswith("Query root type"):
        message = f"{message} Add `type Query`."
    if not error.locations:
        return f"{path}: {message}"
    return f"{path}:{error.locations[0].line}:{error.locations[0].column}: {message}"


def _fields(schema: GraphQLSchema) -> Iterator[tuple[GraphQLNamedType, str, GraphQLField]]:
    for type_ in schema.type_map.values():
        if is_object_type(type_) and not type_.name.startswith("__"):
            for name, field in type_.fields.items():
                yield type_, name, field


def _resolvers(api: Api, code: Path, invoker: LambdaInvoker, reached: Reached) -> dict[str, Resolver]:
    sources = _sources(api, invoker, reached)

    def stage(wired: PipelineFunction | UnitResolver, file: str) -> AnyStage:
        source = sources.get(wired.source)
        if source is None:
            return Local(Script(code / file), wired.source)
        if isinstance(source, LambdaDataSource) and wired.max_batch_size:
            source = source.with_batches_of(wired.max_batch_size)
        if wired.code is Code.FILE:
            return Stage(Script(code / file), source, wired.source)
        assert isinstance(source, LambdaDataSource)  # noqa: S101  # the wiring was checked
        return Direct(source, wired.source)

    functions = {function.name: stage(function, function_file(function)) for function in api.functions}
    resolvers: dict[str, Resolver] = {}
    for resolver in api.resolvers:
        match resolver:
            case UnitResolver(field):
                resolvers[field] = Unit(stage(resolver, resolver_file(resolver)))
            case PipelineResolver(field, names):
                script = Script(code / resolver_file(resolver))
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
                sources[name] = _dynamodb(table, reached.dynamodb, reached.outbound, invoker)
            case HttpSource(name, url):
                from appsync_local.data_sources.http import HttpDataSource  # as below

                sources[name] = HttpDataSource(url, reached.outbound)
            case _:
                assert_never(source)
    return sources


def _dynamodb(table: str, endpoint: DynamoDbEndpoint, outbound: Outbound, invoker: LambdaInvoker) -> DataSource:
    # Imported where it is wired, since an API without it is to start as fast as before.
    from appsync_local.data_sources.dynamodb.client import DynamoDbClient
    from appsync_local.data_sources.dynamodb.source import DynamoDbDataSource

    return DynamoDbDataSource(table, DynamoDbClient(endpoint, outbound), invoker)


def _triggers(schema: GraphQLSchema, path: Path) -> dict[str, tuple[str, ...]]:
    """Which subscription fields hear of which mutation, checked as AppSync checks `@aws_subscribe`."""
    problems: list[str] = []
    triggers: dict[str, tuple[str, ...]] = {}
    mutations = schema.mutation_type.fields if schema.mutation_type else {}
    for name, field in (schema.subscription_type.fields if schema.subscription_type else {}).items():
        for mutation in _mutations_of(field):
            if mutation not in mutations:
                problems.append(
                    _at(
                        field,
                        path,
                        f"Subscription.{name} listens to {mutation}, which is no mutation{_meant(mutation, mutations)}",
                    )
                )
            elif get_named_type(mutations[mutation].type) is not get_named_type(field.type):
                problems.append(
                    _at(
                        field,
                        path,
                        f"Subscription.{name} must have the type of Mutation.{mutation}: {mutations[mutation].type}",
                    )
                )
            else:
                triggers[mutation] = (*triggers.get(mutation, ()), name)
    if problems:
        raise ApiInvalid(problems)
    return triggers


def _meant(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else "; add it, or take it out of @aws_subscribe"


def _mutations_of(field: GraphQLField) -> Iterable[str]:
    for directive in (field.ast_node.directives or ()) if field.ast_node else ():
        if directive.name.value == "aws_subscribe":
            for argument in directive.arguments or ():
                value = argument.value
                items = value.values if isinstance(value, ListValueNode) else (value,)
                yield from (item.value for item in items if isinstance(item, StringValueNode))


def _at(field: GraphQLField, path: Path, message: str) -> str:
    location = field.ast_node.loc if field.ast_node else None
    if location is None:
        return f"{path}: {message}"
    start = location.start_token
    return f"{path}:{start.line}:{start.column}: {message}"


def _resolving_types(schema: GraphQLSchema, resolvers: Mapping[str, Resolver]) -> frozenset[str]:
    """Types whose values cannot be completed without running a resolver: a fixed point of the schema."""
    found = {field.split(".", 1)[0] for field in resolvers}
    while True:
        more = set(found)
        for type_, _, field in _fields(schema):
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
