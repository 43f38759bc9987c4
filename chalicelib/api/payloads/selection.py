"""Which fields of an answer a caller selected, as far as AppSync reports it to a resolver. Pure.

`ctx.info.selectionSetList` has a field's alias in place of its name. `ctx.info.selectionSetGraphQL` has names and
aliases, but a named fragment appears in it only as a spread. So a field counts as selected unless both rule it out.
Computing a field that is not selected costs one read; leaving out a selected one would show null.

Source:
    AppSync Developer Guide, "JavaScript resolver context object reference", Info.
"""

import re
from collections.abc import Collection
from typing import Final

_NAMED_SPREAD: Final = re.compile(r"\.\.\.\s*(?!on\b)[_A-Za-z]")


def may_select(field: str, *, names: Collection[str], text: str) -> bool:
    """Whether an answer may have to contain a field.

    Args:
        field: Its name in the schema.
        names: `selectionSetList`.
        text: `selectionSetGraphQL`; empty where the caller of the relay does not send it.
    """
    if field in names:
        return True
    return re.search(rf":\s*{field}\b", text) is not None or _NAMED_SPREAD.search(text) is not None
