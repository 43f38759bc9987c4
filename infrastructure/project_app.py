"""The CDK app of a project that uses Longcall as a package. `longcall cdk`, the `app` of its `cdk.json`, runs it.

The project is the working directory; the stage comes from CDK's context, as in `cdk synth --context stage=dev`.
"""

import sys
import tempfile
from pathlib import Path
from typing import Final

from infrastructure.bundle import PackagingFailed, build
from infrastructure.project import ProjectInvalid, find_project
from infrastructure.stages import UnknownStage

BASE: Final = Path(__file__).resolve().parent.parent


def main() -> int:
    """Synthesise into the folder that CDK's command line chooses.

    Returns:
        The exit code: 1 if the project or the stage cannot be used, or the zip cannot be built.
    """
    import aws_cdk as cdk

    from infrastructure.stacks.service import ServiceStack

    app = cdk.App()
    try:
        project = find_project(Path.cwd())
        if project is None:
            raise ProjectInvalid("there is no project here: a folder with workloads/ and stages.py")
        name = app.node.try_get_context("stage")
        stage = project.stage(None if name is None else str(name))
        with tempfile.TemporaryDirectory() as folder:
            package = build(
                BASE, Path(folder), stage=stage.name, requirements=stage.requirements, project=project.folder
            )
            ServiceStack(app, f"{project.name}-{stage.name}", root=BASE, stage=stage, package=package)
            app.synth()
    except (PackagingFailed, ProjectInvalid, UnknownStage) as error:
        sys.stderr.write(f"longcall: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
