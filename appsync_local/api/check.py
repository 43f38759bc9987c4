"""Checks an API against the schema, the code files and the handlers that exist."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from typing import Final

from appsync_local.api.model import (
    Api,
    AuthMode,
    Code,
    LambdaSource,
    PipelineFunction,
    PipelineResolver,
    Resolver,
    Templates,
    UnitResolver,
    files_of,
)
from appsync_local.errors import ApiInvalid

# Source: AppSync quotas.
MOST_VARIABLES: Final = 50
LONGEST_VARIABLE: Final = 512  # characters of a value
_VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{1,63}")
MOST_FUNCTIONS: Final = 10  # of one pipeline
LARGEST_BATCH: Final = 2000  # payloads


def check(
    api: Api,
    *,
    fields: AbstractSet[str],
    files: AbstractSet[str],
    handlers: AbstractSet[str],
    folder: str = "",
) -> None:
    """Reject an API that does not fit what exists.

    Args:
        api: The API.
        fields: The fields of the schema as `Type.field`.
        files: The code files that exist, such as `resolvers/Query.note.js`, relative to the folder with the code.
        handlers: The names of the Lambda functions that exist.
        folder: The name of the folder with the code, for messages.

    Raises:
        ApiInvalid: The API does not fit; names every problem at once.
    """
    problems = [
        *_repeated("data source", (source.name for source in api.sources)),
        *_repeated("pipeline function", (function.name for function in api.functions)),
        *_repeated("the resolver for", (resolver.field for resolver in api.resolvers)),
        *_authorizer_problems(api, handlers),
    ]
    sources = {source.name for source in api.sources}
    problems.extend(
        f"data source {source.name} invokes {source.function}, and there is no such handler"
        f"{_instead(source.function, handlers)}"
        for source in api.sources
        if isinstance(source, LambdaSource) and source.function not in handlers
    )
    problems.extend(
        f"pipeline function {function.name} uses data source {function.source}, which is not defined"
        f"{_instead(function.source, sources)}"
        for function in api.functions
        if function.source not in sources
    )
    for resolver in api.resolvers:
        problems.extend(_resolver_problems(resolver, api, fields, sources))
    problems.extend(_limit_problems(api))
    problems.extend(_environment_problems(api.environment))
    problems.extend(_file_problems(api, files, f"{folder}/" if folder else ""))
    if problems:
        raise ApiInvalid(problems)


def _file_problems(api: Api, files: AbstractSet[str], prefix: str) -> Iterable[str]:
    needed = {file for unit in (*api.resolvers, *api.functions) for file in files_of(unit)}
    for file in sorted(needed - files):
        advice = _instead(file, files - needed, "write it, or remove what uses it from the API")
        yield f"{prefix}{file} is used and does not exist{advice}"
    for file in sorted(files - needed):
        yield f"{prefix}{file} exists and is not used; add its resolver or function to the API, or delete it"


def _instead(name: str, known: AbstractSet[str], advice: str = "define it") -> str:
    """What to do about an unknown name: use the nearest known one, or follow the advice."""
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; {advice}"


def _repeated(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind} {name} is defined {count} times; keep one" for name, count in Counter(names).items() if count > 1]


def _authorizer_problems(api: Api, handlers: AbstractSet[str]) -> list[str]:
    if not api.modes:
        return ["no authorization mode is given; give one or more, the first one is the default"]
    if (AuthMode.LAMBDA in api.modes) != (api.authorizer is not None):
        return ["AWS_LAMBDA among the modes and an authorizer go together; one of the two is missing"]
    if api.authorizer is not None and api.authorizer not in handlers:
        return [f"the authorizer is {api.authorizer}, and there is no such handler{_instead(api.authorizer, handlers)}"]
    return []


def _environment_problems(environment: Mapping[str, str]) -> Iterable[str]:
    if len(environment) > MOST_VARIABLES:
        yield f"the API has {len(environment)} environment variables; AppSync accepts at most {MOST_VARIABLES}"
    for name, value in environment.items():
        if not _VARIABLE.fullmatch(name):
            yield (
                f"{name!r} is not a name for an environment variable: use 2 to 64 letters, digits and underscores, and "
                "begin with a letter"
            )
        if len(value) > LONGEST_VARIABLE:
            yield f"the environment variable {name} has {len(value)} characters; shorten it to {LONGEST_VARIABLE}"


def _limit_problems(api: Api) -> Iterable[str]:
    invoking = {source.name for source in api.sources if isinstance(source, LambdaSource)}
    for resolver in api.resolvers:
        if isinstance(resolver, PipelineResolver):
            if len(resolver.functions) > MOST_FUNCTIONS:
                found = len(resolver.functions)
                yield f"{resolver.field} has {found} pipeline functions; AppSync allows {MOST_FUNCTIONS}"
        else:
            yield from _lambda_problems(resolver.field, resolver, invoking)
    for function in api.functions:
        yield from _lambda_problems(f"pipeline function {function.name}", function, invoking)


def _lambda_problems(name: str, unit: UnitResolver | PipelineFunction, invoking: AbstractSet[str]) -> Iterable[str]:
    if not 0 <= unit.max_batch_size <= LARGEST_BATCH:
        yield f"{name} has the batch size {unit.max_batch_size}; it must be 0 to {LARGEST_BATCH}"
    if unit.source not in invoking and (unit.code is Code.DIRECT or unit.max_batch_size):
        yield f"{name} has no code or a batch size, and its data source {unit.source} invokes no Lambda function"
    if unit.source not in invoking and isinstance(unit.code, Templates) and unit.code.request is None:
        yield f"{name} has no request template, and its data source {unit.source} invokes no Lambda function; add one"


def _resolver_problems(
    resolver: Resolver, api: Api, fields: AbstractSet[str], sources: AbstractSet[str]
) -> Iterable[str]:
    if resolver.field not in fields:
        near = _instead(resolver.field, fields, "add it to the schema, or remove its resolver")
        yield f"{resolver.field} has a resolver and is not a field of the schema{near}"
    match resolver:
        case UnitResolver(field, source):
            if source not in sources:
                yield f"{field} uses data source {source}, which is not defined{_instead(source, sources)}"
        case PipelineResolver(field, functions):
            known = {function.name for function in api.functions}
            for name in functions:
                if name not in known:
                    yield f"{field} uses pipeline function {name}, which is not defined{_instead(name, known)}"
