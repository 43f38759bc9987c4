"""Runs the matrix on a copy of the project: `python -m tests.isolation TREE [--without-denials]`.

It is a process of its own, because the copy has other handlers than the project.
Prints a JSON object with the number of cells and the violations.
"""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run on the tree, whose `chalicelib` and `graphql` come before those of the project."""
    tree = Path(sys.argv[1])
    sys.path.insert(0, str(tree))
    import asyncio
    import json
    import tempfile

    import chalicelib
    from infrastructure.backend_fields import backend_fields
    from tests.isolation.matrix import FEW_KINDS, FEW_STATES, Matrix
    from tests.isolation.world import running_world

    assert Path(str(chalicelib.__file__)).is_relative_to(tree), "the tree's own handlers must be tested"
    pristine = PROJECT / "graphql"
    denied = () if "--without-denials" in sys.argv else backend_fields((pristine / "schema.graphql").read_text())

    async def run() -> Matrix:
        with tempfile.TemporaryDirectory() as folder:
            async with running_world(tree / "graphql", Path(folder), denied_fields=denied) as world:
                matrix = Matrix(world, pristine, FEW_STATES, FEW_KINDS, enough=1)
                await matrix.run()
                return matrix

    matrix = asyncio.run(run())
    print(json.dumps({"cells": matrix.cells, "violations": [str(it) for it in matrix.violations]}))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
