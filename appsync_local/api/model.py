"""An API as plain data: authorization modes, data sources, resolvers and pipeline functions.

A deployment to AWS and the engine can read the same value. The rest is elsewhere: per-field authorization is in the
schema's directives, and a code file is named after its field or pipeline function unless `CodeFile` names another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal


class AuthMode(Enum):
    """AppSync's authorization modes, spelt as its API spells them."""

    LAMBDA = "AWS_LAMBDA"
    COGNITO = "AMAZON_COGNITO_USER_POOLS"
    IAM = "AWS_IAM"
    OIDC = "OPENID_CONNECT"
    API_KEY = "API_KEY"

    # The hash of an enum is Python code; the engine looks modes up several times for each request.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class LambdaSource:
    """A data source that invokes one Lambda function."""

    name: str
    function: str


@dataclass(frozen=True, slots=True)
class NoneSource:
    """A data source that returns the payload of the request."""

    name: str


@dataclass(frozen=True, slots=True)
class DynamoDbSource:
    """A data source that reads and writes one DynamoDB table."""

    name: str
    table: str


@dataclass(frozen=True, slots=True)
class HttpSigning:
    """How an HTTP data source signs: the region, and the name that signatures have for the service, as `states`."""

    region: str
    service: str


@dataclass(frozen=True, slots=True)
class HttpSource:
    """A data source that sends requests to one address, such as `https://api.example.com`; signed, or not (None)."""

    name: str
    url: str
    signing: HttpSigning | None = None


@dataclass(frozen=True, slots=True)
class EventBridgeSource:
    """A data source that sends events to one event bus, given by its ARN or its name."""

    name: str
    bus: str


@dataclass(frozen=True, slots=True)
class RdsSource:
    """A data source that runs statements on a relational database, which is named by its cluster."""

    name: str
    cluster: str


@dataclass(frozen=True, slots=True)
class BedrockSource:
    """A data source that calls models of the Amazon Bedrock runtime."""

    name: str


DataSource = LambdaSource | NoneSource | DynamoDbSource | HttpSource | EventBridgeSource | RdsSource | BedrockSource


class Code(Enum):
    """Whether a resolver or pipeline function has code, when no `CodeFile` is named."""

    FILE = "a file, named after the field or the pipeline function"
    DIRECT = "none: the Lambda function receives the whole context"


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A code file with a name of its own, which several resolvers and pipeline functions may share.

    Args:
        path: The file, relative to the folder with the API's code, such as `resolvers/relay.js`.
    """

    path: str


@dataclass(frozen=True, slots=True)
class Templates:
    """Mapping templates in VTL, as files relative to the folder with the API's code.

    Args:
        request: The request template, such as `resolvers/Query.note.request.vtl`. None: the Lambda function receives
            the whole context, and before a pipeline nothing runs.
        response: The response template. None: the result is returned, or its error is raised.
    """

    request: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class PipelineFunction:
    """One step of a pipeline: its code and its data source.

    Args:
        name: Unique in the API.
        source: Name of the data source.
        code: Whether the function has a code file, and which one if it is not `functions/<name>.js`; or its templates.
        max_batch_size: The most payloads of one Lambda invocation, up to 2,000; 0: no batches.
    """

    name: str
    source: str
    code: Code | CodeFile | Templates = Code.FILE
    max_batch_size: int = 0


@dataclass(frozen=True, slots=True)
class UnitResolver:
    """A field, as `Type.field`, that one data source answers.

    `code` and `max_batch_size` are as in `PipelineFunction`; the file is `resolvers/<Type>.<field>.js` by default.
    """

    field: str
    source: str
    code: Code | CodeFile | Templates = Code.FILE
    max_batch_size: int = 0


@dataclass(frozen=True, slots=True)
class PipelineResolver:
    """A field, as `Type.field`, that pipeline functions answer, one after another; it has code or templates."""

    field: str
    functions: tuple[str, ...]
    code: Literal[Code.FILE] | CodeFile | Templates = Code.FILE


Resolver = UnitResolver | PipelineResolver


@dataclass(frozen=True, slots=True)
class Api:
    """One GraphQL API.

    Args:
        modes: Authorization modes; the first one is the default.
        authorizer: The handler of the Lambda authorizer; None unless `AuthMode.LAMBDA` is among the modes.
        sources: Data sources, with unique names.
        functions: Pipeline functions, with unique names.
        resolvers: At most one for each field.
        environment: The API's environment variables: `ctx.env` of resolver code.
    """

    modes: tuple[AuthMode, ...]
    authorizer: str | None
    sources: tuple[DataSource, ...]
    functions: tuple[PipelineFunction, ...]
    resolvers: tuple[Resolver, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def code_file(unit: Resolver | PipelineFunction) -> str | None:
    """Path of the JavaScript of a resolver or pipeline function, relative to the folder with the API's code.

    None: it has no code, or templates.
    """
    if isinstance(unit.code, Templates):
        return None
    if isinstance(unit.code, CodeFile):
        return unit.code.path
    if unit.code is Code.DIRECT:
        return None
    if isinstance(unit, PipelineFunction):
        return f"functions/{unit.name}.js"
    return f"resolvers/{unit.field}.js"


def files_of(unit: Resolver | PipelineFunction) -> tuple[str, ...]:
    """Paths of the code file or of the templates of a resolver or pipeline function; may be empty."""
    if isinstance(unit.code, Templates):
        found: tuple[str | None, ...] = (unit.code.request, unit.code.response)
    else:
        found = (code_file(unit),)
    return tuple(path for path in found if path is not None)
