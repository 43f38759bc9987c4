"""The schema as a stage's API has it."""

import re
from typing import Final

from appsync_local.api.model import AuthMode

# The worker calls these two fields, and reads these types in their answers; nothing else is for a key.
OPEN_TO_KEYS: Final = (
    re.compile(r"^  updateStatus\(.*@aws_iam$", re.MULTILINE),
    re.compile(r"^  dispatchInference\(.*@aws_iam$", re.MULTILINE),
    re.compile(r"^type InferenceStatus .*@aws_iam(?= \{$)", re.MULTILINE),
    re.compile(r"^  checkpoint: String @aws_iam$", re.MULTILINE),
    re.compile(r"^type Cost .*@aws_iam(?= \{$)", re.MULTILINE),
    re.compile(r"^type CostItem .*@aws_iam(?= \{$)", re.MULTILINE),
)


class SchemaUnfit(Exception):
    """The schema is not written as this module expects it."""


def for_modes(schema: str, modes: tuple[AuthMode, ...]) -> str:
    """The schema with `@aws_api_key` where the worker needs it, if the API has that mode; AppSync refuses it elsewhere.

    Raises:
        SchemaUnfit: A field or type of the worker's is not found.
    """
    if AuthMode.API_KEY not in modes:
        return schema
    for pattern in OPEN_TO_KEYS:
        schema, found = pattern.subn(lambda match: f"{match[0]} @aws_api_key", schema)
        if found != 1:
            raise SchemaUnfit(f"the schema has to have {pattern.pattern} once, and has it {found} times")
    return schema
