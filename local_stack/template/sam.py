"""Turns the resources of the Serverless Application Model into CloudFormation's, as AWS does when it deploys them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from local_stack.function_environment import REGION
from local_stack.template.document import LOCAL, S3, TemplateInvalid
from local_stack.template.reading import line_of

SERVERLESS: Final = "AWS::Serverless::"
FUNCTION: Final = "AWS::Serverless::Function"
# Properties that mean the same for a Lambda function. CDK writes functions that have no others, with a role.
PLAIN: Final = frozenset(
    {
        "Architectures", "CodeUri", "DeadLetterConfig", "Description", "Environment", "FunctionName", "Handler",
        "Layers", "LoggingConfig", "MemorySize", "ReservedConcurrentExecutions", "Role", "Runtime", "Tags", "Timeout",
        "Tracing",
    }
)  # fmt: skip
LOCATIONS: Final = frozenset({"CodeUri", "ContentUri", "DefinitionUri", "SchemaUri"})
GATEWAYS: Final = {
    "AWS::Serverless::Api": "AWS::ApiGateway::RestApi", "AWS::Serverless::HttpApi": "AWS::ApiGatewayV2::Api",
}  # fmt: skip
_RESOURCE: Final = re.compile(r"\[(\w+)\]")
GATEWAY_EVENTS: Final = ("Api", "HttpApi")
# What SAM adds for functions with events of API Gateway.
IMPLICIT: Final = {"ServerlessHttpApi": "AWS::ApiGatewayV2::Api", "ServerlessRestApi": "AWS::ApiGateway::RestApi"}
BUCKET: Final = "s3://local/"  # the translator takes locations in S3 only


def has_sam_resources(body: Mapping[str, Any]) -> bool:
    """Whether a template must be translated."""
    return any(str(it["Type"]).startswith(SERVERLESS) and not _is_plain(it) for it in body["Resources"].values())


def to_cloudformation(body: dict[str, Any], parameters: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A template with CloudFormation's resources in place of those of SAM.

    Args:
        body: The template.
        parameters: The values that are known, of parameters and pseudo-parameters.
        path: Its file, whose folder local paths are relative to.

    Raises:
        TemplateInvalid: The translator is not installed, or refuses the template.
    """
    try:
        import boto3
        from samtranslator.metrics.metrics import (  # type: ignore[import-untyped]  # it has no types
            DummyMetricsPublisher,
            Metrics,
        )
        from samtranslator.model.exceptions import InvalidDocumentException  # type: ignore[import-untyped]
        from samtranslator.parser.parser import Parser  # type: ignore[import-untyped]
        from samtranslator.translator.translator import Translator  # type: ignore[import-untyped]
    except ImportError:
        raise TemplateInvalid(
            f"{path} is a SAM template, and the library that translates it is not installed; "
            "install it: pip install 'longcall[sam]'"
        ) from None
    # Without a session of its own the translator looks for the region in the developer's configuration.
    metrics = Metrics("longcall", DummyMetricsPublisher())
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=REGION), metrics=metrics)
    try:
        translated = translator.translate(_with_locations(_without_gateways(body), path.parent), dict(parameters))
    except InvalidDocumentException as invalid:
        messages = [str(it.message) for it in invalid.causes]
        raise TemplateInvalid("\n".join(_sentences(messages, path)) or f"{path}: {invalid.message}") from None
    finally:
        metrics.publish()  # nowhere; otherwise the library warns
    return dict(_without_bucket(translated))


def _without_gateways(body: dict[str, Any]) -> dict[str, Any]:
    """The template without what SAM makes for API Gateway, which is not served here, and may be what it refuses."""
    resources: dict[str, Any] = {}
    for name, resource in body["Resources"].items():
        if resource.get("Type") in GATEWAYS:
            resources[name] = {"Type": GATEWAYS[resource["Type"]]}
        else:
            resources[name] = _without_gateway_events(resource)
    implicit = {it: {"Type": type_} for it, type_ in IMPLICIT.items() if it not in resources}
    return {**body, "Resources": implicit | resources}


def _without_gateway_events(resource: dict[str, Any]) -> dict[str, Any]:
    properties = resource.get("Properties") or {}
    events = properties.get("Events")
    if not isinstance(events, dict):
        return resource
    kept = {key: it for key, it in events.items() if not isinstance(it, dict) or it.get("Type") not in GATEWAY_EVENTS}
    return {**resource, "Properties": {**properties, "Events": kept}}


def _is_plain(resource: Mapping[str, Any]) -> bool:
    properties = resource.get("Properties") or {}
    return resource["Type"] == FUNCTION and "Role" in properties and properties.keys() <= PLAIN


def _sentences(messages: Iterable[str], path: Path) -> Iterator[str]:
    for message in messages:
        name = _RESOURCE.search(message)
        yield f"{path}:{line_of(path, name[1])}: {message}" if name is not None else f"{path}: {message}"


def _with_locations(value: Any, folder: Path, *, name: str = "") -> Any:
    """A copy with local paths as locations in S3."""
    match value:
        case dict():
            return {key: _with_locations(it, folder, name=key) for key, it in value.items()}
        case list():
            return [_with_locations(it, folder) for it in value]
        case str() if name in LOCATIONS and not value.startswith((S3, "http:", "https:")):
            return f"{BUCKET}{LOCAL}{(folder / value).resolve()}"
        case _:
            return value


def _without_bucket(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_bucket(it) for key, it in value.items()}
        case list():
            return [_without_bucket(it) for it in value]
        case str():
            return value.removeprefix(BUCKET)
        case _:
            return value
