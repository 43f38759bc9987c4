"""The price of an item, from the table that the data source of the API writes."""

import os

import boto3
from labels import label  # type: ignore[import-not-found]  # of the layer

ITEMS = boto3.resource("dynamodb").Table(os.environ["ITEMS"])  # at import, as many functions do


def handler(event: dict[str, str], context: object) -> str:
    item = ITEMS.get_item(Key={"sku": event["sku"]})["Item"]
    return f"{label(int(str(item['cents'])), os.environ['CURRENCY'])} at {os.environ['HOST']}"
