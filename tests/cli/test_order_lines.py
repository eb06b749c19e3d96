"""Reading a file of orders: whatever stands in a line, the next line is read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from mallcare.cli.order_import import lines as reading
from mallcare.cli.order_import.lines import BadLine, DamagedFile, OrderLine, open_lines
from tests.cli.shop import order_line


def read(path: Path, skip: int = 0) -> list[OrderLine | BadLine]:
    """All lines of a file."""
    with open_lines(path) as file:
        return list(file.lines(skip))


def written(path: Path, *lines: object) -> Path:
    """A file of lines; texts stand as they are."""
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_bytes("".join(f"{text}\n" for text in texts).encode())
    return path


def test_plain_and_gzip_read_the_same(tmp_path: Path) -> None:
    """Gzip is known by its bytes, whatever the file is called."""
    plain = written(tmp_path / "a.jsonl", order_line(1), order_line(2))
    packed = tmp_path / "b.jsonl"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(plain) == read(packed)
    assert [line.number for line in read(plain)] == [1, 2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON"),
        ("\x00\x01", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("9" * 5_000, "not JSON"),
        ("[]", "not an object"),
        ('{"events": []}', "`order` is missing"),
        ('{"order": {}, "events": []}', "`order.order_no`"),
        ('{"order": {"order_no": 7}}', "`order.order_no`"),
        ('{"order": {"order_no": "1"}, "events": 7}', "`events` is not a list"),
        ('{"order": {"order_no": "1", "freight_fen": 1e999}}', "JSON cannot carry"),
        ('{"order": {"order_no": "1", "freight_fen": NaN}}', "JSON cannot carry"),
    ],
)
def test_a_bad_line_is_reported_and_the_next_one_read(tmp_path: Path, line: str, reason: str) -> None:
    """With its number and its reason."""
    first, bad, last = read(written(tmp_path / "a", order_line(1), line, order_line(3)))
    assert isinstance(first, OrderLine)
    assert isinstance(last, OrderLine)
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert reason in bad.reason


def test_texts_survive_as_they_are(tmp_path: Path) -> None:
    """Also what is not valid Unicode arrives, for the API to judge."""
    text = '{"order": {"order_no": "1", "title": "\\ud800 杯"}, "events": null}'
    [line] = read(written(tmp_path / "a", text))
    assert isinstance(line, OrderLine)
    assert json.loads(line.order)["title"] == "\ud800 杯"
    assert line.events == ()


def test_blank_lines_count_and_are_left_out(tmp_path: Path) -> None:
    """Numbers stay those an editor shows; skipped lines are not looked at."""
    path = written(tmp_path / "a", order_line(1), "", "{", order_line(4))
    assert [line.number for line in read(path)] == [1, 3, 4]
    assert [line.number for line in read(path, skip=3)] == [4]


def test_a_line_without_end_uses_no_memory(tmp_path: Path) -> None:
    """It is bad, and the next one is read."""
    path = written(tmp_path / "a", "x" * (reading.LONGEST_LINE * 2 + 5), order_line(2))
    first, second = read(path)
    assert first == BadLine(1, "longer than 4 MiB")
    assert isinstance(second, OrderLine)


def test_a_damaged_file_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Half a download tells where it broke off."""
    whole = gzip.compress(b"".join(json.dumps(order_line(n)).encode() + b"\n" for n in range(2_000)))
    path = tmp_path / "half.gz"
    path.write_bytes(whole[: len(whole) // 2])
    found: list[OrderLine | BadLine] = []
    with open_lines(path) as file, pytest.raises(DamagedFile) as damage:
        found.extend(file.lines())
    assert damage.value.after_line > 0
