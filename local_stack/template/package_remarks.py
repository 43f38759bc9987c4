"""Finds what is probably missing in the package of a function, which would fail when it is first invoked."""

import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appsync_local.functions.spec import NODE, Package
from local_stack.template.runtime_libraries import NODE_SCOPES, PYTHON

_REQUIREMENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COMPILED: Final = re.compile(r"\.(cpython-\d+[^.]*)\.(?:so|dylib)$")
# Of the names of this Python's compiled modules, as `cpython-311-x86_64-linux-gnu`.
_HERE: Final = str(sysconfig.get_config_var("EXT_SUFFIX")).strip(".").rpartition(".")[0]


def remarks_on(package: Package, runtime: str) -> Iterator[str]:
    """Sentences about a package, each with what to do.

    Args:
        package: The unpacked code.
        runtime: Of the function.
    """
    if runtime.startswith(NODE):
        missing = [*_missing_node_packages(package)]
        if missing:
            yield f"package.json names {_list(missing)}, and the package does not have it: install, and bundle it again"
        return
    missing = [*_missing_distributions(package)]
    if missing:
        yield (
            f"requirements.txt names {_list(missing)}, and the package does not have it: start what `sam build` or "
            f"`cdk synth` wrote, or run `pip install -r {package.root}/requirements.txt -t {package.root}`"
        )
    foreign = next(_compiled_elsewhere(package), None)
    if foreign is not None:
        file, tag = foreign
        yield f"{file} is compiled for {tag}, and this Python loads {_HERE}; build it for this one, or use that one"


def _missing_node_packages(package: Package) -> Iterator[str]:
    try:
        manifest = json.loads((package.root / "package.json").read_text("utf-8"))
        names = [str(it) for it in manifest.get("dependencies", {})]
    except (OSError, ValueError, AttributeError):
        return
    folders = (package.root / "node_modules", package.root.parent / "node_modules")
    for name in names:
        of_runtime = name.partition("/")[0] in NODE_SCOPES
        if not of_runtime and not any((folder / name).exists() for folder in folders):
            yield name


def _missing_distributions(package: Package) -> Iterator[str]:
    try:
        lines = (package.root / "requirements.txt").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    here = {_normal(it.name.split("-")[0]) for folder in _python_folders(package) for it in folder.iterdir()}
    here |= {_normal(it.removesuffix(".py")) for it in here} | {_normal(it) for it in (*PYTHON, "python-dateutil")}
    for line in lines:
        found = _REQUIREMENT.match(line.strip())
        if found is not None and _normal(found[0]) not in here:
            yield found[0]


def _compiled_elsewhere(package: Package) -> Iterator[tuple[str, str]]:
    for folder in _python_folders(package):
        for file in folder.rglob("*.cpython-*"):
            found = _COMPILED.search(file.name)
            if found is None or found[1] == _HERE:
                continue
            if not file.with_name(f"{file.name[: found.start()]}.{_HERE}{file.suffix}").exists():
                yield str(file.relative_to(folder)), found[1]


def _python_folders(package: Package) -> list[Path]:
    opt = [] if package.opt is None else [package.opt / "python", *package.opt.glob("python/lib/*/site-packages")]
    return [it for it in (package.root, *opt) if it.is_dir()]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _list(names: list[str]) -> str:
    shown = names if len(names) <= 3 else [*names[:2], f"{len(names) - 2} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
