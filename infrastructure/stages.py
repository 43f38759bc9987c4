"""The stages: everything that differs between two deployments. All other values of the stack are the same for all."""

from collections.abc import Mapping
from typing import Final

from chalicelib.api.calls import Reporting
from infrastructure.limits import FOR_PRODUCTION
from infrastructure.protection import OPERATION_IN_PRODUCTION, SIGN_IN_IN_PRODUCTION
from infrastructure.stage import Data, SecondFactor, SignUp, Stage

DEV: Final = Stage(
    name="dev",
    data=Data.DESTROYED,
    second_factor=SecondFactor.OFF,
    sign_up=SignUp.OPERATOR,
    reporting=Reporting.SIGNATURE,
    workloads=("simulated.*", "local.*"),
    bedrock=("amazon.nova-micro-v1:0",),
    jobs=10,
    log_days=7,
)

PROD: Final = Stage(
    name="prod",
    data=Data.RETAINED,
    second_factor=SecondFactor.OPTIONAL,
    sign_up=SignUp.OPERATOR,
    reporting=Reporting.SIGNATURE,
    workloads=("local.*", "simulated.story"),  # `longcall smoke` runs the story
    bedrock=("amazon.nova-lite-v1:0", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
    jobs=100,
    reserved=FOR_PRODUCTION,
    sign_in=SIGN_IN_IN_PRODUCTION,
    operation=OPERATION_IN_PRODUCTION,
    log_days=90,
)

STAGES: Final[Mapping[str, Stage]] = {stage.name: stage for stage in (DEV, PROD)}


class UnknownStage(Exception):
    """There is no stage with this name."""

    def __init__(self, name: str, known: tuple[str, ...], file: str) -> None:
        super().__init__(f"unknown stage {name!r}; use {' or '.join(known)}, or add it to {file}")


def stage_named(name: str) -> Stage:
    """The stage with a name.

    Raises:
        UnknownStage: There is no stage with this name.
    """
    try:
        return STAGES[name]
    except KeyError:
        raise UnknownStage(name, tuple(STAGES), "infrastructure/stages.py") from None
