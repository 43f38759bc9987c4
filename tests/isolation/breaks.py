"""Breaks of the product that the matrix must find, as data; and losses of one layer that another layer makes up for."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

RELAY: Final = "chalicelib/api/relay.py"
READS: Final = "chalicelib/api/reads.py"
RULES: Final = "chalicelib/jobs/rules.py"
SQLITE: Final = "chalicelib/ledger/sqlite.py"
SCHEMA: Final = "graphql/schema.graphql"
FILTER: Final = "graphql/resolvers/Subscription.onInferenceStatusChange.js"
LIST_FILTER: Final = "graphql/resolvers/Subscription.onMyInferences.js"


@dataclass(frozen=True)
class Edit:
    """One replacement in a file of the project. `old` is found exactly once there."""

    file: str
    old: str
    new: str

    def apply(self, tree: Path) -> None:
        """Edit the file in a copy of the project.

        Raises:
            AssertionError: `old` is not found exactly once: the list of breaks is out of date.
        """
        path = tree / self.file
        text = path.read_text()
        found = text.count(self.old)
        assert found == 1, (
            f"expected one {self.old!r} in {self.file}, but found {found}: update tests/isolation/breaks.py"
        )
        path.write_text(text.replace(self.old, self.new))


@dataclass(frozen=True)
class Break:
    """Some edits at once.

    Attributes:
        name: What is missing afterwards.
        edits: How it is removed.
        denies: Whether the authorizer still denies the backend's fields.
    """

    name: str
    edits: tuple[Edit, ...]
    denies: bool = True

    @property
    def is_python(self) -> bool:
        return any(it.file.endswith(".py") for it in self.edits)


HIDDEN: Final = "if head is None or head.owner != owner or head.deleted_at is not None:"
OPEN_UPDATE: Final = Edit(
    SCHEMA,
    "updateStatus(input: UpdateStatusInput!): InferenceStatus! @aws_iam",
    "updateStatus(input: UpdateStatusInput!): InferenceStatus! @aws_iam @aws_lambda @aws_cognito_user_pools",
)
OPEN_TO_AUTHORIZER: Final = Edit(OPEN_UPDATE.file, OPEN_UPDATE.old, f"{OPEN_UPDATE.old} @aws_lambda")
UPDATE_BY_ALL: Final = Edit(RELAY, "case UpdateStatus(update), Backend():", "case UpdateStatus(update), _:")
PUSHED: Final = '"updateStatus", "cancelInference", "dispatchInference"])\n'
OPEN_SUBSCRIPTION: Final = Edit(
    SCHEMA,
    f"(mutations: [{PUSHED}    @aws_lambda\n",
    f"(mutations: [{PUSHED}    @aws_iam\n    @aws_lambda\n",
)
OPEN_LIST: Final = Edit(
    SCHEMA,
    f'(mutations: ["startInference", {PUSHED}    @aws_lambda\n',
    f'(mutations: ["startInference", {PUSHED}    @aws_iam\n    @aws_lambda\n',
)

NOT_DELETED: Final = HIDDEN.replace(" or head.owner != owner", "")
NOT_FOREIGN: Final = HIDDEN.replace(" or head.deleted_at is not None", "")
RECORD: Final = "if record.owner != owner or record.deleted_at is not None:"
ANSWERS_NULL: Final = "\n            return None"
RAISES: Final = "\n        raise"

BREAKS: Final = (
    Break("the owner check of getInference", (Edit(READS, HIDDEN + ANSWERS_NULL, NOT_DELETED + ANSWERS_NULL),)),
    Break("the deletion check of getInference", (Edit(READS, HIDDEN + ANSWERS_NULL, NOT_FOREIGN + ANSWERS_NULL),)),
    Break("the owner check of cancelInference", (Edit(READS, HIDDEN + RAISES, NOT_DELETED + RAISES),)),
    Break("the owner check of inferenceEvents", (Edit(READS, RECORD, "if record.deleted_at is not None:"),)),
    Break("the deletion check of inferenceEvents", (Edit(READS, RECORD, "if record.owner != owner:"),)),
    Break("the owner check of deleteInference",
          (Edit(RELAY, "if head.owner != owner:\n", "if False:\n"),)),
    Break("the owner check of startInference",
          (Edit(RULES, "if existing.owner != opened.owner or not is_same:", "if not is_same:"),)),
    Break("the owner of the list",
          (Edit(SQLITE, "WHERE owner = ? AND expires_at", "WHERE (owner = ? OR 1) AND expires_at"),)),
    Break("that deleted jobs leave the list",
          (Edit(SQLITE, 'owner = job.owner if job.deleted_at is None else ""', "owner = job.owner"),)),
    Break("both layers in front of updateStatus, for users of the pool", (OPEN_UPDATE, UPDATE_BY_ALL)),
    Break("all three layers in front of updateStatus, for the authorizer's users",
          (OPEN_TO_AUTHORIZER, UPDATE_BY_ALL), denies=False),
    Break("the owner in the subscription's filter", (Edit(FILTER, ', "audience.owner": { eq: owner }', ""),)),
    Break("the job in the subscription's filter", (Edit(FILTER, "jobId: { eq: jobId }, ", ""),)),
    Break("the subscription's filter",
          (Edit(FILTER, "extensions.setSubscriptionFilter(", "((it) => it)("),)),
    Break("the directive and the resolver's check of a subscription without an owner",
          (OPEN_SUBSCRIPTION, Edit(FILTER, "if (!owner) util.unauthorized();", ""))),
    Break("the audience in the subscription's filter", (Edit(FILTER, '"audience.owner"', "owner"),)),
    Break("the audience in the filter of the list's subscription", (Edit(LIST_FILTER, '"audience.owner"', "owner"),)),
    Break("the owner in the filter of the list's subscription",
          (Edit(LIST_FILTER, '{ "audience.owner": { eq: owner } }', "{}"),)),
    Break("the filter of the list's subscription",
          (Edit(LIST_FILTER, "extensions.setSubscriptionFilter(", "((it) => it)("),)),
    Break("the directive and the resolver's check of the list's subscription",
          (OPEN_LIST, Edit(LIST_FILTER, "if (!owner) util.unauthorized();", ""))),
)  # fmt: skip

# With one layer lost, the next one still refuses.
LAYERS: Final = (
    Break("the directive of updateStatus", (OPEN_UPDATE,)),
    Break("the relay's check of updateStatus", (UPDATE_BY_ALL,)),
    Break("the directive and the relay's check of updateStatus: the authorizer denies the field",
          (OPEN_TO_AUTHORIZER, UPDATE_BY_ALL)),
    Break("the directive of the subscription", (OPEN_SUBSCRIPTION,)),
    Break("the directive of the list's subscription", (OPEN_LIST,)),
)  # fmt: skip


def lost_directives(schema: str) -> list[Break]:
    """One break for each authorization directive in the schema: the schema without it."""
    return [
        Break(f"directive {number} {found[0].strip()}: {_line(schema, found.start())}", (_without(schema, found),))
        for number, found in enumerate(re.finditer(r"\s@aws_(?:iam|lambda|cognito_user_pools)\b", schema))
    ]


def broken_tree(it: Break, project: Path, tree: Path) -> None:
    """Copy what breaks can change into an empty folder, and break it there."""
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in ("chalicelib", "graphql"):
        shutil.copytree(project / folder, tree / folder, ignore=ignored)
    for edit in it.edits:
        edit.apply(tree)


def _without(schema: str, found: re.Match[str]) -> Edit:
    return Edit(SCHEMA, schema, schema[: found.start()] + schema[found.end() :])


def _line(schema: str, position: int) -> str:
    begin = schema.rfind("\n", 0, schema.rfind("\n", 0, position) if schema[position] == "\n" else position) + 1
    return schema[begin : schema.find("\n", position + 1)].strip()[:60]
