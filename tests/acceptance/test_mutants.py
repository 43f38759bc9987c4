"""A sample of `make certify-mutants`: the certificate sees a broken product."""

import subprocess
import sys

from certify.mutants import SAMPLE
from tests.contract.conftest import ROOT

BOUND = 300.0  # seconds; on a quiet machine it takes 20


def test_sample_of_mutants_turns_the_right_counts_red() -> None:
    only = [argument for name in SAMPLE for argument in ("--only", name)]

    done = subprocess.run(
        [sys.executable, "-m", "certify.mutation", *only], capture_output=True, text=True, cwd=ROOT, timeout=BOUND
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{len(SAMPLE)} of {len(SAMPLE)} as expected"


def test_unknown_mutant_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "certify.mutation", "--only", "none such"], capture_output=True, text=True, cwd=ROOT
    )

    assert done.returncode == 2
    assert "invalid choice: 'none such'" in done.stderr
