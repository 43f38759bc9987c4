"""DynamoDB tables in moto's memory, for the data sources of a template; empty at every start.

moto does not check roles: rights on a table are not checked when a data source uses it.
"""

from collections.abc import Iterable, Mapping
from typing import Any


def create_tables(endpoint: str, region: str, tables: Iterable[Mapping[str, Any]]) -> None:
    """Create tables at `endpoint`, from the parameters of CreateTable."""
    import boto3

    client = boto3.client(
        "dynamodb", endpoint_url=endpoint, region_name=region,
        aws_access_key_id="local", aws_secret_access_key="local",  # noqa: S106  # moto accepts any
    )  # fmt: skip
    for table in tables:
        client.create_table(**table)
