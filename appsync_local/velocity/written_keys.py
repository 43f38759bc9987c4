"""Finds out at the start whether the JSON that a template writes may have an object with a repeated key.

Most templates write each key once, and everything else through utilities that write JSON. Their text needs no check.
"""

import re
from typing import Final

from appsync_local.velocity.expression_compiler import LIBRARIES
from appsync_local.velocity.syntax import Call, Reference

# Utilities that write nothing, or JSON in which no key is repeated; so do those whose names end in Json.
_SAFE: Final = frozenset(
    {
        "appendError", "error", "qr", "quiet", "toDynamoDBConditionExpression", "toDynamoDBFilterExpression",
        "toElasticsearchQueryDSL", "unauthorized", "validate",
    }
)  # fmt: skip
_KEY: Final = re.compile(r'"([^"\\]*)"\s*:')
_END_OF_KEY: Final = re.compile(r'"\s*:')


class WrittenKeys:
    """What a template writes, as far as it matters for keys."""

    def __init__(self) -> None:
        self._keys: set[str] = set()
        self._is_repeated = False
        self._has_other_values = False  # others than JSON, which may contain a key

    @property
    def may_repeat(self) -> bool:
        """Whether the text may contain an object in which a key is repeated."""
        return self._is_repeated or (self._has_other_values and bool(self._keys))

    def add_text(self, text: str, *, is_in_loop: bool) -> None:
        """Add text of the template; `is_in_loop` if a loop or a macro writes it."""
        keys = _KEY.findall(text)
        is_known = len({*keys}) < len(keys) or not self._keys.isdisjoint(keys)
        is_computed = len(_END_OF_KEY.findall(text)) > len(keys)
        self._is_repeated = self._is_repeated or is_known or is_computed or (is_in_loop and bool(keys))
        self._keys.update(keys)

    def add_value(self, reference: Reference) -> None:
        """Add a reference whose value is written."""
        self._has_other_values = self._has_other_values or not _is_json(reference)


def _is_json(reference: Reference) -> bool:
    """Whether a reference is the call of a utility that writes JSON, in which no key is repeated, or nothing."""
    last = reference.steps[-1] if reference.steps else None
    if reference.name not in LIBRARIES or not isinstance(last, Call):
        return False
    return last.name.lower().endswith("json") or last.name in _SAFE
