"""Texts cut to a number of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallcare.gateways.utf8 import at_most

pytestmark = pytest.mark.rule("T3")


@given(text=st.text(), size=st.integers(0, 60))
def test_a_cut_text_is_a_beginning_that_fits(text: str, size: int) -> None:
    """Whatever the text, the cut one fits, is valid UTF-8, and begins as the text does but for what JSON
    would have to escape."""
    cut = at_most(text, size)
    assert len(cut.encode()) <= size
    clean = "".join(char for char in text if ord(char) >= 32 or char in "\n\t")
    clean = clean.encode(errors="replace").decode()
    assert cut == clean if len(clean.encode()) <= size else clean.startswith(cut.removesuffix("…"))


@pytest.mark.parametrize(
    ("size", "cut"), [(9, "超时了"), (8, "超…"), (6, "超…"), (5, "…"), (3, "…"), (2, ""), (0, "")]
)
def test_chinese_is_cut_between_characters(size: int, cut: str) -> None:
    """Three bytes a character, three for the ellipsis, and never half of one."""
    assert at_most("超时了", size) == cut
