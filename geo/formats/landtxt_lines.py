"""Lines of a land boundary TXT (勘测定界界址点坐标): plots with their points, as they stand.

The format has no standard; this is the superset of the dialects that are met: attribute
lines that end in ``@`` with 7 to 13 fields or named by a row in 【】, explanations to skip,
points with and without ring number, with commas, tabs or blanks, plots without attribute
lines parted by blank lines or by a plot number, and lists closed by ``E``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from geo.errors import Rejected

MAX_POINTS = 20_000_000
_STRUCTURE = str.maketrans("，＠［］＝：；\u3000", ",@[]=:; ")
_DIGITS = str.maketrans("０１２３４５６７８９．－＋ＪｊＥ", "0123456789.-+JjE")
_SECTION = re.compile(r"^\[([^\[\]]+)\]$")
_USUAL = re.compile(r"([A-Za-z]{0,4}[0-9]+),([0-9]+),([0-9]+\.?[0-9]*),([0-9]+\.?[0-9]*)[ \r]*\Z")
_END = frozenset({"E", "END", "结束"})
_LABEL = re.compile(r"^[A-Za-z_]{0,6}\d+(?:-\d+)?$")
_GEODETIC = {"g": "GCJ-02", "b": "BD-09"}  # how Ovital marks shifted points
_COUNTS = frozenset({"界址点数", "坐标点个数", "点数", "JZDS"})
_NORTHING, _EASTING, _PREFIXED = (1.8e6, 5.95e6), (1.0e5, 9.0e5), (1.3e7, 4.6e7)


@dataclass
class Plot:
    """Points as written: ``label`` 点号, ``ring`` 圈号 (text), both columns, and line numbers."""

    line: int
    fields: list[str] | None
    labels: list[str] = field(default_factory=list)
    rings: list[str] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


@dataclass
class Parsed:
    """``header``: keys of 属性描述 and the like; ``names``: the row of field names in 【】."""

    header: dict[str, str] = field(default_factory=dict)
    names: list[str] | None = None
    plots: list[Plot] = field(default_factory=list)
    shifted: str | None = None
    skipped: int = 0


def parse(text: str) -> Parsed:
    """Read the lines. Raises `Rejected` E_TXT_LINE (with the line), E_VERTICES."""
    found = _Reader()
    for number, raw in enumerate(text.splitlines(), 1):
        found.take(number, raw)
    found.result.plots = [p for p in found.result.plots if p.fields is not None or p.first]
    return found.result


def looks_like(text: str) -> bool:
    """Whether the beginning of a text is such a file: its sections, or points from the start."""
    head = text[:20_000].translate(_STRUCTURE)
    if "[地块坐标]" in head or "[属性描述]" in head or re.search(r",\s*@", head):
        return True
    lines = [line for line in head.splitlines()[:50] if line.strip()]
    points = [_point(line.translate(_DIGITS)) for line in lines[:-1] or lines]
    return len(points) > 0 and all(points)


class _Reader:
    def __init__(self) -> None:
        self.result = Parsed()
        self.section = ""
        self.open = False  # whether the last plot takes further points
        self.named: str | None = None  # plot number of the provincial dialect
        self.bracket = False  # inside 【 ... over several lines
        self.count = 0

    def take(self, number: int, raw: str) -> None:
        usual = _USUAL.match(raw) if self.open and self.named is None else None
        if usual is not None:  # most lines of most files, three times as fast
            first, second = float(usual[3]), float(usual[4])
            if min(first, second) > _EASTING[0]:
                self._add(number, usual[1], usual[2], None, first, second)
                return
        line = raw.strip("\ufeff\0 \t").translate(_STRUCTURE).strip()
        if self.bracket or line.startswith("【"):
            self._bracket(line)
        elif not line:
            self._blank()
        elif section := _SECTION.match(line):
            self.section, self.open = section[1].strip(), False
        elif "@" in line:
            self._plot(number, line)
        elif line.upper() in _END:
            self.open, self.named = False, None
        else:
            self._other(number, line)

    def _bracket(self, line: str) -> None:
        """The row of field names, or an explanation in the same brackets."""
        self.bracket = "】" not in line
        inner = line.strip("【】 ").strip()
        names = [name.strip() for name in inner.rstrip("@ ").rstrip(",").split(",")]
        if inner.endswith("@") and len(names) > 3:
            self.result.names = names

    def _blank(self) -> None:
        # Between plots without attribute lines a blank line is the border.
        if self.open and self.result.plots and self.result.plots[-1].fields is None:
            self.open = False

    def _plot(self, number: int, line: str) -> None:
        before, _, after = line.partition("@")
        fields = [part.strip() for part in before.rstrip().removesuffix(",").split(",")]
        if after.strip(" ,"):
            fields.append(after.strip(" ,"))
        if self.result.names is None and len(fields) > 3 and _is_names(fields):
            self.result.names = fields
            return
        self.result.plots.append(Plot(number, fields))
        self.open, self.named = True, None

    def _other(self, number: int, line: str) -> None:
        point = _point(line.translate(_DIGITS))
        if point is not None and (self.section in ("", "地块坐标") or self.open):
            self._add(number, *point)
        elif "=" in line and not self.open:
            key, _, value = line.partition("=")
            self.result.header.setdefault(key.strip(), value.strip())
        elif ":" in line and not self.open and self.section not in ("", "地块坐标"):
            key, _, value = line.partition(":")
            self.result.header.setdefault(key.strip(), value.strip())
        elif self.open and (self.result.plots[-1].first or self.section == "地块坐标"):
            raise _refused(number, line)
        else:
            self.result.skipped += 1  # explanations, titles, keys without a value

    def _add(
        self, number: int, label: str, ring: str, plot: str | None, first: float, second: float
    ) -> None:
        self.count += 1
        if self.count > MAX_POINTS:
            raise Rejected(
                "E_VERTICES",
                f"超过 {MAX_POINTS} 个顶点",
                f"more than {MAX_POINTS} vertices",
                fix=("请拆分后上传", "split the file and upload the parts"),
            )
        if label in _GEODETIC:
            self.result.shifted = _GEODETIC[label]
            label = ""
        if not self.open or (plot is not None and plot != self.named):
            self.result.plots.append(Plot(number, None))
            self.open, self.named = True, plot
        last = self.result.plots[-1]
        last.labels.append(label)
        last.rings.append(ring)
        last.first.append(first)
        last.second.append(second)
        last.lines.append(number)


_Point = tuple[str, str, str | None, float, float]


def _point(line: str) -> _Point | None:
    """(点号, 圈号, plot, column 1, column 2) of a point line; None when it is none."""
    if "," in line:
        parts = [part.strip() for part in line.split(",")]
    else:
        parts = line.replace(";", " ").split()
    while parts and not parts[-1]:
        parts.pop()
    count = len(parts)
    usual = 2 if count in (4, 5) else 4 if count > 5 else count - 2
    if count < 2:
        return None
    for at in dict.fromkeys((usual, *range(count - 1))):
        if at + 1 < count and (pair := _pair(parts[at], parts[at + 1])):
            return _named(parts[:at], *pair)
    # Nothing plausible: the usual place all the same, so that the range is told, not the line.
    if count == 4 and _LABEL.match(parts[0]) and parts[1].isdecimal():
        values = _float(parts[2]), _float(parts[3])
        if values[0] is not None and values[1] is not None:
            return parts[0], parts[1], None, values[0], values[1]
    return None


def _named(before: list[str], first: float, second: float) -> _Point | None:
    if len(before) == 0:
        return "", "", None, first, second
    if len(before) == 1:
        return before[0], "", None, first, second
    if len(before) == 2:
        return before[0], before[1] if before[1].isdecimal() else "", None, first, second
    if len(before) == 4:  # seq, plot, ring, label
        return before[3], before[2], before[1], first, second
    return None


def _pair(a: str, b: str) -> tuple[float, float] | None:
    """Two numbers that can be a place in China: one northing and one easting, or degrees."""
    x, y = _float(a), _float(b)
    if x is None or y is None:
        return None
    for low, high in ((x, y), (y, x)):
        if _NORTHING[0] <= high <= _NORTHING[1] and (
            _EASTING[0] <= low <= _EASTING[1] or _PREFIXED[0] <= low <= _PREFIXED[1]
        ):
            return x, y
        if 70 <= high <= 140 and 0 < low <= 60 and "." in a and "." in b:
            return x, y
    return None


def _float(text: str) -> float | None:
    try:
        return float(text) if text and "_" not in text else None
    except ValueError:
        return None


def _is_names(fields: list[str]) -> bool:
    """A row of titles without its brackets: its first word is that of the count of points."""
    return fields[0] in _COUNTS and not any(c.isdecimal() for text in fields for c in text)


def _refused(number: int, line: str) -> Rejected:
    return Rejected(
        "E_TXT_LINE",
        f"第 {number} 行不是界址点也不是地块：“{line[:60]}”",
        f"line {number} is neither a point nor a plot: {line[:60]!r}",
        where=f"{number}",
        fix=(
            "界址点写作：点号,圈号,X坐标,Y坐标；地块行以 ,@ 结尾",
            "write a point as: label,ring,X,Y; the line of a plot ends in ,@",
        ),
    )


def iter_rings(plot: Plot, tolerance: float) -> Iterator[tuple[int, int, bool, bool]]:
    """(begin, end, closed, misclosed) of each ring in the plot's points; the end is exclusive.

    A ring ends where 圈号 changes, where the coordinates return to its start and another
    point follows, or where 点号 returns to its first label. ``closed``: its last point
    repeats the first one. ``misclosed``: by label only, with one wrong coordinate.
    """
    begin, count = 0, len(plot.first)
    i = 1
    while i <= count:
        if i == count or plot.rings[i] != plot.rings[begin]:
            yield begin, i, _same(plot, begin, i - 1, tolerance) and i - begin > 1, False
            begin = i
            i += 1
            continue
        enough = i - begin >= 3
        returned = bool(plot.labels[i]) and plot.labels[i] == plot.labels[begin]
        if _same(plot, begin, i, tolerance) and (enough or returned):
            yield begin, i + 1, True, False
            begin = i + 1
            i += 2
            continue
        if returned and enough:
            half = (
                abs(plot.first[i] - plot.first[begin]) <= tolerance
                or abs(plot.second[i] - plot.second[begin]) <= tolerance
            )
            last = i + 1 == count or plot.rings[i + 1] != plot.rings[begin]
            if half and last:
                yield begin, i + 1, True, True
                begin = i + 1
                i += 2
            else:
                yield begin, i, False, False
                begin = i
                i += 1
            continue
        i += 1


def _same(plot: Plot, a: int, b: int, tolerance: float) -> bool:
    return a != b and (
        abs(plot.first[a] - plot.first[b]) <= tolerance
        and abs(plot.second[a] - plot.second[b]) <= tolerance
    )
