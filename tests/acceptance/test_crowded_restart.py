"""Many crashed jobs that are supervised at once after a restart do not keep callers from reading."""

from pathlib import Path

from tests.acceptance.stack import running_stack
from tests.hostile.outages import crowded_restart


async def test_no_read_is_throttled_while_crashed_jobs_are_failed_after_a_restart(tmp_path: Path) -> None:
    with running_stack(tmp_path / "data", "--jobs", "24", environment={"LONGCALL_QUOTA": "24"}) as stack:
        await crowded_restart(stack, jobs=24)
