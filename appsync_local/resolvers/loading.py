"""Loads an API: its definition, its schema and its code files become an API that can be executed."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
    Code,
    PipelineFunction,
    PipelineResolver,
    Templates,
    UnitResolver,
    code_file,
)
from appsync_local.api.model import Resolver as ResolverValue
from appsync_local.api.schema import load_schema, object_fields, triggers_of
from appsync_local.authorization.caller import Rule
from appsync_local.authorization.directives import rules_of
from appsync_local.authorization.user_pools import DefaultAction
from appsync_local.data_sources import LambdaDataSource
from appsync_local.data_sources.creation import ExternalServices, data_sources_of
from appsync_local.errors import ApiInvalid
from appsync_local.javascript.script import Script
from appsync_local.lambda_invoker import LambdaInvoker
from appsync_local.resolvers.file_check import code_files, file_problems
from appsync_local.resolvers.resolution import (
    DirectFunction,
    Handlers,
    LocalFunction,
    Pipeline,
    Resolver,
    ResolverFunction,
    SourceFunction,
    Unit,
)

# Modes that an API may have only once; it may have several user pools and providers.
SINGLE_MODES: Final = (AuthMode.API_KEY, AuthMode.IAM, AuthMode.LAMBDA)


@dataclass(frozen=True, slots=True)
class ExecutableApi:
    """An API that is ready to execute requests.

    Args:
        schema: The schema, with AppSync's scalars and directives.
        modes: Authorization modes; the first one is the default.
        authorizer: The function of the Lambda authorizer; None unless `AuthMode.LAMBDA` is among the modes.
        resolvers: By `Type.field`.
        rules: Who may use a field, by `Type.field`.
        triggers: By mutation field: the subscription fields that receive its results.
        resolving_types: Names of the types that have a field with a resolver, in themselves or at any depth below.
        limits: The limits of one operation.
        environment: `ctx.env` of resolver code.
    """

    schema: GraphQLSchema
    modes: tuple[AuthMode, ...]
    authorizer: str | None
    resolvers: Mapping[str, Resolver]
    rules: Mapping[str, Rule]
    triggers: Mapping[str, tuple[str, ...]]
    resolving_types: frozenset[str]
    limits: Limits
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)


def load(
    api: Api,
    *,
    schema: Path,
    code: Path,
    handlers: AbstractSet[str],
    invoker: LambdaInvoker,
    default_action: DefaultAction = DefaultAction.ALLOW,
    limits: Limits = DEFAULT_LIMITS,
    services: ExternalServices | None = None,
) -> ExecutableApi:
    """Make an API executable.

    Args:
        api: The definition of the API.
        schema: The schema file.
        code: The folder with `resolvers/` and `functions/`.
        handlers: Names of the Lambda functions that exist.
        invoker: Runs them.
        default_action: The rule for fields without directives if user pools are the only mode.
        limits: The limits of one operation.
        services: The services that data sources use.

    Raises:
        ApiInvalid: Schema, API or code is invalid; names every problem of its definition or of its schema, and of
            every code file.
    """
    try:
        return _load(
            api, schema=schema, code=code, handlers=handlers, invoker=invoker, default_action=default_action,
            limits=limits, services=services or ExternalServices(),
        )  # fmt: skip
    except ApiInvalid as invalid:
        raise ApiInvalid(dict.fromkeys((*invalid.problems, *file_problems(schema, code)))) from None


def _load(
    api: Api,
    *,
    schema: Path,
    code: Path,
    handlers: AbstractSet[str],
    invoker: LambdaInvoker,
    default_action: DefaultAction,
    limits: Limits,
    services: ExternalServices,
) -> ExecutableApi:
    problems = [*_mode_problems(api.modes, default_action), *_limit_problems(limits)]
    if problems:
        raise ApiInvalid(problems)
    built = load_schema(schema)
    fields = {f"{type_.name}.{name}" for type_, name, _ in object_fields(built)}
    files = {path.relative_to(code).as_posix() for path in code_files(code)}
    check(api, fields=fields, files=files, handlers=handlers, folder=code.name)
    resolvers = _resolvers(api, code, invoker, services)
    return ExecutableApi(
        schema=built,
        modes=api.modes,
        authorizer=api.authorizer,
        resolvers=resolvers,
        rules=rules_of(built, api.modes, default_action),
        triggers=triggers_of(built, schema),
        resolving_types=_resolving_types(built, resolvers),
        limits=limits,
        environment=api.environment,
    )


def _mode_problems(modes: tuple[AuthMode, ...], default_action: DefaultAction) -> Iterator[str]:
    for mode, times in Counter(modes).items():
        if mode in SINGLE_MODES and times > 1:
            yield f"{mode.value} is among the modes {times} times; an API may have it once"
    if default_action is DefaultAction.DENY and set(modes) != {AuthMode.COGNITO}:
        yield "the default action DENY needs AMAZON_COGNITO_USER_POOLS as the only mode; remove it, or the other modes"


def _limit_problems(limits: Limits) -> Iterator[str]:
    if not 0 <= limits.depth <= DEEPEST:
        yield f"the depth limit is {limits.depth}; it must be 0 for no limit, or 1 to {DEEPEST}"
    if not 1 <= limits.resolvers <= MOST_RESOLVERS:
        yield f"the limit of resolvers is {limits.resolvers}; it must be 1 to {MOST_RESOLVERS}"


def _resolvers(api: Api, code: Path, invoker: LambdaInvoker, services: ExternalServices) -> dict[str, Resolver]:
    sources = data_sources_of(api, invoker, services)
    handlers_of = _handlers(api, code)

    def function_of(one: PipelineFunction | UnitResolver) -> ResolverFunction:
        source = sources.get(one.source)
        if isinstance(source, LambdaDataSource) and one.max_batch_size:
            source = source.with_batches_of(one.max_batch_size)
        if one.code is Code.DIRECT:
            assert isinstance(source, LambdaDataSource)  # noqa: S101  # `check` rejects other data sources without code
            return DirectFunction(source, one.source)
        handlers = handlers_of(one)
        if source is None:
            return LocalFunction(handlers, one.source)
        return SourceFunction(handlers, source, one.source)

    functions = {function.name: function_of(function) for function in api.functions}
    resolvers: dict[str, Resolver] = {}
    for resolver in api.resolvers:
        match resolver:
            case UnitResolver(field):
                resolvers[field] = Unit(function_of(resolver))
            case PipelineResolver(field, names):
                resolvers[field] = Pipeline(handlers_of(resolver), tuple(functions[name] for name in names))
            case _:
                assert_never(resolver)
    return resolvers


def _handlers(api: Api, code: Path) -> Callable[[ResolverValue | PipelineFunction], Handlers]:
    """Loads the code or the templates of a resolver or pipeline function; each code file once."""
    files = dict.fromkeys(map(code_file, (*api.resolvers, *api.functions)))
    scripts = {file: Script(code / file) for file in files if file is not None}

    def handlers_of(unit: ResolverValue | PipelineFunction) -> Handlers:
        if not isinstance(unit.code, Templates):
            return scripts[str(code_file(unit))]
        from appsync_local.velocity.templates import load_templates  # imported on use: most APIs have no templates

        return load_templates(unit, code)

    return handlers_of


def _resolving_types(schema: GraphQLSchema, resolvers: Mapping[str, Resolver]) -> frozenset[str]:
    """Types whose values may need a resolver to be completed: grows until no type is added."""
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
