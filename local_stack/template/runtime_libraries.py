"""The libraries that Lambda's runtimes contain, so that a function need not have them in its package.

Source:
    Lambda Developer Guide, "Runtime dependencies in Python" and "Runtime-included SDK versions" for Node.js.
"""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PYTHON: Final = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
NODE_SCOPES: Final = ("@aws-sdk", "@smithy")


def link_python(into: Path) -> Path:
    """A folder with links to boto3 and what it needs, in the environment of this process."""
    into.mkdir(parents=True)
    for name in PYTHON:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            module = Path(spec.origin)
            # Not by `submodule_search_locations`: `six`, a file, says that it is a package once imported.
            module = module.parent if module.stem == "__init__" else module
            (into / module.name).symlink_to(module)
    return into


def node_project(template: Path) -> Path:
    """The folder where a developer installs packages for Node.js: the nearest one above a template that has any."""
    folders = template.resolve().parents
    return next((it for it in folders if _is_project(it)), folders[0])


def link_node(project: Path, into: Path) -> None:
    """Link the AWS SDK of a project, also before it is installed, so that it is found below the folder `into`."""
    modules = into / "node_modules"
    modules.mkdir(parents=True)
    for scope in NODE_SCOPES:
        (modules / scope).symlink_to(project / "node_modules" / scope)


def link_layers(sources: Iterator[Path], into: Path) -> None:
    """Link the packages of several `node_modules`. Of two packages with the same name, the first is linked.

    ES modules need this: `NODE_PATH`, where `require` finds layers, has no effect on `import`.
    """
    for source in sources:
        for package in _packages(source):
            link = into / package.relative_to(source)
            if not link.exists():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(package)


def _is_project(folder: Path) -> bool:
    return (folder / "package.json").is_file() or (folder / "node_modules").is_dir()


def _packages(modules: Path) -> Iterator[Path]:
    for entry in sorted(modules.iterdir()) if modules.is_dir() else ():
        if entry.name.startswith("@") and entry.is_dir():
            yield from sorted(entry.iterdir())
        elif not entry.name.startswith("."):
            yield entry
