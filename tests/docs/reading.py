"""Reading the project's documents as data."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def committed() -> list[str]:
    """Every file of the repository that is there, by its path from the root; new ones not ignored too."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(path for path in set(listed.stdout.splitlines()) if (ROOT / path).is_file())


def blocks(path: str, language: str) -> list[str]:
    """Fenced blocks of one language, in their order."""
    return [body for kind, body in FENCE.findall(text_of(path)) if kind == language]


def without_blocks(path: str) -> str:
    """A document's prose, tables and headings."""
    return FENCE.sub("", text_of(path))


def tables(path: str) -> list[list[list[str]]]:
    """Tables as rows of cells, the line of dashes left out."""
    found: list[list[list[str]]] = []
    rows: list[list[str]] = []
    for line in [*without_blocks(path).splitlines(), ""]:
        if line.startswith("|"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
            if not all(set(cell) <= set(":-") for cell in cells):
                rows.append(cells)
        elif rows:
            found.append(rows)
            rows = []
    return found


def headings(path: str) -> list[tuple[int, str]]:
    """Level and words of each heading."""
    found = re.findall(r"^(#+) (.+)$", without_blocks(path), re.MULTILINE)
    return [(len(marks), words.strip()) for marks, words in found]


def anchors(path: str) -> set[str]:
    """What a link to a heading may name."""
    kept = (re.sub(r"[^\w\- ]", "", words.lower()) for _, words in headings(path))
    return {words.replace(" ", "-") for words in kept}
