"""The documents agree with the project: links lead somewhere, and the tree in the architecture is true."""

import re
from pathlib import Path

import pytest

from premises import PACKAGES, ROOT, package_folder, package_sources, shown

FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$", re.MULTILINE)
TREE_NAME = re.compile(r"[\w.-]+(?:\.(?:py|sql)|/)")
ARCHITECTURE = ROOT / "docs" / "architecture.md"


def pages() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])


def anchor(heading: str) -> str:
    """A heading's anchor as the usual forges make it."""
    kept = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))}


def place(page: Path, target: str) -> Path:
    """Where a link leads; links into the packages lead to where these are installed."""
    path = (page.parent / target).resolve() if target else page
    if path.is_relative_to(ROOT):
        first, *rest = path.relative_to(ROOT).parts or ("",)
        if first in PACKAGES:
            return package_folder(first).joinpath(*rest)
    return path


def broken_links(page: Path) -> list[str]:
    prose = INLINE_CODE.sub("", FENCED.sub("", page.read_text(encoding="utf-8")))
    found = []
    for link in LINK.findall(prose):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, part = link.partition("#")
        path = place(page, target)
        if not path.exists() or (part and part not in anchors(path)):
            found.append(link)
    return found


def test_links_between_documents_lead_somewhere():
    found = {shown(page): broken_links(page) for page in pages()}
    assert {page: links for page, links in found.items() if links} == {}


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One thing\n[a](#one-thing) [b](#another) [c](gone.md) [d](page.md) `[e](code)`\n")
    assert broken_links(page) == ["#another", "gone.md"]


def tree_in(text: str) -> set[str]:
    """The paths that the tree of a page names: in each line the names before the first other word.

    A line's indentation says in which folder its names are; the first name of a line may be that folder.
    """
    folders: list[tuple[int, str]] = []
    named = set()
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        while folders and folders[-1][0] >= indent:
            folders.pop()
        above = folders[-1][1] if folders else ""
        for word in line.split():
            if not TREE_NAME.fullmatch(word):
                break
            named.add(above + word)
            if word.endswith("/"):
                folders.append((indent, above + word))
    return named


def architecture_tree() -> set[str]:
    blocks = FENCED.findall(ARCHITECTURE.read_text(encoding="utf-8"))
    trees = [block for block in blocks if re.search(r"^store/", block, re.MULTILINE)]
    assert len(trees) == 1, "docs/architecture.md has one tree, in which store/ begins a line"
    return tree_in(trees[0].strip("`\n"))


def test_the_tree_in_the_architecture_is_true():
    named = architecture_tree()
    ours = {path for path in named if path.split("/")[0] in PACKAGES}
    gone = {path for path in ours if not package_folder(path.split("/")[0]).parent.joinpath(path).exists()}
    there = {shown(path) for path in package_sources() if path.name != "__init__.py"}
    unnamed = {path for path in there if path not in ours and not is_below_a_named_leaf(path, ours)}
    assert (sorted(gone), sorted(unnamed)) == ([], [])


def is_below_a_named_leaf(path: str, named: set[str]) -> bool:
    """Whether the tree names a folder above `path` and nothing in it: then the folder stands for all."""
    folders = [folder for folder in named if folder.endswith("/") and path.startswith(folder)]
    deepest = max(folders, key=len, default="")
    return deepest.count("/") > 1 and not any(
        other != deepest and other.startswith(deepest) for other in named
    )


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("store/   the log\n  ids.py  o names\n", {"store/", "store/ids.py"}),
        (
            "a/\n  b/  c\n    d.py e.py  f.py is\n  g.py\n",
            {"a/", "a/b/", "a/b/d.py", "a/b/e.py", "a/b/f.py", "a/g.py"},
        ),
        ("README.md  one sentence\n", set()),
    ],
)
def test_a_tree_is_read_line_by_line(text, named):
    assert tree_in(text) == named
