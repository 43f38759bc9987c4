"""Which functions of a template this machine can run: those of Python and Node.js that are not container images."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from appsync_local.functions.node.executable import find_node, installed_major, major_of, why_unusable
from appsync_local.functions.spec import NODE, OWN_PYTHON, FunctionSpec

PYTHON: Final = re.compile(r"python\d+\.\d+")
RUN_HERE: Final = "the local stack runs functions in Python and Node.js"


def why_not_run(properties: Mapping[str, Any]) -> str | None:
    """Why a function cannot be run on this machine, in one sentence; None: it can.

    Args:
        properties: Of the function in the template.
    """
    runtime = properties.get("Runtime")
    if properties.get("PackageType") == "Image" or "ImageUri" in _code(properties):
        return f"it is a container image, and {RUN_HERE} from folders and zips"
    if not isinstance(runtime, str):
        return f"it has no Runtime, and {RUN_HERE}"
    if runtime.startswith(NODE):
        reason = why_unusable(runtime)
        return None if reason is None else f"it runs on {runtime}: {reason}"
    return None if PYTHON.fullmatch(runtime) else f"it runs on {runtime}, and {RUN_HERE}"


def remarks_on_versions(functions: Iterable[FunctionSpec]) -> Iterator[str]:
    """Which functions run on another version of their language than on Lambda, one sentence for each runtime."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for function in functions:
        names[function.runtime].append(function.name)
    for runtime, those in names.items():
        here = _version_here(runtime)
        if here is not None:
            yield f"functions for {runtime} run on {here} here: {', '.join(those)}"


def _version_here(runtime: str) -> str | None:
    """The version that runs a runtime on this machine; None: it is the same as on Lambda."""
    if not runtime.startswith(NODE):
        return None if runtime == OWN_PYTHON else OWN_PYTHON
    node = find_node()
    installed = None if node is None else installed_major(node)
    return None if major_of(runtime) in (None, installed) else f"Node.js {installed}"


def _code(properties: Mapping[str, Any]) -> Mapping[str, Any]:
    code = properties.get("CodeUri") or properties.get("Code")
    return code if isinstance(code, dict) else {}
