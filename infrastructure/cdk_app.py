"""The CDK app: one stage's stack. `make synth`, `diff`, `deploy` and `destroy` run it; see docs/deploying.md.

The stage comes from CDK's context, as in `cdk synth --context stage=dev`.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from infrastructure.bundle import PackagingFailed, build
from infrastructure.stages import UnknownStage, stage_named

ROOT: Final = Path(__file__).resolve().parent.parent


def main() -> int:
    """Synthesise into the folder that CDK's command line chooses.

    Returns:
        The exit code: 1 if the stage is unknown or the zip cannot be built.
    """
    import aws_cdk as cdk

    from infrastructure.stacks.service import ServiceStack

    app = cdk.App()
    try:
        stage = stage_named(str(app.node.try_get_context("stage") or "dev"))
        with tempfile.TemporaryDirectory() as folder:
            package = build(ROOT, Path(folder), stage=stage.name, requirements=stage.requirements)
            ServiceStack(app, f"longcall-{stage.name}", root=ROOT, stage=stage, package=package)
            app.synth()
    except (PackagingFailed, UnknownStage) as error:
        sys.stderr.write(f"longcall: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
