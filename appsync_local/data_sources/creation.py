"""Creates the data sources of an API. Each kind is imported on use, so that an API starts faster without the others."""

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from appsync_local.api.model import (
    Api,
    BedrockSource,
    DynamoDbSource,
    EventBridgeSource,
    HttpSource,
    LambdaSource,
    NoneSource,
    RdsSource,
)
from appsync_local.data_sources.aws_lambda import LambdaDataSource
from appsync_local.data_sources.aws_services import AwsServices, NotOnThisMachine
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.data_sources.protocol import DataSource
from appsync_local.data_sources.rds.databases import Databases
from appsync_local.data_sources.rds.failures import DatabaseUnusable
from appsync_local.errors import ApiInvalid
from appsync_local.lambda_invoker import LambdaInvoker

if TYPE_CHECKING:
    from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint


@dataclass(frozen=True, slots=True)
class ExternalServices:
    """The services outside the engine that data sources use.

    Args:
        http_client: Sends HTTP requests; its creator closes it.
        dynamodb: The endpoint with the tables of DynamoDB data sources; None if the API has no such data source.
        aws: Where EventBridge, HTTP and Bedrock data sources reach services of AWS.
        databases: The databases of RDS data sources; None if the API has no such data source.
    """

    http_client: HttpClient = dataclasses.field(default_factory=HttpClient)
    dynamodb: "DynamoDbEndpoint | None" = None
    aws: AwsServices = AwsServices()  # noqa: RUF009  # frozen
    databases: Databases | None = None


def data_sources_of(api: Api, invoker: LambdaInvoker, services: ExternalServices) -> dict[str, DataSource]:
    """All data sources of an API by name, except NONE, which the engine answers itself.

    Args:
        api: The definition of the API.
        invoker: Runs Lambda functions.
        services: The services that data sources use.

    Raises:
        ApiInvalid: A data source has no endpoint or database, or may not be called.
    """
    sources: dict[str, DataSource] = {}
    for source in api.sources:
        match source:
            case LambdaSource(name, function):
                sources[name] = LambdaDataSource(function, invoker)
            case NoneSource():
                pass
            case DynamoDbSource(name, table):
                if services.dynamodb is None:
                    raise ApiInvalid(
                        [f"data source {name} uses table {table}, but no DynamoDB endpoint is given; give one"]
                    )
                sources[name] = _dynamodb(table, services.dynamodb, services.http_client, invoker)
            case HttpSource(name, url, signing):
                from appsync_local.data_sources.http import HttpDataSource

                sources[name] = HttpDataSource(url, services.http_client, signing, services.aws)
            case EventBridgeSource(name, bus):
                sources[name] = _eventbridge(name, bus, services)
            case RdsSource(name, cluster):
                sources[name] = _rds(name, cluster, services.databases or Databases({}))
            case BedrockSource(name):
                from appsync_local.data_sources.bedrock import BedrockDataSource

                sources[name] = BedrockDataSource(services.aws, services.http_client)
            case _:
                assert_never(source)
    return sources


def _eventbridge(name: str, bus: str, services: ExternalServices) -> DataSource:
    from appsync_local.data_sources.eventbridge import SERVICE, EventBridgeDataSource

    region = services.aws.region
    try:
        endpoint = services.aws.endpoint_of(SERVICE, region, f"https://{SERVICE}.{region}.amazonaws.com")
    except NotOnThisMachine as refused:
        raise ApiInvalid([f"data source {name} sends events to {bus}: {refused}"]) from None
    return EventBridgeDataSource(bus, endpoint, services.http_client)


def _rds(name: str, cluster: str, databases: Databases) -> DataSource:
    from appsync_local.data_sources.rds.source import RdsDataSource

    try:
        return RdsDataSource(name, databases.pool_of(name, cluster))
    except DatabaseUnusable as unusable:
        raise ApiInvalid([str(unusable)]) from None


def _dynamodb(table: str, endpoint: "DynamoDbEndpoint", http_client: HttpClient, invoker: LambdaInvoker) -> DataSource:
    from appsync_local.data_sources.dynamodb.client import DynamoDbClient
    from appsync_local.data_sources.dynamodb.source import DynamoDbDataSource

    return DynamoDbDataSource(table, DynamoDbClient(endpoint, http_client), invoker)
