"""`new`, `upgrade` and `cdk`: a project of one's own that uses Longcall as a package."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from longcall.base import environment_with_base
from longcall.cli.extras import DEPLOY, require_extra
from longcall.errors import ConfigurationError, InvalidInput
from longcall.version import VERSION

SCAFFOLD: Final = Path(__file__).absolute().parents[1] / "scaffold"
HIDDEN: Final = ("gitignore",)
PIN_FILE: Final = Path("requirements.txt")
NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")
VERSION_TEXT: Final = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
_PIN: Final = re.compile(r"^(?P<name>longcall(?:\[[a-z, ]+\])?==)(?P<version>\S+)", re.MULTILINE)

NEW_EXAMPLE: Final = "\b\nExample:\n  longcall new my-app && cd my-app && make run"
UPGRADE_EXAMPLE: Final = "\b\nExample:\n  longcall upgrade && make run"


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The project's name, which is its folder's too.")],
) -> None:
    """Make a project: a folder with an example of a workload, its test, stages, and what deploys it.

    The folder must not exist yet.
    """
    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"a project's name is lower-case letters, digits and hyphens, at most 40, and begins with a letter; "
            f"found {name!r}"
        )
    folder = Path(name)
    if folder.exists():
        raise InvalidInput(f"{name} exists already; choose another name, or remove it")
    values = {"name": name, "version": VERSION}
    for source in sorted(SCAFFOLD.rglob("*.txt")):
        target = folder / _target(source.relative_to(SCAFFOLD))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_filled(source.read_text("utf-8"), values), "utf-8")
    typer.echo(f"{name} is ready. Next:\n  cd {name}\n  make run")


def upgrade(
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="The version; by default the newest that pip finds.")
    ] = None,
) -> None:
    """Move this project to another version of Longcall: change the pin in its requirements.txt."""
    pin = _PIN.search(PIN_FILE.read_text("utf-8")) if PIN_FILE.is_file() else None
    if pin is None:
        raise ConfigurationError(
            f"there is no pin of Longcall in {PIN_FILE} here; run this in a project that `longcall new` made"
        )
    if version is not None and not VERSION_TEXT.fullmatch(version):
        raise InvalidInput(f"VERSION is a version such as {VERSION}, and {version!r} is not")
    wanted = version or newest_version()
    if wanted == pin["version"]:
        typer.echo(f"{PIN_FILE} pins Longcall {wanted} already")
        return
    text = PIN_FILE.read_text("utf-8")
    PIN_FILE.write_text(_PIN.sub(lambda found: found["name"] + wanted, text, count=1), "utf-8")
    typer.echo(f"{PIN_FILE}: Longcall {pin['version']} → {wanted}; the next make installs it")


def newest_version() -> str:
    """The newest version of Longcall in the index that pip is configured with.

    Raises:
        ConfigurationError: pip is not installed here, or finds none.
    """
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--dry-run",
        "--ignore-installed", "--no-deps", "--report", "-", "longcall",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        return str(json.loads(done.stdout)["install"][0]["metadata"]["version"])
    except (ValueError, KeyError, IndexError):
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise ConfigurationError(
            f"pip found no version of Longcall ({reason}); name one: longcall upgrade {VERSION}"
        ) from None


def cdk() -> NoReturn:
    """Synthesise this project's stack. The file cdk.json names this command, and the CDK command line runs it."""
    require_extra(DEPLOY, "longcall cdk")
    sys.stdout.flush()
    command = [sys.executable, "-P", "-m", "infrastructure.project_app"]
    os.execve(sys.executable, command, environment_with_base(os.environ))  # noqa: S606  # no shell


def _target(source: Path) -> Path:
    name = source.name.removesuffix(".txt")
    return source.with_name(f".{name}" if name in HIDDEN else name)


def _filled(text: str, values: dict[str, str]) -> str:
    """The text with `$name` and `$version` replaced; any other dollar sign is kept."""
    for name, value in values.items():
        text = text.replace(f"${name}", value)
    return text
