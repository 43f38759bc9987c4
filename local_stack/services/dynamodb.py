"""Tables of a template's DynamoDB data sources on this machine, in moto's memory: empty at every start.

moto looks into no role: what a data source may do with its table is not asked here.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from local_stack.template.intrinsics import Meanings, Resource

_INDEXES: Final = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")


def table_of(resource: Resource, meanings: Meanings) -> dict[str, Any]:
    """What CreateTable is told of a table: names, keys and indexes, without what only a bill shows."""
    properties = resource.properties
    indexes = {
        kind: [
            {key: value for key, value in it.items() if key in ("IndexName", "KeySchema", "Projection")} for it in found
        ]
        for kind in _INDEXES
        if (found := properties.get(kind))
    }
    return {
        "TableName": meanings.name(resource),
        "KeySchema": properties["KeySchema"],
        "AttributeDefinitions": properties["AttributeDefinitions"],
        "BillingMode": "PAY_PER_REQUEST",
        **indexes,
    }


def make_tables(endpoint: str, region: str, tables: Iterable[Mapping[str, Any]]) -> None:
    """Make them at `endpoint`."""
    import boto3

    client = boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name=region,
        aws_access_key_id="local", aws_secret_access_key="local",  # noqa: S106  # moto takes any
    )  # fmt: skip
    for table in tables:
        client.create_table(**table)
