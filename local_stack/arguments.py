"""The command line of `longcall serve`: its options, their help and how they are parsed."""

import argparse
import re
from pathlib import Path
from typing import Final, NoReturn

from local_stack.addresses import LOOPBACK
from longcall.cli.program import program

UNUSABLE_ARGUMENTS: Final = 2  # exit code: the command line's USAGE
DEFAULT_JOBS: Final = 8
LONGEST_INVOCATION: Final = 900  # seconds, Lambda's limit
HELP_WIDTH: Final = 80  # columns, as the help of every other longcall command
HELP_COLUMN: Final = 25  # where the descriptions of the options begin
EXAMPLES: Final = """\
  Examples:
    longcall serve --port 4001 --data /tmp/other
    longcall serve --once -- run report.txt
    longcall serve --watch --verbose
    longcall serve --template cdk.out/longcall-dev.template.json
    longcall serve --template template.yaml --parameter Stage=local
    longcall serve --template cdk.out --stack shop-dev
"""


def whole_number(text: str) -> int:
    """The value of an option that is a whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number, and found {text[:80]!r}") from None


class _Parser(argparse.ArgumentParser):
    """Shows its help and reports an error as every other longcall command does."""

    def error(self, message: str) -> NoReturn:
        sentence = message.removeprefix("argument ")
        sentence = sentence.replace("unrecognized arguments:", "no such option:")
        sentence = re.sub(r"(--[\w-]+): expected one argument", r"expected a value after \1", sentence)
        self.exit(UNUSABLE_ARGUMENTS, f"longcall: {sentence}; see `{program()} serve --help`\n")

    def format_help(self) -> str:
        titles = {"usage:": "Usage:", "options:": "Options:", "positional arguments:": "Arguments:"}
        rows = super().format_help().splitlines()
        return "\n".join((*(re.sub(r"^[a-z][a-z ]*:", lambda title: titles[title[0]], row) for row in rows), ""))


def _formatter(prog: str) -> argparse.RawDescriptionHelpFormatter:
    return argparse.RawDescriptionHelpFormatter(prog, max_help_position=HELP_COLUMN, width=HELP_WIDTH)


def argument_parser() -> argparse.ArgumentParser:
    """The parser; `options_from` checks the values that it returns."""
    parser = _Parser(
        prog="longcall serve", usage="longcall serve [OPTIONS] [-- COMMAND]", epilog=EXAMPLES, add_help=False,
        description="  Run the whole stack on this machine.", formatter_class=_formatter,
    )  # fmt: skip
    parser.add_argument("--host", default=LOOPBACK, help="Loopback address to listen on.  [default: %(default)s]")
    parser.add_argument(
        "--port",
        type=whole_number,
        default=4000,
        help="Port of the GraphQL API; 0: a free one.  [default: %(default)s]",
    )
    parser.add_argument(
        "--origin", action="append", default=[], metavar="URL",
        help="Let pages of this origin call the API, as https://app.example; may be repeated.  "
        "[default: pages of this machine]",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=Path(".longcall"), help="Folder for jobs and state.  [default: %(default)s]"
    )
    parser.add_argument(
        "--ledger",
        help="Where jobs are stored: sqlite:<path> or dynamodb:<table>.  [default: jobs.db in the data folder]",
    )
    parser.add_argument(
        "--users", type=whole_number, default=2, help="Number of test users, 2 to 100.  [default: %(default)s]"
    )
    parser.add_argument(
        "--jobs", type=whole_number, help=f"Jobs that run at once, 1 to 256.  [default: {DEFAULT_JOBS}, or the stage's]"
    )
    parser.add_argument(
        "--timeout", type=whole_number,
        help=f"Seconds of one job, 1 to {LONGEST_INVOCATION}.  [default: {LONGEST_INVOCATION}, or the stage's]",
    )  # fmt: skip
    parser.add_argument("--stage", help="Use the settings and limits of a stage of infrastructure/stages.py.")
    parser.add_argument(
        "--template", type=Path, metavar="PATH",
        help="Run the application of a CloudFormation or SAM template instead: a file, or a folder such as cdk.out.",
    )  # fmt: skip
    parser.add_argument(
        "--stack", metavar="NAME",
        help="With --template: the stack to run, if cdk synth wrote several into the folder, as shop-dev.",
    )  # fmt: skip
    parser.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE",
        help="With --template: value of a parameter, as Stage=local, or of an attribute that this machine does not "
        "know, as Network.VpcId=vpc-1; may be repeated.",
    )  # fmt: skip
    parser.add_argument(
        "--database", action="append", default=[], metavar="NAME=URL",
        help="With --template: PostgreSQL, MySQL or MariaDB database of an RDS data source, as "
        "Shop=postgresql://127.0.0.1/shop; may be repeated.",
    )  # fmt: skip
    parser.add_argument(
        "--allow-aws", action="store_true",
        help="With --template: let functions and data sources call AWS, with your login and at your cost, for services "
        "that this machine does not have.",
    )  # fmt: skip
    parser.add_argument(
        "--bedrock", metavar="WHERE", help="Run models on Amazon Bedrock too: aws, or the URL of an endpoint."
    )
    parser.add_argument(
        "--openai", metavar="URL",
        help="Server for models named openai/…, as http://127.0.0.1:8080/v1.  [default: Ollama]",
    )  # fmt: skip
    parser.add_argument("--chaos", default="", metavar="SPEC", help="Inject faults, as drop=0.3,crash=0.05,seed=7.")
    parser.add_argument("--open", action="store_true", help="Open the console in a browser once the stack is running.")
    parser.add_argument("--once", action="store_true", help="Stop when COMMAND ends, with its exit code.")
    parser.add_argument("--watch", action="store_true", help="Reload schema, resolvers and handlers when they change.")
    parser.add_argument(
        "--verbose", action="store_true", help="Log every operation, its resolver steps, and what the workers print."
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="Print the content of stack.json as one line on standard output once it runs.",
    )
    parser.add_argument(
        "command", nargs="*", metavar="COMMAND", help="After --: a longcall command to run once the stack is running."
    )
    parser.add_argument("--help", action="help", help="Show this message and exit.")
    return parser
