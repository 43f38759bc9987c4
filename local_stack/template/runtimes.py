"""Which functions of a template this machine can run: those of Python and Node.js that are not container images."""

import re
from collections.abc import Mapping
from typing import Any, Final

from appsync_local.functions.node.executable import find_node, installed_major, major_of, why_unusable
from appsync_local.functions.spec import NODE, OWN_PYTHON

PYTHON: Final = re.compile(r"python\d+\.\d+")
RUN_HERE: Final = "the local stack runs functions in Python and Node.js"


def why_not_run(properties: Mapping[str, Any]) -> str | None:
    """Why a function cannot be run on this machine, in one sentence; None: it can.

    Args:
        properties: Of the function in the template.
    """
    runtime = properties.get("Runtime")
    if properties.get("PackageType") == "Image" or "ImageUri" in (_code(properties) or ()):
        return f"it is a container image, and {RUN_HERE} from folders and zips"
    if not isinstance(runtime, str):
        return f"it has no Runtime, and {RUN_HERE}"
    if runtime.startswith(NODE):
        reason = why_unusable(runtime)
        return None if reason is None else f"it runs on {runtime}: {reason}"
    return None if PYTHON.fullmatch(runtime) else f"it runs on {runtime}, and {RUN_HERE}"


def remark_on(runtime: str) -> str | None:
    """What a developer should know about a runtime that is another version here; None: it is the same version."""
    if not runtime.startswith(NODE):
        return None if runtime == OWN_PYTHON else f"it asks for {runtime} and runs on {OWN_PYTHON}"
    node = find_node()
    installed = None if node is None else installed_major(node)
    asked = major_of(runtime)
    return None if asked in (None, installed) else f"it asks for {runtime} and runs on Node.js {installed}"


def _code(properties: Mapping[str, Any]) -> Any:
    return properties.get("CodeUri") or properties.get("Code")
