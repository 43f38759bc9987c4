"""Short forms of the outages: a full disk, the stack killed, and one token flooded. `make fuzz` runs longer ones."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.acceptance.stack import LocalStack, running_stack
from tests.hostile.outages import NoSmallDisk, flooded_token, full_disk, killed_stack, small_disk

Disk = Path | NoSmallDisk


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """A small disk, or the reason why there is none."""
    with ExitStack() as cleanup:
        try:
            yield cleanup.enter_context(small_disk(tmp_path_factory.mktemp("outages") / "disk", size="8m"))
        except NoSmallDisk as reason:
            yield reason


@pytest.fixture(scope="module")
def stack(disk: Disk, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One stack for all tests of this module, on the small disk if there is one."""
    folder = disk if isinstance(disk, Path) else tmp_path_factory.mktemp("outages")
    with running_stack(folder / "data") as stack:
        yield stack


async def test_no_request_with_a_fresh_token_is_unauthorized(stack: LocalStack) -> None:
    await flooded_token(stack, requests=300)


async def test_jobs_and_sweep_run_again_after_the_disk_was_full(stack: LocalStack, disk: Disk) -> None:
    if isinstance(disk, NoSmallDisk):
        pytest.skip(str(disk))
    await full_disk(stack, disk, seconds=0)


async def test_users_sign_in_again_with_their_ids_after_the_stack_was_killed(stack: LocalStack) -> None:
    await killed_stack(stack)
