"""The API as plain data: what the stack on AWS and the engine on one machine must agree on, and nothing else.

Per-field authorization stands in the schema's directives; code paths are derived from names (`resolver_file`,
`function_file`); memory, time-outs and permissions belong to the stack.
"""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum
from typing import Final

MOST_FUNCTIONS: Final = 10  # of one pipeline
LARGEST_BATCH: Final = 2000  # payloads


class AuthMode(Enum):
    """AppSync's authorization modes, spelt as its API spells them."""

    LAMBDA = "AWS_LAMBDA"
    COGNITO = "AMAZON_COGNITO_USER_POOLS"
    IAM = "AWS_IAM"
    OIDC = "OPENID_CONNECT"
    API_KEY = "API_KEY"

    # An enum's own is Python code, and the engine looks modes up several times for each request.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class LambdaSource:
    """A data source that invokes the Lambda function of one handler in `app.py`."""

    name: str
    function: str


@dataclass(frozen=True, slots=True)
class NoneSource:
    """A data source that answers with the request's own payload."""

    name: str


@dataclass(frozen=True, slots=True)
class DynamoDbSource:
    """A data source that works on one DynamoDB table."""

    name: str
    table: str


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A data source that sends requests to one address, such as `https://api.example.com`."""

    name: str
    url: str


DataSource = LambdaSource | NoneSource | DynamoDbSource | HttpSource


class Code(Enum):
    """Whether a resolver or pipeline function has code of its own."""

    FILE = "a file, whose name follows from the resolver's"
    DIRECT = "none: the Lambda function is given the whole context"


@dataclass(frozen=True, slots=True)
class PipelineFunction:
    """One step of a pipeline: its code and the data source it talks to.

    `max_batch_size` is how many payloads go into one Lambda invocation; 0 leaves it to AppSync.
    """

    name: str
    source: str
    code: Code = Code.FILE
    max_batch_size: int = 0


@dataclass(frozen=True, slots=True)
class UnitResolver:
    """A field answered by one data source; `max_batch_size` as in `PipelineFunction`."""

    field: str
    source: str
    code: Code = Code.FILE
    max_batch_size: int = 0


@dataclass(frozen=True, slots=True)
class PipelineResolver:
    """A field answered by pipeline functions, one after another."""

    field: str
    functions: tuple[str, ...]


Resolver = UnitResolver | PipelineResolver


@dataclass(frozen=True, slots=True)
class Api:
    """One GraphQL API. The first mode is the default one; `authorizer` is a handler, and needs `AuthMode.LAMBDA`."""

    modes: tuple[AuthMode, ...]
    authorizer: str | None
    sources: tuple[DataSource, ...]
    functions: tuple[PipelineFunction, ...]
    resolvers: tuple[Resolver, ...]


def resolver_file(resolver: Resolver) -> str:
    """Path of a resolver's code, relative to `graphql/`."""
    return f"resolvers/{resolver.field}.js"


def function_file(function: PipelineFunction) -> str:
    """Path of a pipeline function's code, relative to `graphql/`."""
    return f"functions/{function.name}.js"


