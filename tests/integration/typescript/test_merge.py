"""The TypeScript client merges random events as the Python client does."""

import json
import subprocess
from itertools import accumulate
from pathlib import Path

from longcall import JobView
from tests.integration.typescript.client_folder import bundle, require_packages
from tests.support.node_packages import found
from tests.unit.longcall.test_vectors import JOB, fold, shown

RUNS = 500
SEED = 20_261_127


def test_both_clients_show_the_same_of_random_events_in_random_order_with_losses(tmp_path: Path) -> None:
    require_packages()
    script = tmp_path / "oracle.cjs"
    bundle("tests/live/oracle.ts", script, "--platform=node", "--format=cjs")
    command = [found("node"), str(script), str(RUNS), str(SEED)]
    views = 0
    with (
        (tmp_path / "errors").open("w+") as errors,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8"
        ) as node,
    ):
        assert node.stdin is not None
        assert node.stdout is not None
        for line in node.stdout:
            answer = [shown(view) for view in accumulate(json.loads(line), fold, initial=JobView(JOB))][1:]
            views += len(answer)
            node.stdin.write(json.dumps(answer) + "\n")
            node.stdin.flush()
        code = node.wait(timeout=60)
        errors.seek(0)
        assert code == 0, errors.read()
    assert views > 5 * RUNS
