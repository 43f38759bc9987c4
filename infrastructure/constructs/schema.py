"""Adapts the schema to the authorization modes of a stage's API."""

import re
from typing import Final

from appsync_local.api.model import AuthMode

# The worker calls these two fields, and reads these types in their answers; an API key opens nothing else.
OPEN_TO_KEYS: Final = (
    re.compile(r"^  updateStatus\(.*@aws_iam$", re.MULTILINE),
    re.compile(r"^  dispatchInference\(.*@aws_iam$", re.MULTILINE),
    re.compile(r"^type InferenceStatus .*@aws_iam(?= \{$)", re.MULTILINE),
    re.compile(r"^  checkpoint: String @aws_iam$", re.MULTILINE),
    re.compile(r"^type Audience .*@aws_iam(?= \{$)", re.MULTILINE),
    re.compile(r"^type Cost .*@aws_iam(?= \{$)", re.MULTILINE),
    re.compile(r"^type CostItem .*@aws_iam(?= \{$)", re.MULTILINE),
)


class SchemaUnfit(Exception):
    """The schema's text does not match what this module expects."""


def for_modes(schema: str, modes: tuple[AuthMode, ...]) -> str:
    """Add `@aws_api_key` where the worker needs it, if the API has that mode; without the mode AppSync refuses it.

    Raises:
        SchemaUnfit: A field or type that the worker needs is not found exactly once.
    """
    if AuthMode.API_KEY not in modes:
        return schema
    for pattern in OPEN_TO_KEYS:
        schema, found = pattern.subn(lambda match: f"{match[0]} @aws_api_key", schema)
        if found != 1:
            raise SchemaUnfit(f"expected the schema to match {pattern.pattern} once, but it matches {found} times")
    return schema