class WiringError(Exception):
    """The wiring does not fit schema, files or handlers; `problems` has one sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the wiring does not fit:\n" + "\n".join(f"  - {problem}" for problem in self.problems))


def check(api: Api, *, fields: AbstractSet[str], files: AbstractSet[str], handlers: AbstractSet[str]) -> None:
    """Refuse wiring that does not fit what exists.

    Args:
        api: The wiring.
        fields: Fields of the schema as `Type.field`.
        files: Code files found, relative to `graphql/`, such as `resolvers/Query.getInference.js`.
        handlers: Names of the handlers in `app.py`.

    Raises:
        WiringError: Names every problem at once.
    """
    problems = [
        *_repeated("data source", (source.name for source in api.sources)),
        *_repeated("pipeline function", (function.name for function in api.functions)),
        *_repeated("resolver for", (resolver.field for resolver in api.resolvers)),
        *_authorizer_problems(api, handlers),
    ]
    sources = {source.name for source in api.sources}
    problems.extend(
        f"data source {source.name} invokes {source.function}, which is no handler in app.py"
        f"{_instead(source.function, handlers)}"
        for source in api.sources
        if isinstance(source, LambdaSource) and source.function not in handlers
    )
    problems.extend(
        f"pipeline function {function.name} uses data source {function.source}, which is not wired"
        f"{_instead(function.source, sources)}"
        for function in api.functions
        if function.source not in sources
    )
    for resolver in api.resolvers:
        problems.extend(_resolver_problems(resolver, api, fields, sources))
    problems.extend(_limit_problems(api))
    needed = {
        *(resolver_file(r) for r in api.resolvers if isinstance(r, PipelineResolver) or r.code is Code.FILE),
        *(function_file(f) for f in api.functions if f.code is Code.FILE),
    }
    problems.extend(
        f"graphql/{file} is wired and does not exist{_instead(file, files - needed, 'write it, or unwire it')}"
        for file in sorted(needed - files)
    )
    problems.extend(
        f"graphql/{file} exists and is not wired; wire it in infrastructure/api.py, or delete it"
        for file in sorted(files - needed)
    )
    if problems:
        raise WiringError(problems)


def _instead(name: str, known: AbstractSet[str], advice: str = "wire or define it") -> str:
    """What to do about a name that nothing has: perhaps another one was meant."""
    near = get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else f"; {advice}"


def _repeated(kind: str, names: Iterable[str]) -> list[str]:
    return [f"{kind} {name} is wired {count} times; keep one" for name, count in Counter(names).items() if count > 1]


def _authorizer_problems(api: Api, handlers: AbstractSet[str]) -> list[str]:
    if not api.modes:
        return ["no authorization mode is given; give one or more, the first one is the default"]
    if (AuthMode.LAMBDA in api.modes) != (api.authorizer is not None):
        return ["AWS_LAMBDA among the modes and an authorizer go together; one of the two is missing"]
    if api.authorizer is not None and api.authorizer not in handlers:
        return [
            f"the authorizer is {api.authorizer}, which is no handler in app.py{_instead(api.authorizer, handlers)}"
        ]
    return []


def _limit_problems(api: Api) -> Iterable[str]:
    """Source: AppSync quotas: functions of a pipeline, and the batch size of a Lambda data source."""
    invoking = {source.name for source in api.sources if isinstance(source, LambdaSource)}
    for resolver in api.resolvers:
        if isinstance(resolver, PipelineResolver):
            if len(resolver.functions) > MOST_FUNCTIONS:
                found = len(resolver.functions)
                yield f"{resolver.field} has {found} pipeline functions; AppSync takes {MOST_FUNCTIONS}"
        else:
            yield from _lambda_problems(resolver.field, resolver, invoking)
    for function in api.functions:
        yield from _lambda_problems(f"pipeline function {function.name}", function, invoking)


def _lambda_problems(name: str, wired: UnitResolver | PipelineFunction, invoking: AbstractSet[str]) -> Iterable[str]:
    if not 0 <= wired.max_batch_size <= LARGEST_BATCH:
        yield f"{name} has the batch size {wired.max_batch_size}; it is 0 to {LARGEST_BATCH}"
    if wired.source not in invoking and (wired.code is Code.DIRECT or wired.max_batch_size):
        yield f"{name} has no code or a batch size, and its data source {wired.source} invokes no Lambda function"


def _resolver_problems(
    resolver: Resolver, api: Api, fields: AbstractSet[str], sources: AbstractSet[str]
) -> Iterable[str]:
    if resolver.field not in fields:
        near = _instead(resolver.field, fields, "add it to graphql/schema.graphql, or unwire its resolver")
        yield f"{resolver.field} has a resolver and is no field of the schema{near}"
    match resolver:
        case UnitResolver(field, source):
            if source not in sources:
                yield f"{field} uses data source {source}, which is not wired{_instead(source, sources)}"
        case PipelineResolver(field, functions):
            known = {function.name for function in api.functions}
            for name in functions:
                if name not in known:
                    yield f"{field} uses pipeline function {name}, which is not wired{_instead(name, known)}"
