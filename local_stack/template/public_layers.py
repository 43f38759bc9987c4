"""Layers of AWS that many templates name by their ARN, and where their content is found on this machine.

Such a layer cannot be read without an AWS account. Its content is on PyPI and npm, where a developer can get it.

Source:
    Powertools for AWS Lambda (Python) and (TypeScript), "Lambda Layer".
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from local_stack.template.runtime_libraries import PYTHON

_ARN: Final = re.compile(r"arn:[^:]*:lambda:[^:]*:\d+:layer:([A-Za-z0-9_-]+):\d+")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class PublicLayer:
    """A layer whose content is published as packages.

    Attributes:
        name: What the names of its versions begin with.
        distribution: On PyPI, with what it needs; None: it is for Node.js.
        scope: On npm; None: it is for Python.
        install: The command that installs it.
    """

    name: str
    distribution: str | None
    scope: str | None
    install: str


LAYERS: Final = (
    PublicLayer(
        "AWSLambdaPowertoolsPython", "aws-lambda-powertools", None, "pip install 'aws-lambda-powertools[all]'"
    ),
    PublicLayer(
        "AWSLambdaPowertoolsTypeScript", None, "@aws-lambda-powertools",
        "npm install --save-dev @aws-lambda-powertools/logger @aws-lambda-powertools/tracer",
    ),
)  # fmt: skip


def public_layer(arn: str) -> PublicLayer | None:
    """The layer with an ARN; None: it is not one of these."""
    found = _ARN.fullmatch(arn)
    return None if found is None else next((it for it in LAYERS if found[1].startswith(it.name)), None)


def link_public_layer(layer: PublicLayer, opt: Path, project: Path) -> str | None:
    """Link the content of a layer into the content of a function's layers.

    Args:
        layer: The layer.
        opt: `/opt` of the function.
        project: The folder where a developer installs packages for Node.js.

    Returns:
        Where it has to be installed first; None: it is installed.
    """
    if layer.scope is not None:
        source = project / "node_modules" / layer.scope
        _link(source, opt / "nodejs" / "node_modules" / layer.scope)
        return None if source.is_dir() else f"in {project}"
    found = [*_with_requirements(layer.distribution or "")]
    for path in (it for one in found for it in _top_level(one)):
        _link(path, opt / "python" / path.name)
    return None if found else "in the Python environment of this program"


def _link(source: Path, link: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists():
        link.symlink_to(source)


def _with_requirements(name: str) -> Iterator[Distribution]:
    """A distribution and what it needs, also for its extras, as far as it is installed."""
    waiting, seen = [name], {_normal(it) for it in PYTHON}  # which the runtime has
    while waiting:
        name = waiting.pop()
        if _normal(name) in seen:
            continue
        seen.add(_normal(name))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        yield found
        waiting.extend(match[0] for it in found.requires or () if (match := _NAME.match(it)) is not None)


def _top_level(found: Distribution) -> Iterator[Path]:
    """The modules, packages and metadata of a distribution."""
    names = {it.parts[0] for it in found.files or () if len(it.parts) > 1 or it.suffix in (".py", ".so")}
    for name in sorted(names - {"..", "__pycache__"}):
        yield Path(str(found.locate_file(name)))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
