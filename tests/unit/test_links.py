"""Links within the documents lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").rglob("*.md"))
)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(path: Path) -> str:
    return CODE.sub("", path.read_text())


def anchors_of(path: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    headings = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in HEADING.findall(text_of(path)))
    return {heading.replace(" ", "-") for heading in headings}


def broken(document: str) -> Iterator[str]:
    path = ROOT / document
    for link, anchor in LINK.findall(text_of(path)):
        target = (path.parent / link).resolve() if link else path
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            yield f"{link}#{anchor}" if anchor else link


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_within_the_repository_leads_somewhere(document: str) -> None:
    assert list(broken(document)) == []


def test_there_are_links_to_check() -> None:
    assert sum(len(LINK.findall(text_of(ROOT / document))) for document in DOCUMENTS) > 50
