"""The command that serves a function's events in Node.js."""

import json
from pathlib import Path
from typing import Final

from appsync_local.functions.node.executable import major_of
from appsync_local.functions.spec import FunctionSpec

WITHOUT_CALLBACKS: Final = 24  # Source: Lambda Developer Guide, "Define Lambda function handler in Node.js"
_WORKER: Final = Path(__file__).with_name("worker.cjs")


def node_command(node: Path, spec: FunctionSpec) -> list[str]:
    """The program and its arguments; the last one is JSON, see `worker.cjs`."""
    settings = {
        "handler": spec.handler,
        "timeout": spec.timeout,
        "functionName": spec.name,
        "memoryLimitInMB": str(spec.memory_mb),  # a string on AWS too
        "invokedFunctionArn": spec.arn,
        "logGroupName": spec.log_group,
        "takesCallbacks": (major_of(spec.runtime) or 0) < WITHOUT_CALLBACKS,
        "libraries": None if spec.package is None else str(spec.package.libraries or "") or None,
    }
    return [str(node), str(_WORKER), json.dumps(settings)]
