"""What was compiled from other sources is not used after an update."""

from __future__ import annotations

from pathlib import Path

import pytest

from geo.tiles.kernels import _forget_old

pytestmark = pytest.mark.unit


def test_compiled_code_is_dropped_when_any_source_changes(tmp_path: Path) -> None:
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    (tmp_path / "shared.py").write_text("A = 1\n")
    compiled = [cache / "loop-7.py311.nbi", cache / "loop-7.py311.1.nbc"]

    def compile_again() -> None:
        for path in compiled:
            path.write_bytes(b"x")

    compile_again()
    _forget_old(tmp_path)  # nobody knows what it was compiled from
    assert not any(path.exists() for path in compiled)
    compile_again()
    _forget_old(tmp_path)
    assert all(path.exists() for path in compiled)
    (tmp_path / "shared.py").write_text("A = 2\n")
    _forget_old(tmp_path)
    assert not any(path.exists() for path in compiled)


def test_a_folder_without_compiled_code_is_marked(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("")
    _forget_old(tmp_path)
    assert (tmp_path / "__pycache__" / "sources").exists()
