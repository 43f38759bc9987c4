"""The command line of `longcall serve`: its options, their help and how they are parsed."""

import argparse
from pathlib import Path
from typing import Final, NoReturn

from local_stack.addresses import LOOPBACK

UNUSABLE_ARGUMENTS: Final = 2  # exit code: the command line's USAGE
DEFAULT_JOBS: Final = 8
LONGEST_INVOCATION: Final = 900  # seconds, Lambda's limit
EXAMPLES: Final = """\
examples:
  longcall serve --port 4001 --data /tmp/other
  longcall serve --once -- run report.txt
  longcall serve --watch --verbose
  longcall serve --template cdk.out/longcall-dev.template.json
"""


def whole_number(text: str) -> int:
    """The value of an option that is a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, and found {text[:80]!r}") from None


class _Parser(argparse.ArgumentParser):
    """Reports an error in one sentence, as every other longcall command does."""

    def error(self, message: str) -> NoReturn:
        sentence = message.removeprefix("argument ")
        self.exit(UNUSABLE_ARGUMENTS, f"longcall: {sentence}; see `longcall serve --help`\n")


def argument_parser() -> argparse.ArgumentParser:
    """The parser; `options_from` checks the values that it returns."""
    parser = _Parser(
        prog="longcall serve", description="Run all of Longcall on this machine.", epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--host", default=LOOPBACK, help="loopback address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=whole_number, default=4000, help="port of the GraphQL API; 0: a free one (default %(default)s)"
    )
    parser.add_argument(
        "--origin", action="append", default=[], metavar="URL",
        help="let pages of this origin call the API, as https://app.example; can be repeated (default: pages of this "
        "machine only)",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=Path(".longcall"), help="folder for jobs and state (default %(default)s)"
    )
    parser.add_argument("--ledger", help="sqlite:<path> or dynamodb:<table> (default: jobs.db in the data folder)")
    parser.add_argument(
        "--users", type=whole_number, default=2, help="number of test users, 2 to 100 (default %(default)s)"
    )
    parser.add_argument(
        "--jobs", type=whole_number, help=f"jobs that run at once, 1 to 256 (default {DEFAULT_JOBS}, or the stage's)"
    )
    parser.add_argument(
        "--timeout", type=whole_number,
        help=f"seconds of one job, 1 to {LONGEST_INVOCATION} (default {LONGEST_INVOCATION}, or the stage's)",
    )  # fmt: skip
    parser.add_argument("--stage", help="use the settings and limits of a stage of infrastructure/stages.py")
    parser.add_argument(
        "--template", type=Path, metavar="FILE", help="run a synthesised CloudFormation template instead"
    )
    parser.add_argument(
        "--bedrock", metavar="WHERE", help="run models on Amazon Bedrock too: aws, or the URL of an endpoint"
    )
    parser.add_argument(
        "--openai", metavar="URL",
        help="server for models named openai/…, as http://127.0.0.1:8080/v1 (default: Ollama)",
    )  # fmt: skip
    parser.add_argument("--chaos", default="", metavar="SPEC", help="inject faults, as drop=0.3,crash=0.05,seed=7")
    parser.add_argument("--open", action="store_true", help="open the console in a browser once the stack is running")
    parser.add_argument("--once", action="store_true", help="stop when COMMAND ends, with its exit code")
    parser.add_argument("--watch", action="store_true", help="reload schema, resolvers and handlers when they change")
    parser.add_argument(
        "--verbose", action="store_true", help="log every operation, its resolver steps, and what the workers print"
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the content of stack.json as one line on standard output once it runs",
    )
    parser.add_argument(
        "command", nargs="*", metavar="COMMAND", help="after --: a longcall command to run once the stack is running"
    )
    return parser
