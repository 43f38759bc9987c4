"""The protocol object needs neither a network library, nor an event loop, nor a clock."""

import ast
from importlib.resources import files

import pytest

PURE = {"collections", "dataclasses", "enum", "itertools", "json", "typing"}
OURS = {"longcall.errors", "longcall.faults", "longcall.realtime.messages"}


@pytest.mark.parametrize("module", ["messages", "protocol"])
def test_module_imports_no_network_library_and_no_clock(module: str) -> None:
    text = (files("longcall") / "realtime" / f"{module}.py").read_text("utf-8")
    imported = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names}

    others = {str(name) for name in imported} - OURS
    assert {name.partition(".")[0] for name in others} <= PURE
