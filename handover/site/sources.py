"""The sources of the site, which are assembled from docs/ in build/docs.

The pages of docs/ are read on GitHub, too, so they contain nothing that only MkDocs understands. This module makes of
them the sources of the site: pages of the top level, the reference of the API, and links that work.
"""

import posixpath
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from handover.site.api_pages import api_pages
from handover.site.markdown import anchors_of_translation, titles, with_anchors, with_links, with_wide_lists
from spark_app.errors import UsageError

TOP_LEVEL = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CONTRIBUTING.fr.md")
"""Files of the top level that are pages of the site, too."""

NO_PAGES = ("diagrams", "presentation")
"""Folders of docs/ that contain sources of other documents: the presentation, and diagrams that pages contain."""

ASSETS = {
    "handover/node_modules/mermaid/dist/mermaid.min.js": "mermaid.min.js",
    "handover/node_modules/iframe-worker/shim/index.js": "iframe-worker.js",
    "handover/site/theme/site.css": "site.css",
}
"""File of the repository → name below assets/. Browsers search a page that was opened as a file with iframe-worker."""


class SiteError(UsageError):
    """A page of the documentation is wrong."""


@dataclass(frozen=True)
class Sources:
    """The files that become pages of the site.

    Attributes
    ----------
    root
        Folder of the repository.
    places
        Path in the repository → path in the sources of the site.
    """

    root: Path
    places: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, root: Path) -> "Sources":
        """Find the pages and pictures of docs/, and the pages of the top level."""
        files = (file for file in sorted((root / "docs").rglob("*")) if file.suffix in {".md", ".png", ".svg"})
        docs = {file.relative_to(root).as_posix(): file.relative_to(root / "docs") for file in files}
        top = {name: f"project/{name.lower()}" for name in TOP_LEVEL if (root / name).is_file()}
        return cls(root, {name: str(place) for name, place in docs.items() if place.parts[0] not in NO_PAGES} | top)

    def page(self, name: str) -> str:
        """Return the Markdown of a page of the site.

        Raises
        ------
        SiteError
            If a link leads to no file of the repository.
        """
        text = (self.root / name).read_text()
        if anchors := self._anchors(name, text):
            text = with_anchors(text, anchors)
        return with_wide_lists(with_links(text, lambda mark, label, target: self._link(name, mark, label, target)))

    def _anchors(self, name: str, text: str) -> dict[str, str] | None:
        """Return the anchors of a translation, if its titles correspond to those of the original."""
        original = self.root / name.replace(".fr.md", ".md")
        return anchors_of_translation(original.read_text(), text) if name.endswith(".fr.md") else None

    def _link(self, name: str, mark: str, label: str, target: str) -> str:
        if re.match(r"[a-z]+:", target):
            return f"{mark}[{label}]({target})"
        path, _, title = target.partition("#")
        linked = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
        if linked not in self.places:
            return self._outside(name, label, linked)
        there = posixpath.relpath(self.places[linked], posixpath.dirname(self.places[name]) or ".") if path else ""
        shown = self._name(linked) if label.endswith(".md") else label
        return f"{mark}[{shown}]({there}{self._anchor(linked, title) if title else ''})"

    def _name(self, linked: str) -> str:
        """Return the title of a page, up to a colon, for links that show the name of its file."""
        return titles((self.root / linked).read_text())[0][1].partition(":")[0].strip()

    def _anchor(self, linked: str, title: str) -> str:
        """Return the anchor of a title of the linked page on the site."""
        anchors = self._anchors(linked, (self.root / linked).read_text()) or {}
        return f"#{anchors.get(title, title)}"

    def _outside(self, name: str, label: str, linked: str) -> str:
        """Replace a link to a file that is no page by the path of the file in the repository."""
        if not (self.root / linked).exists() or linked.startswith(".."):
            raise SiteError(f"{name} links to {linked}, which does not exist: correct the link.")
        return label if PurePosixPath(linked).name in label else f"{label} (`{linked}`)"


def assemble(root: Path, folder: Path) -> None:
    """Write the sources of the site to a folder, which this function replaces.

    Raises
    ------
    SiteError
        If a link leads to no file, or if the libraries of the pages are missing.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sources = Sources.of(root)
    for name, place in sources.places.items():
        if name.endswith(".md"):
            _write(folder / place, sources.page(name))
        else:
            _copy(root / name, folder / place)
    for place, text in api_pages(root):
        _write(folder / place, text)
    for name, place in ASSETS.items():
        _copy(root / name, folder / "assets" / place)


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _copy(file: Path, to: Path) -> None:
    if not file.is_file():
        raise SiteError(f"{file} is missing: run `make handover/node_modules/ready`.")
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
