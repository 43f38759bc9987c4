"""What a project adds to the zip of the handlers: its workloads, their contract, and the libraries that they need."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import longcall.workloads
from chalicelib.workloads.own.reading import FOLDER as WORKLOADS


class PackagingFailed(Exception):
    """The zip could not be built or is incomplete; the message says what is missing."""


def add_workloads(project: Path | None, tree: Path, *, ignored: Sequence[str]) -> None:
    """Add the contract of own workloads, without the rest of the client's package, and the project's own."""
    (tree / "longcall").mkdir()
    (tree / "longcall" / "__init__.py").touch()
    shutil.copy(longcall.workloads.__file__, tree / "longcall" / "workloads.py")
    if project is not None:
        shutil.copytree(project / WORKLOADS, tree / WORKLOADS, ignore=shutil.ignore_patterns(*ignored, "test_*.py"))


def libraries(project: Path) -> str:
    """The project's requirements for its workloads; empty if there are none.

    Raises:
        PackagingFailed: A line is not a requirement.
    """
    file = project / WORKLOADS / "requirements.txt"
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    wanted = []
    for number, line in enumerate(lines, 1):
        text = line.partition(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        try:
            wanted.append(str(Requirement(text)))
        except InvalidRequirement:
            raise PackagingFailed(
                f"{WORKLOADS}/requirements.txt:{number}: {text!r} is not a requirement; write one in a line, as "
                "rich==15.0.0"
            ) from None
    return "".join(f"{line}\n" for line in wanted)


def add_libraries(brought: Path, tree: Path) -> None:
    """Add a project's libraries to those of the handlers.

    Raises:
        PackagingFailed: Both have a distribution in different versions; the message names all of them.
    """
    present = versions(tree)
    clashes = [
        f"{name} {version} (the handlers have {present[name]})"
        for name, version in sorted(versions(brought).items())
        if present.get(name, version) != version
    ]
    if clashes:
        raise PackagingFailed(
            f"{WORKLOADS}/requirements.txt brings {', '.join(clashes)}; ask for the same versions, or for other "
            "versions of the libraries that need them"
        )
    shutil.copytree(brought, tree, dirs_exist_ok=True)


def versions(tree: Path) -> dict[str, str]:
    """The distributions in a folder, and their versions."""
    names = (path.name.removesuffix(".dist-info").partition("-") for path in tree.glob("*.dist-info"))
    return {canonicalize_name(name): version for name, _, version in names}
