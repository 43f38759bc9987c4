"""Starts the applications of a folder: `python -m bench.samples FOLDER…` runs each template with a GraphQL API.

Each is started with `longcall serve --template`, alone, with a new data folder and without a way to the internet: no
AWS login, and proxies that lead nowhere. Parameters without a default, and values that a refusal asks for, are
`sample`. The result is a table in Markdown. The folders are those of other people's applications; an application of
CDK needs `cdk synth` before.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_stack.template.composition import read_template
from local_stack.template.document import Template, TemplateInvalid
from local_stack.template.reading import read_body
from longcall import CognitoPassword

SUFFIXES: Final = (".json", ".yaml", ".yml")
API: Final = re.compile(rb"AWS::(AppSync|Serverless)::GraphQL(Api|API)\b")
RESOURCES: Final = re.compile(rb"""(^|[{,])\s*["']?Resources["']?\s*:""", re.MULTILINE)
SKIPPED: Final = frozenset({"node_modules", ".git", ".venv", "venv", "__pycache__"})
NOWHERE: Final = "http://127.0.0.1:9"
VALUE: Final = "sample"
ROUNDS: Final = 3  # further starts with the values that the one before asked for
_UNABLE: Final = re.compile(r"^longcall: (.+ cannot be run: .+)$", re.MULTILINE)
_ADVICE: Final = re.compile(r"with --parameter (\S+)=VALUE")
INTROSPECTION: Final = "{ __schema { types { name } } }"
LONGEST: Final = 90  # characters of a problem in the table
OPEN: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Sample:
    """The result of one application."""

    name: str
    kind: str
    starts: bool
    introspection: bool
    given: int  # values
    resolvers: int
    loading: int  # of these resolvers
    problems: tuple[str, ...]  # what stopped the start, or what of it cannot be run

    def row(self) -> str:
        """The row of the table."""
        first = re.sub(r"^\S+:\d+(:\d+)?: ", "", self.problems[0]) if self.problems else ""
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        shown = first if len(first) <= LONGEST else f"{first[:LONGEST]}…"
        cells = (
            self.name, self.kind, _yes(self.starts), _yes(self.introspection), f"{self.loading} of {self.resolvers}",
            str(self.given or ""),
            (shown + more).replace("|", "\\|"),
        )  # fmt: skip
        return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.samples", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="folder with applications")
    parser.add_argument("--seconds", type=int, default=90, help="for one start (default %(default)s)")
    parser.add_argument("--all", action="store_true", help="print every problem to standard error")
    chosen = parser.parse_args()
    samples = []
    for folder in chosen.folders:
        for template in find_templates(folder):
            sample = tried(template, _name(template, folder), seconds=chosen.seconds)
            samples.append(sample)
            sys.stderr.write(f"{sample.row()}\n")
            if chosen.all:
                sys.stderr.writelines(f"    {it}\n" for it in sample.problems)
    sys.stdout.write(f"{table(samples)}\n")


def table(samples: Sequence[Sample]) -> str:
    """The table of the samples, with a line that counts them."""
    head = (
        "| Application | Kind | Starts | Introspection | Resolvers that load | Values given | First problem |",
        "|---|---|---|---|---|---|---|",
    )
    count = f"{sum(it.starts for it in samples)} of {len(samples)} start."
    return "\n".join((*head, *(it.row() for it in samples), "", count))


def find_templates(folder: Path) -> Iterator[Path]:
    """The templates with a GraphQL API in a folder, and below it; of an application that is built, the built ones."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(it for it in folders if it not in SKIPPED)
        for name in sorted(files):
            path = Path(parent, name)
            if path.suffix in SUFFIXES and ".nested." not in name:
                text = path.read_bytes()
                if API.search(text) and RESOURCES.search(text):
                    yield path


def tried(template: Path, name: str, *, seconds: float) -> Sample:
    """Start one application, ask for its schema, and stop it."""
    try:
        body: Mapping[str, Any] = read_body(template)
    except TemplateInvalid as invalid:
        return Sample(name, _kind(template, {}), False, False, 0, 0, 0, (str(invalid),))
    parameters = [
        it for it, declared in (body.get("Parameters") or {}).items() if "Default" not in (declared or {})
    ]  # fmt: skip
    try:
        read: Template | None = read_template(template, dict.fromkeys(parameters, VALUE))
    except TemplateInvalid:
        read = None
    resolvers = [] if read is None else [it.name for it in read.of_type("AWS::AppSync::Resolver")]
    answered, problems = _started(template, parameters, seconds)
    for _ in range(ROUNDS):
        wanted = [it[1] for problem in problems if (it := _ADVICE.search(problem))]
        if answered is not None or not wanted:
            break
        parameters.extend(dict.fromkeys(wanted))
        answered, problems = _started(template, parameters, seconds)
    broken = {it for it in resolvers if any(f": {it}: " in problem or f": {it}." in problem for problem in problems)}
    loading = len(resolvers) - len(broken)
    return Sample(
        name, _kind(template, body), answered is not None, bool(answered), len(parameters), len(resolvers), loading,
        problems,
    )  # fmt: skip


def _started(template: Path, parameters: Sequence[str], seconds: float) -> tuple[bool | None, tuple[str, ...]]:
    """Whether the schema was answered, None if the application did not start; and what stopped it."""
    with TemporaryDirectory(prefix="samples-") as data:
        return _served(template, parameters, Path(data), seconds)


def _served(
    template: Path, parameters: Sequence[str], data: Path, seconds: float
) -> tuple[bool | None, tuple[str, ...]]:
    options = [it for name in parameters for it in ("--parameter", f"{name}={VALUE}")]
    command = [
        sys.executable, "-m", "longcall", "serve", "--port", "0", "--data", str(data), "--template", str(template),
        "--json", *options,
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603  # our own command
        command, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None  # noqa: S101  # a pipe
    try:
        timer = _timer(process, seconds)
        line = process.stdout.readline()
        timer.cancel()
        answered = _answers(json.loads(line)) if line else None
    finally:
        errors = _ended(process, seconds)
    return answered, _problems(errors) if answered is None else tuple(_UNABLE.findall(errors))


def _ended(process: "subprocess.Popen[str]", seconds: float) -> str:
    """What it wrote to standard error, after it was stopped."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[1]


def _timer(process: "subprocess.Popen[str]", seconds: float) -> Any:
    from threading import Timer

    timer = Timer(seconds, process.kill)
    timer.start()
    return timer


def _problems(errors: str) -> tuple[str, ...]:
    for line in reversed(errors.splitlines()):
        if line.startswith("{") and '"message"' in line:
            message = str(json.loads(line)["message"])
            return tuple(it.removeprefix("  - ") for it in message.splitlines() if it.startswith("  - ")) or (message,)
    lines = errors.strip().splitlines()
    return (lines[-1] if lines else "it did not start in time",)


def _answers(stack: Mapping[str, Any]) -> bool:
    """Whether the API answers an introspection to a caller of one of its modes."""
    body = json.dumps({"query": INTROSPECTION}).encode()
    return any(_asked(stack["graphqlUrl"], body, headers) for headers in _callers(stack, body))


def _callers(stack: Mapping[str, Any], body: bytes) -> Iterator[dict[str, str]]:
    yield from ({"x-api-key": str(key)} for key in stack["apiKeys"])
    user = stack["users"][0]
    sign_in = CognitoPassword(
        stack["region"], stack["clientId"], user["username"], user["password"],
        pool_id=stack["userPoolId"], endpoint_url=stack["cognitoUrl"],
    )  # fmt: skip
    import asyncio

    yield {"authorization": asyncio.run(sign_in())}
    operator = stack["operator"]
    request = AWSRequest("POST", stack["graphqlUrl"], {"content-type": "application/json"}, body)
    SigV4Auth(
        Credentials(operator["accessKeyId"], operator["secretAccessKey"]), "appsync", stack["region"]
    ).add_auth(request)  # fmt: skip
    yield dict(request.headers.items())
    yield {"authorization": "custom-sample"}


def _asked(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    request = urllib.request.Request(url, body, {"content-type": "application/json", **headers})  # noqa: S310  # HTTP
    try:
        with OPEN.open(request, timeout=30) as response:
            return bool((json.load(response).get("data") or {}).get("__schema"))
    except (OSError, ValueError):
        return False


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    return {**kept, **proxies, "NO_PROXY": "127.0.0.1,localhost", "AWS_EC2_METADATA_DISABLED": "true"}


def _kind(template: Path, body: Mapping[str, Any]) -> str:
    if template.name.endswith(".template.json"):
        return "CDK"
    return "SAM" if "Serverless" in str(body.get("Transform", "")) else "CloudFormation"


def _name(template: Path, folder: Path) -> str:
    """The folder of an application, with the name of its template if that is not the usual one."""
    path = template.relative_to(folder)
    if path.parent.name == "cdk.out":
        return f"{path.parent.parent.as_posix()} ({path.name.removesuffix('.template.json')})"
    if path.stem != "template":
        return path.as_posix()
    return folder.resolve().name if path.parent == Path() else path.parent.as_posix()


def _yes(value: bool) -> str:
    return "yes" if value else "no"


if __name__ == "__main__":
    main()
