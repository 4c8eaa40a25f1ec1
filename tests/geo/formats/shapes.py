"""Shapefiles written byte by byte, so that every lie can be told."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

Ring = Sequence[tuple[float, float]]

CGCS2000 = (
    'GEOGCS["GCS_China_Geodetic_Coordinate_System_2000",DATUM["D_China_2000",'
    'SPHEROID["CGCS2000",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],'
    'UNIT["Degree",0.0174532925199433]]'
)


def square(x: float, y: float, side: float = 0.01) -> list[Ring]:
    """A clockwise ring, as shapefiles want the outer one."""
    return [[(x, y), (x, y + side), (x + side, y + side), (x + side, y), (x, y)]]


def polygon(rings: Sequence[Ring]) -> bytes:
    points = [point for ring in rings for point in ring]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    starts, at = [], 0
    for ring in rings:
        starts.append(at)
        at += len(ring)
    return (
        struct.pack("<i4d2i", 5, min(xs), min(ys), max(xs), max(ys), len(rings), len(points))
        + struct.pack(f"<{len(starts)}i", *starts)
        + b"".join(struct.pack("<2d", *point) for point in points)
    )


def shp_and_shx(contents: Sequence[bytes], shape_type: int = 5) -> tuple[bytes, bytes]:
    body, index, at = bytearray(), bytearray(), 50
    for number, content in enumerate(contents, 1):
        words = len(content) // 2
        body += struct.pack(">2i", number, words) + content
        index += struct.pack(">2i", at, words)
        at += 4 + words

    def header(size: int) -> bytes:
        head = struct.pack(">7i", 9994, 0, 0, 0, 0, 0, (100 + size) // 2)
        return head + struct.pack("<2i8d", 1000, shape_type, *(0.0,) * 8)

    return header(len(body)) + body, header(len(index)) + index


def dbf(
    names: Sequence[bytes],
    widths: Sequence[int],
    rows: Sequence[Sequence[bytes]],
    *,
    types: str | None = None,
    language: int = 0,
    declared: int | None = None,
    deleted: Sequence[int] = (),
) -> bytes:
    types = types or "C" * len(names)
    fields = b"".join(
        struct.pack("<11sc4xBB14x", name[:11], kind.encode(), width, 0)
        for name, kind, width in zip(names, types, widths, strict=True)
    )
    start, length = 33 + len(fields), 1 + sum(widths)
    count = len(rows) if declared is None else declared
    head = struct.pack("<4BI2H17xB2x", 3, 126, 11, 22, count, start, length, language)
    body = b"".join(
        (b"*" if i in deleted else b" ")
        + b"".join(v[:w].ljust(w) for v, w in zip(row, widths, strict=True))
        for i, row in enumerate(rows)
    )
    return head + fields + b"\r" + body + b"\x1a"


def write(
    folder: Path,
    *,
    contents: Sequence[bytes] | None = None,
    names: Sequence[str] = ("地块编号", "面积"),
    rows: Sequence[Sequence[str]] = (("A1", "1"), ("A2", "2"), ("A3", "3")),
    widths: Sequence[int] = (20, 12),
    encoding: str = "gbk",
    cpg: str | None = None,
    prj: str | None = CGCS2000,
    stem: str = "layer",
    **table: object,
) -> dict[str, Path]:
    """A polygon shapefile of unit squares near 123 E 45 N unless told otherwise."""
    if contents is None:
        contents = [polygon(square(123 + 0.02 * i, 45)) for i in range(len(rows))]
    shp, shx = shp_and_shx(contents)
    parts: dict[str, bytes] = {
        ".shp": shp,
        ".shx": shx,
        ".dbf": dbf(
            [name.encode(encoding)[:10] for name in names],
            widths,
            [[value.encode(encoding) for value in row] for row in rows],
            **table,  # type: ignore[arg-type]
        ),
    }
    if cpg is not None:
        parts[".cpg"] = cpg.encode()
    if prj is not None:
        parts[".prj"] = prj.encode()
    folder.mkdir(parents=True, exist_ok=True)
    for part, data in parts.items():
        (folder / f"{stem}{part}").write_bytes(data)
    return {part: folder / f"{stem}{part}" for part in parts}


def pack(parts: dict[str, Path], target: Path, prefix: str = "地块") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, path in parts.items():
            archive.write(path, f"{prefix}{part}")
    return target
