"""Curved geometries have a code of their own: no library here reads them, none may drop them."""

from __future__ import annotations

from collections.abc import Iterable

from geo.errors import Rejected

#: ISO WKB: CircularString, CompoundCurve, CurvePolygon, MultiCurve, MultiSurface, Curve, Surface.
_CURVED = frozenset(range(8, 15))
#: PolyhedralSurface, TIN, Triangle.
_SOLID = frozenset(range(15, 18))


def refuse_curves(wkb: Iterable[bytes | None]) -> None:
    """Raise `Rejected` E_CURVE or E_MULTIPATCH for the first such geometry, with its place."""
    for number, data in enumerate(wkb, 1):
        if data is None or len(data) < 5:
            continue
        kind = int.from_bytes(data[1:5], "little" if data[0] else "big") & 0x1FFFFFFF
        kind %= 1000
        if kind in _CURVED:
            raise Rejected(
                "E_CURVE",
                f"第 {number} 条图形含有曲线（圆弧）",
                f"geometry {number} has curves (arcs)",
                where=f"{number}",
                fix=(
                    "请把曲线打散为折线后重新导出",
                    "turn curves into line segments and export again",
                ),
            )
        if kind in _SOLID:
            raise Rejected(
                "E_MULTIPATCH",
                f"第 {number} 条图形是多面体",
                f"geometry {number} is a solid",
                where=f"{number}",
                fix=("请导出为普通的面", "export plain polygons"),
            )
