"""docs/errors.md lists every error code of the software, and no other."""

from __future__ import annotations

import ast
import re

import pytest

from tests.architecture.source import below, first_code, table_rows

pytestmark = pytest.mark.unit

CODE = re.compile(r"[EW]_[A-Z0-9_]+")


def codes_in_use() -> dict[str, str]:
    """Every error or warning code that is a string of the program, with a place of it."""
    found = {}
    for path in below("app", "geo", suffix=".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and CODE.fullmatch(value):
                found[value] = f"{path.name}:{node.lineno}"
    return found


def test_codes_in_use_are_documented() -> None:
    documented = {first_code(row[0]) for row in table_rows("docs/errors.md")}
    used = codes_in_use()
    assert used
    missing = {code: place for code, place in used.items() if code not in documented}
    assert not missing, "docs/errors.md does not explain these"
    gone = documented - set(used)
    assert not gone, "docs/errors.md explains codes that nothing raises"


def test_every_code_says_what_it_means_and_what_to_do_in_both_languages() -> None:
    rows = table_rows("docs/errors.md")
    assert len({row[0] for row in rows}) == len(rows), "a code stands there twice"
    for code, *cells in rows:
        assert len(cells) == 2, code
        for cell in cells:
            zh, _, en = cell.partition("<br>")
            assert re.search(r"[\u4e00-\u9fff]", zh), f"{code}: no Chinese in {cell!r}"
            assert re.search(r"[a-z]{2}", en), f"{code}: no English in {cell!r}"
