"""Reads the file of a CloudFormation template: JSON, or YAML with the short forms of intrinsic functions."""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, Final

from local_stack.template.document import TemplateInvalid

ADVICE: Final = "expected a CloudFormation or SAM template in JSON or YAML, or the folder that `cdk synth` wrote"

SECTIONS: Final = ("Parameters", "Mappings", "Conditions", "Outputs")
_KEY: Final = re.compile(r"""^\s*["']?([\w:.-]+?)["']?\s*:(?!:)""")


def read_body(path: Path) -> dict[str, Any]:
    """The content of a template file.

    Short forms in YAML become full ones: `!GetAtt A.B` becomes `{"Fn::GetAtt": ["A", "B"]}`.

    Raises:
        TemplateInvalid: The file cannot be read, or is not a template.
    """
    try:
        text = path.read_text("utf-8")
    except OSError as error:
        raise TemplateInvalid(f"{path} cannot be read ({error.strerror}); {ADVICE}") from None
    except UnicodeDecodeError:
        raise TemplateInvalid(f"{path} is not UTF-8; save it as UTF-8") from None
    body = _parsed(text, path)
    resources = body.get("Resources") if isinstance(body, dict) else None
    if not isinstance(resources, dict):
        raise TemplateInvalid(f"{path} is not a CloudFormation template: it has no Resources; {ADVICE}")
    for name, resource in resources.items():
        if str(name).startswith("Fn::"):
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            raise TemplateInvalid(f"{path}:{line_of(path, str(name))}: {name} has no Type")
        if not isinstance(name, str) or not isinstance(resource.get("Properties") or {}, dict):
            raise TemplateInvalid(
                f"{path}:{line_of(path, str(name))}: {name} must be text, and its Properties an object"
            )
    for section in SECTIONS:
        if not isinstance(body.get(section) or {}, dict):
            raise TemplateInvalid(f"{path}:{line_of(path, section)}: {section} must be an object")
        for name, declared in (body.get(section) or {}).items():
            if not isinstance(name, str) or not isinstance(declared, dict):
                raise TemplateInvalid(f"{path}:{line_of(path, str(name))}: {name} of {section} must be an object")
    return dict(body)


def line_of(path: Path, logical_id: str) -> int:
    """The line of a template that declares a resource, parameter or condition; 1 if it is not found."""
    return _lines_of_keys(path, path.stat().st_mtime_ns).get(logical_id, 1)


@cache
def _lines_of_keys(path: Path, _changed: int) -> dict[str, int]:
    """By key: the first line of a file that begins with it."""
    lines: dict[str, int] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if (key := _KEY.match(line)) is not None:
            lines.setdefault(key[1], number)
    return lines


def _parsed(text: str, path: Path) -> Any:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text)
    except json.JSONDecodeError as error:
        raise TemplateInvalid(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    import yaml  # type: ignore[import-untyped]  # it has no types

    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506  # a kind of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise TemplateInvalid(f"{path}{where}: not YAML: {getattr(error, 'problem', None) or error}") from None


@cache
def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # it has no types
        """Knows the short forms. Dates stay text, as policies need them."""

    resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.yaml_implicit_resolvers = resolvers
    Loader.add_multi_constructor("!", _full_form)
    return Loader


def _full_form(loader: Any, name: str, node: Any) -> dict[str, Any]:
    import yaml

    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if name == "GetAtt":
            value = str(value).split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}
