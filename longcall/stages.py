"""The stages of a project, for its file `stages.py`: what differs between its deployments. Plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Right:
    """What the project's workloads may do on AWS: actions of IAM, and the ARNs that they are allowed on."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


def read_bucket(name: str, *, prefix: str = "") -> tuple[Right, ...]:
    """The rights to list a bucket of S3 and to read its objects.

    Args:
        name: The bucket's name.
        prefix: Read only objects whose keys begin with this.
    """
    return (
        Right(("s3:ListBucket",), (f"arn:aws:s3:::{name}",)),
        Right(("s3:GetObject",), (f"arn:aws:s3:::{name}/{prefix}*",)),
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """One deployment.

    Attributes:
        name: Part of the stack's name; lower-case letters, digits and hyphens.
        workloads: Models that callers may use; `*` matches any text.
        bedrock: Ids of models and inference profiles on Amazon Bedrock, or their ARNs.
        environment: Environment variables of the workloads.
        rights: What the workloads may do on AWS.
        like: Whose other settings it has: `dev` deletes everything with the stack, `prod` retains and protects it.
        settings: Other settings, by the name that docs/deploying.md lists, such as `{"jobs": 20, "quota": 5}`.
    """

    name: str
    workloads: tuple[str, ...]
    bedrock: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    rights: tuple[Right, ...] = ()
    like: Literal["dev", "prod"] = "dev"
    settings: Mapping[str, object] = field(default_factory=dict)
