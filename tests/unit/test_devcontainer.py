"""The dev container sets the project up and forwards the stack's own port."""

import json
import re
from pathlib import Path
from typing import Any, Final

from local_stack.arguments import argument_parser

ROOT: Final = Path(__file__).resolve().parents[2]


def settings() -> Any:
    return json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())


def test_the_dev_container_forwards_the_port_that_the_stack_listens_on() -> None:
    port = argument_parser().parse_args([]).port

    assert settings()["forwardPorts"] == [port]
    assert settings()["portsAttributes"][str(port)]["requireLocalPort"] is True


def test_the_dev_container_installs_what_make_run_needs() -> None:
    program, target = settings()["postCreateCommand"].split()
    [needed] = re.findall(r"^run: \$\(VENV\)/(\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert (program, target) == ("make", f".venv/{needed}")


def test_the_dev_container_has_a_python_that_the_project_supports() -> None:
    [version] = re.findall(r"^python:(3\.\d+)", settings()["image"])

    assert f"python{version}" in (ROOT / "Makefile").read_text()
