"""Canals, drains and the structures on them, along the lines of the district lattices.

Orders: a main canal from the headworks, trunks along the district, branches
across, laterals off the branches, field canals and field drains between blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray

from data.demo import fields, outlines
from data.demo.fields import BRANCH_EVERY, TRUNK_EVERY, Floats, Lattice
from data.demo.land import Land, plane


@dataclass
class Canal:
    code: str
    name: str
    order: str
    kind: str
    district: int
    parent: str | None
    line: Floats  # (n, 2) bent plane km, in flow direction


@dataclass
class Structure:
    code: str
    name: str
    kind: str
    canal: str
    district: int
    at: Floats  # (2,) bent plane km


@dataclass
class Waterworks:
    canals: list[Canal] = field(default_factory=list)
    structures: list[Structure] = field(default_factory=list)


def build(land: Land, seed: int) -> Waterworks:
    """Canals of all districts; field canals only beside blocks that carry fields."""
    works = Waterworks()
    rng = np.random.default_rng((5601, seed))
    outline = plane(outlines.districts())
    used = np.zeros(len(land.blocks), dtype=bool)
    used[land.plot_blocks] = True
    used[land.parcel_blocks] = True
    for number, district in enumerate(outlines.DISTRICTS):
        mine = (land.blocks.lattice == number) & used
        blocks = set(zip(land.blocks.i[mine].tolist(), land.blocks.j[mine].tolist(), strict=True))
        place = _District(works, rng, land.lattices[number], number, outline[number], blocks)
        place.build(outlines.main_canal(district.code))
    return works


@dataclass
class _District:
    works: Waterworks
    rng: np.random.Generator
    lattice: Lattice
    number: int
    outline: shapely.Geometry
    blocks: set[tuple[int, int]]  # that carry fields

    def __post_init__(self) -> None:
        shapely.prepare(self.outline)
        self.prefix = outlines.DISTRICTS[self.number].code
        self.title = outlines.DISTRICTS[self.number].short
        self.structures = 0

    def build(self, main: Floats) -> None:
        self._canal(f"{self.prefix}-Z", "总干渠", ("main", "irrigation"), None, main)
        self._headworks(main)
        trunks = [
            (j, inside)
            for j in range(0, len(self.lattice.v), TRUNK_EVERY)
            if len(inside := self._inside_u(j)) > 8
        ]
        for count, (j, inside) in enumerate(trunks, start=1):
            code, name = f"{self.prefix}-G{count}", f"{_numeral(count)}干渠"
            line = self._along_u(inside, j)
            # The water comes in at the end nearest to the main canal.
            if np.hypot(*(line[0] - main[-1])) > np.hypot(*(line[-1] - main[-1])):
                line = line[::-1]
            self._canal(code, name, ("trunk", "irrigation"), f"{self.prefix}-Z", line)
            self._structure(code, "intake_gate", f"{name}进水闸", line[0])
            for step, at in enumerate(line[6:-4:9], start=1):
                self._structure(code, "check_gate", f"{name}{step}#节制闸", at)
            for step, at in enumerate(line[3:-2:5], start=1):
                self._structure(code, "bridge", f"{name}{step}#交通桥", at)
            self._branches(code, name, j, inside)

    def _branches(self, trunk: str, trunk_name: str, j: int, inside: list[int]) -> None:
        top = min(j + TRUNK_EVERY, len(self.lattice.v) - 1)
        count = 0
        for i in inside:
            if i % (BRANCH_EVERY // 2) != 0:
                continue
            rows = self._inside_v(i, j, top)
            if len(rows) < 2:
                continue
            line = self._along_v(i, rows)
            if i % BRANCH_EVERY != 0:
                code = f"{trunk}-P{i:02d}"
                self._canal(code, f"{trunk_name}{i}排支沟", ("branch", "drain"), trunk, line[::-1])
                self._structure(code, "drain_gate", f"{trunk_name}{i}退水闸", line[0])
                continue
            count += 1
            code = f"{trunk}-Z{count:02d}"
            name = f"{trunk_name}{_numeral(count)}支渠"
            self._canal(code, name, ("branch", "irrigation"), trunk, line)
            self._structure(code, "offtake_gate", f"{name}分水闸", line[0])
            self._structure(code, "measuring", f"{name}量水堰", line[0] * 0.93 + line[1] * 0.07)
            if len(line) > 3:
                kind = self.rng.choice(
                    ["drop", "aqueduct", "siphon", "culvert"], p=[0.5, 0.1, 0.1, 0.3]
                )
                self._structure(code, str(kind), f"{name}{_KINDS[str(kind)]}", line[-2])
            self._laterals(code, name, i, rows)

    def _laterals(self, branch: str, branch_name: str, i: int, rows: list[int]) -> None:
        count = 0
        for j in rows[1:]:
            if j % TRUNK_EVERY == 0:
                continue
            columns = [
                c for c in range(i, min(i + BRANCH_EVERY, len(self.lattice.u) - 1))
                if self._has(c, j) or self._has(c, j - 1)
            ]  # fmt: skip
            if not columns:
                continue
            count += 1
            code, name = f"{branch}-D{count:02d}", f"{branch_name}{_numeral(count)}斗渠"
            line = self._along_u(list(range(i, columns[-1] + 2)), j)
            # A lateral ends before the next branch's road.
            line[-1] = line[-1] * 0.9 + line[-2] * 0.1
            self._canal(code, name, ("lateral", "irrigation"), branch, line)
            self._structure(code, "offtake_gate", f"{name}分水口", line[0] * 0.96 + line[1] * 0.04)
            kind = str(self.rng.choice(["culvert", "bridge"], p=[0.6, 0.4]))
            self._structure(code, kind, f"{name}{_KINDS[kind]}", line[len(line) // 2])
            self._field_canals(code, name, i, columns, j)

    def _field_canals(self, lateral: str, name: str, i: int, columns: list[int], j: int) -> None:
        farms = 0
        for c in columns:
            if c == i or not self._has(c, j) or j + 1 >= len(self.lattice.v):
                continue
            farms += 1
            line = self._along_v(c, [j, j + 1])
            line[1] = line[1] * 0.96 + line[0] * 0.04
            drain = c % 2 == 1
            code = f"{lateral}-{'P' if drain else 'N'}{farms:02d}"
            title = f"{name}{_numeral(farms)}{'农排' if drain else '农渠'}"
            kind = "drain" if drain else "irrigation"
            self._canal(code, title, ("field", kind), lateral, line[::-1] if drain else line)

    def _headworks(self, main: Floats) -> None:
        code = f"{self.prefix}-Z"
        district = outlines.DISTRICTS[self.number]
        if district.source == "taoer":
            self._structure(code, "weir", f"{self.title}渠首壅水坝", main[0])
            self._structure(code, "intake_gate", district.headworks, main[0] * 0.9 + main[1] * 0.1)
        else:
            self._structure(code, "pump_station", district.headworks, main[0])
            self._structure(code, "pump_station", f"{self.title}二级泵站", main[-4])
        for step, at in enumerate(main[2:-2:3], start=1):
            self._structure(code, "bridge", f"{self.title}总干{step}#公路桥", at)
        self._structure(code, "check_gate", f"{self.title}总干节制闸", main[-1])

    def _canal(
        self, code: str, name: str, kinds: tuple[str, str], parent: str | None, line: Floats
    ) -> None:
        order, kind = kinds
        self.works.canals.append(
            Canal(code, f"{self.title}{name}", order, kind, self.number, parent, line)
        )

    def _structure(self, canal: str, kind: str, name: str, at: Floats) -> None:
        self.structures += 1
        code = f"{self.prefix}-S{self.structures:04d}"
        if not name.startswith((self.title, outlines.DISTRICTS[self.number].headworks)):
            name = f"{self.title}{name}"
        self.works.structures.append(Structure(code, name, kind, canal, self.number, at))

    def _has(self, i: int, j: int) -> bool:
        return (i, j) in self.blocks

    def _inside_u(self, j: int) -> list[int]:
        return self._longest(np.arange(len(self.lattice.u)), np.full(len(self.lattice.u), j))

    def _inside_v(self, i: int, low: int, high: int) -> list[int]:
        rows = np.arange(low, high + 1)
        inside = self._longest(np.full(len(rows), i), rows)
        # A branch starts at its trunk.
        return [low + k for k in inside] if inside and inside[0] == 0 else []

    def _longest(self, i: NDArray[np.int64], j: NDArray[np.int64]) -> list[int]:
        """Positions of the longest run of lattice nodes inside the district."""
        xy = self.lattice.place(self.lattice.u[i], self.lattice.v[j])
        inside = shapely.contains(self.outline, shapely.points(xy))
        breaks = np.flatnonzero(np.diff(np.concatenate([[0], inside.astype(int), [0]])))
        if len(breaks) == 0:
            return []
        runs = breaks.reshape(-1, 2)
        first, last = runs[np.argmax(runs[:, 1] - runs[:, 0])]
        return list(range(int(first), int(last)))

    def _along_u(self, columns: list[int], j: int) -> Floats:
        u = self.lattice.u[columns]
        return self.lattice.place(u, np.full(len(u), self.lattice.v[j]))

    def _along_v(self, i: int, rows: list[int]) -> Floats:
        v = self.lattice.v[rows]
        return self.lattice.place(np.full(len(v), self.lattice.u[i]), v)


_KINDS = {
    "drop": "跌水", "aqueduct": "渡槽", "siphon": "倒虹吸", "culvert": "过路涵", "bridge": "农桥",
}  # fmt: skip
_DIGITS = "零一二三四五六七八九十"


def _numeral(number: int) -> str:
    """Chinese numeral of 1 .. 99."""
    tens, ones = divmod(number, 10)
    if tens == 0:
        return _DIGITS[ones]
    return ("" if tens == 1 else _DIGITS[tens]) + "十" + (_DIGITS[ones] if ones else "")


def canal_geometry(canals: list[Canal]) -> NDArray[np.object_]:
    """MultiLineString[n] in EPSG:4490."""
    lines = np.array([shapely.LineString(fields.to_degrees(c.line)) for c in canals], dtype=object)
    return np.asarray(shapely.multilinestrings(lines, indices=np.arange(len(lines))), dtype=object)


def structure_geometry(structures: list[Structure]) -> NDArray[np.object_]:
    """Point[n] in EPSG:4490."""
    at = np.array([structure.at for structure in structures])
    return np.asarray(shapely.points(fields.to_degrees(at)), dtype=object)
