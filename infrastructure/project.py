"""A project that uses Longcall as a package: its folder with `workloads/` and `stages.py`."""

import difflib
import re
import runpy
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from chalicelib.workloads.own.reading import FOLDER
from chalicelib.workloads.registry import find_own
from infrastructure.limits import LIMITS, Limits
from infrastructure.stage import Stage, StageInvalid
from infrastructure.stages import DEV, PROD, UnknownStage
from longcall import stages as public

STAGES_FILE: Final = "stages.py"
REQUIREMENTS_FILE: Final = f"{FOLDER}/requirements.txt"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_VARIABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED_VARIABLES: Final = ("AWS_", "LAMBDA_", "LONGCALL_")
# Settings of a stage that `stages.py` says by a name of its own, or that are objects.
_NOT_SETTINGS: Final = frozenset({
    "name", "workloads", "bedrock", "environment", "rights", "data", "second_factor", "sign_up", "sign_in", "operation",
    "waf", "reporting", "openai", "limits", "reserved", "flush",
})  # fmt: skip
SETTINGS: Final = tuple(it.name for it in fields(Stage) if it.name not in _NOT_SETTINGS)


class ProjectInvalid(Exception):
    """The project's files cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project.

    Attributes:
        folder: Its folder.
        name: Its name, with which the names of its stacks begin.
        stages: By name; the first is the one for development.
    """

    folder: Path
    name: str
    stages: Mapping[str, Stage]

    def stage(self, name: str | None) -> Stage:
        """The stage with a name; by default the first.

        Raises:
            UnknownStage: There is no stage with this name.
        """
        if name is None:
            return next(iter(self.stages.values()))
        if name not in self.stages:
            raise UnknownStage(name, tuple(self.stages), STAGES_FILE)
        return self.stages[name]


def find_project(folder: Path) -> Project | None:
    """The project in a folder; None if the folder has no `stages.py` and `workloads/`.

    Raises:
        ProjectInvalid: `stages.py` or a workload cannot be used.
    """
    if not (folder / STAGES_FILE).is_file() or not (folder / FOLDER).is_dir():
        return None
    if problems := find_own(folder).problems:
        raise ProjectInvalid("the project's workloads cannot be used:" + "".join(f"\n  - {it}" for it in problems))
    values = _run(folder / STAGES_FILE)
    name, stages = values.get("NAME"), values.get("STAGES")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProjectInvalid(f"{STAGES_FILE}: NAME must be lower-case letters, digits and hyphens, but is {name!r}")
    if not isinstance(stages, tuple | list) or not stages or not all(isinstance(it, public.Stage) for it in stages):
        raise ProjectInvalid(f"{STAGES_FILE}: STAGES must be a list of one or more Stage(…), but is {stages!r}")
    names = [it.name for it in stages]
    if twice := {it for it in names if names.count(it) > 1}:
        raise ProjectInvalid(f"{STAGES_FILE}: {len(names)} stages share the name {min(twice)!r}; names must differ")
    return Project(folder, name, {it.name: stage_of(it, STAGES_FILE) for it in stages})


def _run(file: Path) -> dict[str, Any]:
    try:
        return runpy.run_path(str(file))
    except SyntaxError as error:
        raise ProjectInvalid(f"{file.name}:{error.lineno}: {type(error).__name__}: {error.msg}") from None
    except Exception as error:
        lines = [it.lineno for it in traceback.extract_tb(error.__traceback__) if it.filename == str(file)]
        raise ProjectInvalid(f"{file.name}:{lines[-1] if lines else 1}: {type(error).__name__}: {error}") from None


