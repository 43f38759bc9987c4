"""Adds notes to a table, and lists them."""

import os
import uuid
from typing import Any

import boto3

NOTES = boto3.resource("dynamodb").Table(os.environ["NOTES_TABLE"])


def handler(event: dict[str, Any], context: object) -> Any:
    if event["info"]["fieldName"] == "add":
        note = {"id": str(uuid.uuid4()), "text": event["arguments"]["text"]}
        NOTES.put_item(Item=note)
        return note
    return [{**note, "same": note} for note in NOTES.scan()["Items"]]
