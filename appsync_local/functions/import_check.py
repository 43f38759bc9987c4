"""Whether handlers can be imported as their code stands, tried in a process of its own before a worker needs it.

The process ends with the answer, so code that is wrong, or that does something when it is imported, leaves no trace.
"""

import asyncio
import importlib
import json
import os
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from appsync_local.functions.worker import Unusable, find_handler

PATIENCE: Final = 30.0  # seconds to import everything on a busy machine


async def check_imports(root: Path, handlers: Iterable[str], changed: Iterable[Path] = ()) -> tuple[str, ...]:
    """What is wrong with the handlers' code.

    Args:
        root: Folder that their modules are imported from.
        handlers: In AWS's form, `module.attribute`.
        changed: Python files under `root` that are imported too: a handler may import them only when it is called.

    Returns:
        A sentence for each fault, with file and line; none where workers can be started.
    """
    asked = {"root": str(root), "handlers": sorted(handlers), "changed": [str(path) for path in changed]}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-B", "-m", __name__,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            told, _ = await process.communicate(json.dumps(asked).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        return (f"the handlers' modules took longer than {PATIENCE:.0f} s to import; move work out of the top level",)
    try:
        # What modules print when they are imported comes before the answer.
        return tuple(json.loads(told.splitlines()[-1]))
    except (IndexError, ValueError):
        return (f"importing the handlers' modules ended Python with status {process.returncode}",)


def problems(root: Path, handlers: Sequence[str], changed: Sequence[Path]) -> Iterator[str]:
    """As `check_imports`, in this process."""
    sys.path.insert(0, str(root))
    os.chdir(root)
    broken: set[str] = set()
    for path in changed:
        module = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        try:
            importlib.import_module(module)
        except Exception as error:
            broken.add(sentence := _sentence(error, root))
            yield sentence
    for handler in handlers:
        try:
            find_handler(handler)
        except Unusable as unusable:
            cause = unusable.__cause__
            if cause is None or isinstance(cause, AttributeError):
                module, _, name = handler.rpartition(".")
                yield f"{module.replace('.', '/')}.py: there is no handler {name!r}; define it, or unwire its function"
            elif (sentence := _sentence(cause, root)) not in broken:
                broken.add(sentence)
                yield sentence
        except Exception as error:
            if (sentence := _sentence(error, root)) not in broken:
                broken.add(sentence)
                yield sentence


def _sentence(error: BaseException, root: Path) -> str:
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{_named(error.filename, root)}:{error.lineno}:{error.offset}: {type(error).__name__}: {error.msg}"
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(f"{root}{os.sep}")]
    where = f"{_named(own[-1].filename, root)}:{own[-1].lineno}: " if own else ""
    advice = "; install it, or correct the import" if isinstance(error, ModuleNotFoundError) else ""
    return f"{where}{type(error).__name__}: {error}{advice}"


def _named(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file


def main() -> None:
    asked = json.loads(sys.stdin.read())
    found = list(problems(Path(asked["root"]), asked["handlers"], [Path(path) for path in asked["changed"]]))
    sys.stdout.write("\n" + json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)  # although the modules may have started threads


if __name__ == "__main__":
    main()
