"""Names for the paths of a template's APIs."""

import re
from collections import Counter
from typing import Final

from local_stack.addresses import BUCKET_PATH, COGNITO_PATH
from local_stack.template.document import Template, TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver

GRAPHQL_API: Final = "AWS::AppSync::GraphQLApi"
# What other paths of a stack begin with.
TAKEN: Final = frozenset(
    {"assets", "chaos", "console", "explorer", "graphql", "jobs", "lab", "meter", "start", BUCKET_PATH.strip("/"),
     COGNITO_PATH.strip("/")}
)  # fmt: skip
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]+")


def api_names(template: Template, intrinsics: IntrinsicResolver) -> dict[str, str]:
    """The name of each API by its logical id: its own name if it is unique and fits a path, or its logical id."""
    own: dict[str, str] = {}
    for resource in template.of_type(GRAPHQL_API):
        try:
            own[resource.name] = _UNFIT.sub("-", intrinsics.text(resource.properties.get("Name"))).strip("-")
        except TemplateInvalid:
            own[resource.name] = ""
    counts = Counter(own.values())
    return {
        logical_id: name if name and counts[name] == 1 and name.lower() not in TAKEN else logical_id
        for logical_id, name in own.items()
    }
