"""The code of a template's functions and layers, unpacked: a folder for each function that has code of its own.

Functions for Node.js are copied out of the developer's project. Node.js looks for packages in every folder above the
code, so that a function which lacks a package would find it in the project here, and not on Lambda.
"""

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from appsync_local.functions.spec import NODE, Package
from local_stack.template.document import LOCAL, Resource, Template, TemplateInvalid
from local_stack.template.intrinsics import IntrinsicResolver
from local_stack.template.package_remarks import remarks_on
from local_stack.template.public_layers import link_public_layer, public_layer
from local_stack.template.runtime_libraries import link_layers, link_node, link_python, node_project

LAYERS: Final = ("AWS::Lambda::LayerVersion", "AWS::Serverless::LayerVersion")


class Packages:
    """Unpacks the packages of one template.

    Args:
        template: The template.
        intrinsics: Resolves its references.
        folder: Where functions in Python are unpacked to, below the data folder.
        new_folder: Makes the folder that functions for Node.js are unpacked to, if there are any. It is not below a
            project.

    Attributes:
        warnings: What is left out of a package, or is missing in it, one sentence each.
    """

    def __init__(
        self, template: Template, intrinsics: IntrinsicResolver, *, folder: Path, new_folder: Callable[[], Path]
    ) -> None:
        self._template = template
        self._intrinsics = intrinsics
        self._folder = folder
        self._new_folder = new_folder
        self._project = node_project(template.path)
        self._remarked: set[tuple[Package, str]] = set()
        self.warnings: list[str] = []

    def of(self, function: Resource) -> Package:
        """The package of a function, unpacked.

        Raises:
            TemplateInvalid: Its code or a layer is not beside the template, or cannot be unpacked.
        """
        runtime, layers = str(function.properties["Runtime"]), [*self._layers(function)]
        if runtime.startswith(NODE):
            package = self._for_node(function, runtime, layers)
        else:
            package = self._for_python(function, layers)
        if (package, runtime) not in self._remarked:  # once for all functions that share it
            self._remarked.add((package, runtime))
            self.warnings += [f"{function.name}: {it}" for it in remarks_on(package, runtime)]
        return package

    def shared_code(self, function: Resource) -> Path:
        """The code of a function that uses the libraries of this Python."""
        return self._code(function, self._folder / "functions" / _key(_code_of(function)) / "task", in_place=True)

    def _for_python(self, function: Resource, layers: Sequence[str]) -> Package:
        libraries = self._folder / "python-runtime"
        if not libraries.exists():
            link_python(libraries)
        task = self._folder / "functions" / _key(_code_of(function)) / "task"
        return Package(self._code(function, task, in_place=True), self._opt(self._folder, layers), libraries)

    def _for_node(self, function: Resource, runtime: str, layers: Sequence[str]) -> Package:
        folder = self._node_folder / "functions" / _key([_code_of(function), layers, runtime])
        is_new = not folder.exists()
        package = Package(
            self._code(function, folder / "task", in_place=False), self._opt(self._node_folder, layers), self._project
        )
        if is_new:
            link_layers((Path(it) for it in package.node_path(runtime)), folder / "node_modules")
        return package

    @cached_property
    def _node_folder(self) -> Path:
        folder = self._new_folder()
        link_node(self._project, folder)
        return folder

    def _code(self, function: Resource, into: Path, *, in_place: bool) -> Path:
        code = _code_of(function)
        if isinstance(code, Mapping) and "ZipFile" in code:
            ending = "js" if str(function.properties["Runtime"]).startswith(NODE) else "py"
            into.mkdir(parents=True, exist_ok=True)
            (into / f"index.{ending}").write_text(self._intrinsics.text(code["ZipFile"]), "utf-8")
            return into
        source = self._template.asset(self._location(code))
        if in_place and source.is_dir():
            return source
        if not into.exists():
            _unpack(source, into)
        return into

    def _opt(self, folder: Path, layers: Sequence[str]) -> Path | None:
        if not layers:
            return None
        opt = folder / "layers" / _key(layers) / "opt"
        if not opt.exists():
            opt.mkdir(parents=True)
            for location in layers:  # a later layer replaces the files of an earlier one, as on Lambda
                if (public := public_layer(location)) is None:
                    _unpack(self._template.asset(location), opt)
                elif (place := link_public_layer(public, opt, self._project)) is not None:
                    self.warnings.append(f"the layer {location} is left out until you run `{public.install}` {place}")
        return opt

    def _layers(self, function: Resource) -> Iterator[str]:
        """The locations of a function's layers; the ARN of one whose content is public."""
        known = {self._intrinsics.text({"Ref": it.name}): it for it in self._template.of_type(*LAYERS)}
        for layer in function.properties.get("Layers") or ():
            arn = self._intrinsics.text(layer)
            if arn in known:
                content = known[arn].properties.get("Content") or known[arn].properties.get("ContentUri")
                yield self._location(content)
            elif public_layer(arn) is not None:
                yield arn
            else:
                self.warnings.append(f"{function.name} runs without the layer {arn}, which is not of this template")

    def _location(self, value: Any) -> str:
        """The location of a package: a text, or in an object with its bucket and key."""
        key = (value.get("S3Key") or value.get("Key")) if isinstance(value, Mapping) else value
        if key is None:
            raise TemplateInvalid("it has no code: expected ZipFile, S3Key or the path of a folder or zip")
        return self._intrinsics.text(key)


def have_same_code(one: Resource, other: Resource) -> bool:
    """Whether two functions are in the same package."""
    return bool(_code_of(one) == _code_of(other))


def _code_of(function: Resource) -> Any:
    """Where the code of a function is, as the template says it; a path as the location of a file."""
    code = function.properties.get("CodeUri") or function.properties.get("Code") or {}
    return f"{LOCAL}{function.file.parent / code}" if isinstance(code, str) else code


def _key(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _unpack(source: Path, into: Path) -> None:
    """Add the content of a folder or a zip to a folder, which only this user can read then.

    Links of another layer are replaced, not followed: they may lead to the developer's own files.

    Raises:
        TemplateInvalid: It is neither, or cannot be read.
    """
    into.mkdir(parents=True, exist_ok=True)
    try:
        if source.is_dir():
            _copy(source, into)
        else:
            _extract(source, into)
    # `zipfile` raises RuntimeError for what it cannot decrypt or decompress.
    except (OSError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise TemplateInvalid(f"{source} cannot be unpacked ({error}); expected a folder or a zip") from None


def _copy(source: Path, into: Path) -> None:
    if any(into.iterdir()):
        for folder, folders, names in os.walk(source):
            for path in (Path(folder, name) for name in (*folders, *names)):
                place = path.relative_to(source)
                _remove_links(into, place)
                if path.is_symlink():
                    (into / place).unlink(missing_ok=True)
    shutil.copytree(source, into, symlinks=True, dirs_exist_ok=True)
    for folder, _, names in os.walk(into):
        Path(folder).chmod(0o700)
        for path in (Path(folder, name) for name in names):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700 | 0o600)


def _extract(source: Path, into: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            # `extract` leaves out the same parts.
            _remove_links(into, Path(*(it for it in entry.filename.split("/") if it not in ("", ".", ".."))))
            path = Path(archive.extract(entry, into))
            if not entry.is_dir():
                path.chmod(entry.external_attr >> 16 & 0o700 | 0o600)


def _remove_links(into: Path, place: Path) -> None:
    """Remove the links on the way to a place in a folder."""
    for path in (into / it for it in (*reversed(place.parents), place)):
        if path.is_symlink():
            path.unlink()
