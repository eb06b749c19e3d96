"""Documents say what the code does: commands, settings, decisions, links; nothing of anybody's machine."""

from __future__ import annotations

import re

import pytest

from mallcare.cli.demo.scenes import SCENES
from mallcare.contracts.names import SearchAttribute
from scripts import settings_table
from tests.docs.reading import ROOT, anchors, blocks, committed, headings, text_of, without_blocks

DOCUMENTS = [path for path in committed() if path.endswith(".md")]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGET = re.compile(r"^([a-z-]+):", re.MULTILINE)
MAKE = re.compile(r"\bmake ([a-z]+)")
INDEX = re.compile(
    r"https?://[\w.-]*(?:pypi\.org|pythonhosted\.org|npmjs\.org|npmmirror|tuna\.tsinghua|mirrors?\.\w+|proxy\.golang)"
    r"|--(?:extra-)?index-url|--find-links|file://"
)
FOLDER = re.compile(r"(?<![\w.}/])/(?:root|home|work|Users)/\w+")
HERE = "tests/docs/test_documents.py"


@pytest.mark.parametrize("path", ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", ".ci/run"])
def test_commands_of_make_exist(path: str) -> None:
    """Whatever a document tells to make can be made."""
    told = "\n".join([*blocks(path, "sh"), *re.findall(r"`(make [^`]*)`", text_of(path))])
    told = told or text_of(path)
    targets = set(TARGET.findall(text_of("Makefile")))
    assert set(MAKE.findall(told)) <= targets
    assert MAKE.findall(told)


def test_ci_runs_what_the_readme_names() -> None:
    """The suite and the checks, and nothing hidden beside them."""
    ran = [line for line in text_of(".ci/run").splitlines() if line.startswith("make")]
    assert ran == ["make test", "make check"]


def test_the_readmes_count_the_scenes_of_the_demo() -> None:
    """In words, beside the command."""
    words = {11: ("eleven", "十一")}
    english, chinese = words[len(SCENES)]
    assert f"walk through {english} cases" in text_of("README.md")
    assert f"演示{chinese}个案例" in text_of("README.zh-CN.md")


def test_every_setting_is_documented() -> None:
    """docs/settings.md is what the settings make of it: `python -m scripts.settings_table`."""
    assert text_of("docs/settings.md") == settings_table.document()


def test_settings_that_documents_name_exist() -> None:
    """A variable in prose or a command is a field of the settings, or begins with a group of them."""
    known = set(re.findall(r"MALLCARE_\w+", settings_table.document()))
    for path in DOCUMENTS:
        for name in re.findall(r"\bMALLCARE_[A-Z_0-9]+", text_of(path)):
            assert name in known or (name.endswith("_") and any(k.startswith(name) for k in known)), (
                path,
                name,
            )


def test_every_decision_is_listed() -> None:
    """The list of decisions links each of them, by number and in order."""
    files = sorted(path.name for path in (ROOT / "docs/adr").glob("0*.md"))
    assert LINK.findall(text_of("docs/adr/README.md")) == files
    assert [int(name[:4]) for name in files] == list(range(1, len(files) + 1))
    for name in files:
        (level, title), *_ = headings(f"docs/adr/{name}")
        assert (level, int(title.split(".")[0])) == (1, int(name[:4]))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_somewhere(path: str) -> None:
    """Files exist from where the link stands, and headings in them."""
    for target in LINK.findall(without_blocks(path)):
        if "://" in target:
            continue
        file, _, heading = target.partition("#")
        found = (ROOT / path).parent / file if file else ROOT / path
        assert found.exists(), target
        if heading:
            assert heading in anchors(str(found.resolve().relative_to(ROOT.resolve()))), target


def test_the_chinese_readme_is_in_step() -> None:
    """As many headings of each level, the same commands but for comments, the same links and tables."""
    one, other = "README.md", "README.zh-CN.md"
    assert [level for level, _ in headings(one)] == [level for level, _ in headings(other)]
    assert commands(one) == commands(other)
    assert len(blocks(one, "mermaid")[0].splitlines()) == len(blocks(other, "mermaid")[0].splitlines())
    links = [sorted(set(LINK.findall(text_of(path))) - {one, other}) for path in (one, other)]
    assert links[0] == links[1]
    rows = [len(re.findall(r"^\|", text_of(path), re.MULTILINE)) for path in (one, other)]
    assert rows[0] == rows[1]


def commands(path: str) -> list[str]:
    """Every line of shell without its comment."""
    lines = (line for block in blocks(path, "sh") for line in block.splitlines())
    return [bare for bare in (re.sub(r"\s*#.*", "", line) for line in lines) if bare]


def test_the_runbook_filters_by_attributes_that_exist() -> None:
    """Every search attribute has its filter, and no filter names another."""
    assert set(re.findall(r"\bMallcare[A-Z]\w+", text_of("docs/runbook.md"))) == set(SearchAttribute)


def test_the_runbook_names_metrics_that_exist() -> None:
    """Metrics come from the API's and the worker's instruments."""
    code = text_of("api/metrics.py") + text_of("activities/metrics.py")
    for name in set(re.findall(r"\bmallcare_[a-z_]+", text_of("docs/runbook.md"))):
        assert f'"{name}"' in code or f'"{name.removesuffix("_total")}"' in code, name


def test_no_committed_file_names_an_index_or_a_machine() -> None:
    """No address of a package index, no folder of anybody's machine."""
    wrong: list[str] = []
    for path in committed():
        text = (ROOT / path).read_bytes().decode("utf-8", errors="ignore")
        if path != HERE:
            wrong += [f"{path}: {found.group()}" for found in (*INDEX.finditer(text), *FOLDER.finditer(text))]
    assert wrong == []
