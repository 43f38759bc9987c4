"""Finds the template that `--template` names: a file, a folder that `cdk synth` wrote, or a folder with a template."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local_stack.template.document import TemplateInvalid

MANIFEST: Final = "manifest.json"
STACK: Final = "aws:cloudformation:stack"
# Tried in this order: what `sam build` wrote has the functions' dependencies.
USUAL: Final = (".aws-sam/build/template.yaml", "template.yaml", "template.yml", "template.json")


@dataclass(frozen=True, slots=True)
class FoundTemplate:
    """A template file and the name of its stack; None: that of the file."""

    path: Path
    stack: str | None = None


def find_template(given: Path, stack: str | None) -> FoundTemplate:
    """The template at a path.

    Args:
        given: A file or a folder.
        stack: The name of a stack, for a folder with several; None: it has one.

    Raises:
        TemplateInvalid: There is none, or there are several to choose from; names them.
    """
    if not given.is_dir():
        if stack is not None:
            raise TemplateInvalid(f"--stack chooses a stack of a folder, and {given} is a file; leave it out")
        return FoundTemplate(given)
    if (given / MANIFEST).is_file():
        return _chosen(given, stacks_of(given), stack)
    found = next((given / it for it in USUAL if (given / it).is_file()), None)
    if found is not None and stack is None:
        return FoundTemplate(found)
    if (given / "cdk.json").is_file():
        advice = f"run `cdk synth` in it, and give {given / 'cdk.out'}"
    else:
        advice = f"expected {MANIFEST}, which `cdk synth` writes, or {' or '.join(USUAL[1:])}; give the file"
    raise TemplateInvalid(f"{given} has no template: {advice}")


def stacks_of(folder: Path) -> dict[str, Path]:
    """The templates of a folder that `cdk synth` wrote, and of the stages in it, by the names of their stacks.

    Raises:
        TemplateInvalid: The folder's manifest cannot be read.
    """
    try:
        artifacts: Mapping[str, Any] = json.loads((folder / MANIFEST).read_text("utf-8"))["artifacts"]
        found: dict[str, Path] = {}
        for name, artifact in artifacts.items():
            properties = artifact.get("properties", {})
            if artifact["type"] == STACK:
                found[str(properties.get("stackName", name))] = folder / properties["templateFile"]
            elif artifact["type"] == "cdk:cloud-assembly":
                found |= stacks_of(folder / properties["directoryName"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise TemplateInvalid(f"{folder / MANIFEST} cannot be read; write the folder again with `cdk synth`") from None
    return found


def _chosen(folder: Path, stacks: Mapping[str, Path], stack: str | None) -> FoundTemplate:
    if stack is not None and stack in stacks:
        return FoundTemplate(stacks[stack], stack)
    if stack is None and len(stacks) == 1:
        ((name, path),) = stacks.items()
        return FoundTemplate(path, name)
    names = ", ".join(sorted(stacks)) or "none"
    problem = f"{folder} has no stack {stack}" if stack is not None else f"{folder} has {len(stacks)} stacks"
    raise TemplateInvalid(f"{problem}; choose one with --stack NAME: {names}")
