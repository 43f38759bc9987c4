"""One Lambda function as plain data, and what AWS derives from it: its ARN, its environment, its limits."""

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_REGION: Final = "us-east-1"
ACCOUNT: Final = "123456789012"  # moto's default account, so that both name the same one

# Source: Lambda Developer Guide, "Lambda quotas", invocation payload.
SYNCHRONOUS_LIMIT: Final = 6_291_456  # bytes of an event, RequestResponse
ASYNCHRONOUS_LIMIT: Final = 1_048_576  # bytes of an event, Event

INHERITED: Final = ("PATH", "HOME", "LANG", "TMPDIR")
OWN_PYTHON: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
NODE: Final = "nodejs"  # what the identifiers of Node's runtimes begin with


@dataclass(frozen=True, slots=True)
class Package:
    """The code of one function, apart from that of all others.

    Attributes:
        root: Folder that the handler's module is imported from.
        opt: Folder with the content of the function's layers, `/opt` on Lambda; None: it has no layers.
        libraries: What Lambda's runtime contains. For Python: a folder with modules. For Node.js: the folder in whose
            `node_modules` the AWS SDK is expected, named in the error where it is missing.
    """

    root: Path
    opt: Path | None = None
    libraries: Path | None = None

    def python_path(self, runtime: str) -> list[str]:
        """Where a function in Python finds modules, before the standard library.

        Source:
            Lambda Developer Guide, "Packaging your layer content", and "Working with .zip file archives for Python
            Lambda functions", search path.
        """
        layers = [] if self.opt is None else [self.opt / "python/lib" / runtime / "site-packages", self.opt / "python"]
        return [str(it) for it in (self.root, *layers, self.libraries) if it is not None]

    def node_path(self, runtime: str) -> list[str]:
        """Where `require` finds packages that are not in a `node_modules` beside the code or above it.

        Source:
            Lambda Developer Guide, "Packaging your layer content".
        """
        if self.opt is None:
            return []
        version = runtime.removeprefix(NODE).removesuffix(".x")
        return [str(self.opt / "nodejs" / f"node{version}" / "node_modules"), str(self.opt / "nodejs/node_modules")]


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One Lambda function.

    Attributes:
        name: Its name, unqualified.
        handler: AWS's form `module.attribute`.
        environment: Its variables, on top of PATH, HOME, LANG, TMPDIR and those that Lambda sets; wins over both.
        timeout: Seconds one invocation may take before its process is killed.
        memory_mb: Reported to the handler, not enforced.
        reserved_concurrency: Events it may handle at a time; None: limited only by the common limit of the runtime.
        on_failure: The function that gets a record of each event given up on; None: it is logged and dropped.
        maximum_retries: Further attempts at an event after the first one failed.
        maximum_event_age: Seconds after which an event is given up on, tried or not.
        runtime: AWS's identifier of the runtime, as `nodejs22.x`. Node.js of this machine runs those of `nodejs`, and
            this Python runs all others.
        package: The function's own code; None: the code below the `root` of the `FunctionRuntime`.
    """

    name: str
    handler: str
    environment: Mapping[str, str]
    timeout: float
    memory_mb: int = 256
    reserved_concurrency: int | None = None
    on_failure: str | None = None
    maximum_retries: int = 2
    maximum_event_age: float = 21_600.0
    runtime: str = OWN_PYTHON
    package: Package | None = None

    @property
    def runs_on_node(self) -> bool:
        return self.runtime.startswith(NODE)

    @property
    def region(self) -> str:
        return self.environment.get("AWS_REGION") or self.environment.get("AWS_DEFAULT_REGION") or DEFAULT_REGION

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT}:function:{self.name}"

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"


def by_name(functions: Iterable[FunctionSpec]) -> dict[str, FunctionSpec]:
    """The functions by name.

    Raises:
        ValueError: A name is used twice, or a failure destination is not a function.
    """
    known: dict[str, FunctionSpec] = {}
    for spec in functions:
        if spec.name in known:
            raise ValueError(f"function names must differ, and {spec.name} is used twice; rename one of the two")
        known[spec.name] = spec
    for spec in known.values():
        if spec.on_failure == spec.name:
            raise ValueError(f"the failure destination of {spec.name} must be another function, or none")
        if spec.on_failure is not None and spec.on_failure not in known:
            raise ValueError(
                f"the failure destination of {spec.name} is {spec.on_failure!r}, which is not a function; "
                f"known are {', '.join(sorted(known))}"
            )
    return known


def environment_of(spec: FunctionSpec, *, root: Path, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """A worker's whole environment, but for the name of its log stream, which differs from worker to worker.

    Args:
        spec: The function.
        root: The folder of its code, if it has no package.
        inherited: The environment of this process.

    Source:
        Lambda Developer Guide, "Defined runtime environment variables".
    """
    base = {name: inherited[name] for name in INHERITED if name in inherited}
    package = spec.package or Package(root)
    if spec.runs_on_node and (node_path := package.node_path(spec.runtime)):
        base["NODE_PATH"] = os.pathsep.join(node_path)
    if package.opt is not None:
        base["PATH"] = os.pathsep.join([str(package.opt / "bin"), *filter(None, [base.get("PATH")])])
    defined = {
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "LAMBDA_TASK_ROOT": str(package.root),
        "TZ": ":UTC",
        "_HANDLER": spec.handler,
    }
    return {**base, **defined, **spec.environment}