def stage_of(given: public.Stage, place: str) -> Stage:
    """The stage that a project describes.

    Args:
        given: Its description.
        place: Where that is, for messages.

    Raises:
        ProjectInvalid: A setting cannot be used.
    """
    if problems := tuple(_problems(given)):
        raise ProjectInvalid(f"{place}: stage {given.name!r}: {'; '.join(problems)}")
    settings: dict[str, Any] = dict(given.settings)
    base = DEV if given.like == "dev" else PROD
    reserved = {name: it.reserved for name, it in given.limits.items() if it.reserved is not None}
    try:
        return replace(
            base,
            name=given.name,
            workloads=tuple(given.workloads),
            bedrock=tuple(given.bedrock),
            environment=dict(given.environment),
            rights=tuple(given.rights),
            openai=given.openai,
            waf=given.waf,
            limits={name: _limits(it, given.limits.get(name)) for name, it in base.limits.items()},
            reserved={**base.reserved, **reserved},
            **settings,
        )
    except (StageInvalid, TypeError) as error:
        raise ProjectInvalid(f"{place}: {error}") from None


def _limits(base: Limits, given: public.HandlerLimits | None) -> Limits:
    if given is None:
        return base
    return Limits(
        timeout=base.timeout if given.timeout is None else given.timeout,
        memory_mb=base.memory_mb if given.memory_mb is None else given.memory_mb,
    )


def _problems(given: Any) -> Iterator[str]:
    if not _NAME.fullmatch(given.name):
        yield "name must be lower-case letters, digits and hyphens"
    if given.like not in ("dev", "prod"):
        yield f"like must be 'dev' or 'prod', but is {given.like!r}"
    for field in ("workloads", "bedrock"):
        names = getattr(given, field)
        if isinstance(names, str) or not all(isinstance(it, str) for it in names):
            yield f"{field} must be a list of names, but is {names!r}"
    for name, value in given.environment.items():
        if not _VARIABLE.fullmatch(name) or name.startswith(_RESERVED_VARIABLES):
            yield f"{name!r} cannot be the name of a variable of a workload"
        if not isinstance(value, str):
            yield f"the variable {name} must be a text, but is {value!r}"
    for right in given.rights:
        if not isinstance(right, public.Right):
            yield f"rights must be a list of Right(…), as read_bucket(…) returns, but has {right!r}"
    yield from _problems_of_openai(given.openai)
    if given.waf is not None and not isinstance(given.waf, public.RateRule):
        yield f"waf must be RateRule(…) or None, but is {given.waf!r}"
    yield from _problems_of_limits(given.limits)
    for name in given.settings:
        if name not in SETTINGS:
            near = difflib.get_close_matches(name, SETTINGS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"there is no setting {name!r}{hint or ';'} settings: {', '.join(SETTINGS)}"


def _problems_of_openai(given: Any) -> Iterator[str]:
    if given is None:
        return
    if not isinstance(given, public.OpenAIServer):
        yield f"openai must be OpenAIServer(…) or None, but is {given!r}"
        return
    url = urlsplit(given.url) if isinstance(given.url, str) else urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname:
        yield f"url of openai must be a URL such as https://models.example/v1, but is {given.url!r}"
    names: Any = given.models
    if isinstance(names, str) or not all(isinstance(it, str) and it.startswith("openai/") for it in names):
        yield f"models of openai must be a list of names that begin with openai/, but is {names!r}"


def _problems_of_limits(given: Any) -> Iterator[str]:
    if not isinstance(given, Mapping):
        yield f"limits must be a mapping from functions to HandlerLimits(…), but is {given!r}"
        return
    for name, limits in given.items():
        if name not in LIMITS:
            near = difflib.get_close_matches(str(name), LIMITS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            yield f"limits has {name!r}, which is not a function{hint or ';'} functions: {', '.join(LIMITS)}"
        elif not isinstance(limits, public.HandlerLimits):
            yield f"limits of {name} must be HandlerLimits(…), but is {limits!r}"
        else:
            for field in ("timeout", "memory_mb", "reserved"):
                value = getattr(limits, field)
                if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                    yield f"{field} of {name} must be a whole number from 1, but is {value!r}"
            if name == "inference" and limits.reserved is not None:
                yield "reserved of inference is the setting jobs: write settings={'jobs': …}"
