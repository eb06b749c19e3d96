"""Texts cut to a vendor's limit, which is counted in bytes of UTF-8."""

from __future__ import annotations

_CUT = "…"
_CONTROLS = {code: None for code in range(32) if chr(code) not in "\n\t"}


def at_most(text: str, size: int) -> str:
    """`text` in at most `size` bytes of UTF-8, cut between characters; a cut text ends with an ellipsis.

    Control characters are left out, but for line feeds and tabs: JSON would write them as `\\u....`, which
    WeCom refuses (40033). What cannot be written in UTF-8 (a lone surrogate) becomes a question mark.
    """
    written = text.translate(_CONTROLS).encode(errors="replace")
    if len(written) <= size:
        return written.decode()
    mark = _CUT.encode()
    if size < len(mark):
        return written[:size].decode(errors="ignore")
    return written[: size - len(mark)].decode(errors="ignore") + _CUT
