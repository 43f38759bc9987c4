"""What the documentation site needs besides the pages: see `hooks` in mkdocs.yml.

The pages are written to be read in the repository, where links lead to any file. In the site, links to files that are
not part of it become plain text, and the pages that are kept elsewhere in the repository are added.
"""

import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
# Pages of the site that are kept elsewhere: their name in the site, and in the repository.
ADDED: Final = {
    "changelog.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "security-policy.md": "SECURITY.md",
    "typescript-client.md": "clients/typescript/README.md",
}
# The pages about the TypeScript API, which TypeDoc makes where Node is found, and their folder in the site.
API: Final = ROOT / "clients" / "typescript" / "dist-docs"
API_PAGES: Final = "api/typescript/"
# Pages of the site that a link to a file of the repository leads to.
REPLACED: Final = {"README.md": "index.md", "README.ja.md": "ja/index.md", **{path: it for it, path in ADDED.items()}}
_BLOCK: Final = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)
_REPEATED: Final = re.compile(r"(\]\([^)\s]*#[^)\s]*?)-(\d+)\)")  # a link to one of several equal headings of a page
_LINK: Final = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|mailto:|#)([^)#\s]*)(#[^)\s]*)?\)")


def slug(text: str, separator: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"<[^>]+>", "", text).strip().lower())
    return plain.replace(" ", separator)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the pages about the TypeScript API after the page about its client."""
    if config.nav is not None and _api_pages():
        [guides] = [section["Use it"] for section in config.nav if "Use it" in section]
        place = next(index for index, page in enumerate(guides) if "typescript-client.md" in page.values()) + 1
        guides.insert(place, {"The TypeScript API": [f"{API_PAGES}{page.name}" for page in _api_pages()]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are kept elsewhere."""
    api = {f"{API_PAGES}{page.name}": page for page in _api_pages()}
    for name, path in {**{name: ROOT / path for name, path in ADDED.items()}, **api}.items():
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def _api_pages() -> list[Path]:
    return sorted(API.glob("*.md"), key=lambda page: (page.name != "index.md", page.name))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Let each link lead to a page of the site; a link to another file becomes its text."""
    name = page.file.src_uri
    source = ADDED.get(name, f"docs/{name}")
    if name.startswith(API_PAGES):  # TypeDoc numbers equal headings with a hyphen, and MkDocs with an underscore
        markdown = _REPEATED.sub(r"\1_\2)", markdown)

    def link(found: re.Match[str]) -> str:
        text, path, heading = found[1], found[2], found[3] or ""
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        inside = REPLACED.get(target, target.removeprefix("docs/") if target.startswith("docs/") else None)
        if inside is None or files.get_file_from_path(inside) is None:
            return text
        if target.startswith("README"):
            heading = ""
        return f"[{text}]({posixpath.relpath(inside, posixpath.dirname(name) or '.')}{heading})"

    parts = _BLOCK.split(markdown)
    return "".join(part if index % 2 else _LINK.sub(link, part) for index, part in enumerate(parts))


def on_page_context(context: dict[str, Any], page: Page, config: MkDocsConfig, nav: object) -> dict[str, Any]:  # noqa: ARG001
    """Show the site's own words in the language of the page."""
    config.theme["language"] = "ja" if page.file.src_uri.startswith("ja/") else "en"
    return context
