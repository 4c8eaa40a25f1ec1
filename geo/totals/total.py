"""Totals: how much, where, and by which definition.

`total` answers a `Question` from views of the layers at one revision. Areas are ellipsoidal,
lengths geodesic; features that lie wholly in one group count with their stored measure,
only features at an edge are cut (`geo.totals.divide`), and land that several features claim
is taken off the later ones (`geo.totals.overlap`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from geo.errors import Rejected
from geo.layers import Layer
from geo.totals.answer import Claim, Input, Row, Total
from geo.totals.divide import Division, Pieces
from geo.totals.kernels.grid import MIXED, NONE
from geo.totals.meaning import meaning_of, method_of
from geo.totals.overlap import Cuts, Overlaps
from geo.totals.question import Plan, Question, Views, Within, plan, rows_of, zone_field
from geo.totals.rows import Plane, Rows, Shapes
from geo.totals.settle import settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

#: Up to so many possible groups have a place each.
_DENSE = 200_000

__all__ = ["Claim", "Input", "Overlaps", "Question", "Row", "Total", "Within", "total"]


def total(
    views: Views, question: Question, layers: Mapping[str, Layer], overlaps: Overlaps | None = None
) -> Total:
    """Answer a question. ``views`` gives every layer at the same revision.

    ``overlaps`` keeps what was found for earlier questions and says where heavy overlays
    run; without it everything is worked out here and forgotten.

    Raises `Rejected`: E_PARAMETER, E_NOT_FOUND, E_FILTER, E_TOO_COSTLY.
    """
    asked = plan(question, layers)
    return _Answer(asked, views, overlaps or Overlaps()).total()


class _Answer:
    def __init__(self, asked: Plan, views: Views, overlaps: Overlaps) -> None:
        self.plan, self.question, self.views, self.overlaps = asked, asked.question, views, overlaps
        self.layer = asked.layer
        self.view = views(self.layer.id)
        filters = rows_of(asked, self.layer, self.view)
        self.rows = Rows(self.layer, self.view.match(filters, self.question.box))
        self.inputs = {self.layer.id: len(self.rows)}
        # A union of polygons counts land once; lines and points are counted one by one.
        self.union = self.layer.geometry == "MultiPolygon" and self.question.measure == "union"
        self.plane = self._plane()
        self.zones: dict[str, tuple[int, Rows]] = {}  # name of the key -> division, zones
        self.divisions = self._divisions() if self.layer.geometry else []

    def _plane(self) -> Plane:
        if not self.layer.geometry or not len(self.rows):
            return Plane(123)
        west, east = self.rows.span
        return Plane.over(west, east) if west <= east else Plane(123)

    def _divisions(self) -> list[Division]:
        made = []
        within = self.question.within
        if within is not None:
            made.append(self._division(self._within(within), keep=False))
        for layer in self.plan.on:
            rows = self._chosen(layer)
            self.inputs[layer.id] = len(rows)
            once = self.question.measure == "union"
            self.zones[layer.id] = (len(made), rows)
            made.append(self._division(rows, keep=False, once=once))
        for key in self.plan.keys:
            if key.field is None and key.name not in self.zones:
                rows = Rows(key.layer, self.views(key.layer.id).match())
                self.inputs.setdefault(key.layer.id, len(rows))
                self.zones[key.name] = (len(made), rows)
                made.append(self._division(rows, keep=True))
        return made

    def _chosen(self, layer: Layer) -> Rows:
        view = self.views(layer.id)
        return Rows(layer, view.match(rows_of(self.plan, layer, view)))

    def _within(self, within: Within) -> Rows | Shapes:
        if within.layer is None:
            shape = np.empty(1, dtype=object)
            shape[0] = within.shape
            return Shapes(shape)
        view = self.views(within.layer)
        rows = Rows(view.layer, view.match())
        values = rows.values(zone_field(view.layer)).to_pylist()
        wanted = set(within.keys)
        mine = np.array([str(value) in wanted for value in values], dtype=bool)
        missing = wanted - {str(value) for value in values}
        if missing:
            raise _no_zone(view.layer, missing, values)
        self.inputs.setdefault(within.layer, int(mine.sum()))
        return rows.some(np.flatnonzero(mine))

    def _division(self, zones: Rows | Shapes, *, keep: bool, once: bool = True) -> Division:
        cuts = None
        if once:
            cuts = self._cuts(zones) if isinstance(zones, Rows) else _nothing()
        return Division(zones, self.plane, self.overlaps.overlay, keep=keep, cuts=cuts)

    def _cuts(self, rows: Rows) -> Cuts:
        if len(rows) < 2:
            return _nothing()
        return self.overlaps.cuts(rows, self.views(rows.layer.id), self.plane)

    # -- the answer ------------------------------------------------------------

    def total(self) -> Total:
        index = np.arange(len(self.rows))
        cuts = self._cuts(self.rows) if self.union else _nothing()
        where = [division.locate(self.rows.bounds) for division in self.divisions]
        mixed = np.zeros(len(index), dtype=bool)
        for each in where:
            mixed |= each == MIXED
        counted = self._divided(index, self.rows.units, None, where, mixed)
        removed = self._divided(cuts.row, cuts.units, cuts.shape, where, mixed)
        keys, values = self._groups(counted), [codes for _, codes in self._codes()]
        rows = self._summed(counted, removed, keys, self._groups(removed), values, mixed)
        missing = int(np.isnan(self.rows.measured).sum()) if not self._dropping() else 0
        return self._explained(rows, counted, missing, self._claims(cuts, removed))

    def _claims(self, cuts: Cuts, removed: Pieces) -> tuple[Claim, ...]:
        rows, at = np.unique(removed.row, return_inverse=True)
        units = np.zeros(len(rows), dtype=np.int64)
        np.add.at(units, at, removed.units)
        fids = self.rows.fid[rows]
        begin, end = (np.searchsorted(cuts.later, fids, side) for side in ("left", "right"))
        earlier = cuts.earlier.tolist()
        columns = (each.tolist() for each in (fids, begin, end, units))
        found = (Claim(f, tuple(earlier[a:b]), u) for f, a, b, u in zip(*columns, strict=True))
        return tuple(sorted(found, key=lambda claim: claim.fid))

    def _dropping(self) -> bool:
        return any(not division.keep for division in self.divisions)

    def _divided(
        self, index: NDArray[np.int64], units: NDArray[np.int64],
        shapes: NDArray[np.object_] | None, where: list[NDArray[np.int32]],
        mixed: NDArray[np.bool_],
    ) -> Pieces:  # fmt: skip
        """Pieces of rows (or of what is removed from them) with a label per division."""
        nothing = np.empty(0, dtype=object)
        pieces = Pieces(index, units, nothing if shapes is None else shapes)
        if not self.divisions:
            return pieces
        edge = mixed[index]
        whole = np.flatnonzero(~edge)
        # Nobody looks at the shapes of rows that are not cut.
        sure = Pieces(index[whole], units[whole], nothing)
        for division, place in zip(self.divisions, where, strict=True):
            label = place[sure.row].astype(np.int64)
            sure = sure.under(label)
            if not division.keep:
                sure = sure.take(np.flatnonzero(label != NONE))
        cut = np.flatnonzero(edge)
        if len(cut):
            shape = (
                self.plane.flat(self.rows.geometries(index[cut])) if shapes is None else shapes[cut]
            )
            pieces = Pieces(index[cut], units[cut], shape)
            assert self.layer.geometry is not None
            for number, (division, place) in enumerate(zip(self.divisions, where, strict=True)):
                pieces = division.divide(
                    pieces, place, self.rows.bounds, self.layer.geometry,
                    last=number == len(self.divisions) - 1,
                )  # fmt: skip
            return Pieces.joined([sure, pieces])
        return sure

    def _codes(self) -> list[tuple[NDArray[np.int64], list[object]]]:
        """For every key: codes of the rows or zones that it speaks of, and their values."""
        if not hasattr(self, "_kept_codes"):
            self._kept_codes = []
            for key in self.plan.keys:
                rows = self.rows
                if key.field is None:
                    rows = self.zones[key.name][1]
                elif key.layer is not self.layer:
                    rows = self.zones[key.layer.id][1]
                name = zone_field(key.layer) if key.field is None else key.field.name
                self._kept_codes.append(rows.codes(name))
        return self._kept_codes

    def _groups(self, pieces: Pieces) -> NDArray[np.int64]:
        """One number a group for every piece."""
        group = np.zeros(len(pieces.row), dtype=np.int64)
        for key, (codes, values) in zip(self.plan.keys, self._codes(), strict=True):
            if key.field is not None and key.layer is self.layer:
                mine = codes[pieces.row]
            else:
                name = key.name if key.field is None else key.layer.id
                label = pieces.labels[self.zones[name][0]]
                # Outside of all zones (NONE, -1): the last code, which stands for None.
                mine = np.append(codes, len(values) - 1)[label]
            group = group * len(values) + mine
        return group

    def _summed(
        self, counted: Pieces, removed: Pieces, keys: NDArray[np.int64], cut: NDArray[np.int64],
        values: list[list[object]], mixed: NDArray[np.bool_],
    ) -> list[Row]:  # fmt: skip
        size = math.prod(map(len, values))
        groups = np.arange(size)
        if size > _DENSE:
            groups = np.unique(keys)
            keys, cut = np.searchsorted(groups, keys), np.searchsorted(groups, cut)
            size = len(groups)
        units, taken = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        np.add.at(units, keys, counted.units)
        np.add.at(taken, cut, removed.units)
        # A feature with several parts in one group is one feature.
        several = mixed[counted.row]
        count = np.bincount(keys[~several], minlength=size)
        apart = np.unique(np.stack((keys[several], counted.row[several])), axis=1)
        np.add.at(count, apart[0], 1)
        there = count > 0
        if self._one_zone_key():  # zones without features are an answer, too
            there[self._codes()[0][0]] = True
        for group, more in settled(counted, keys, removed, cut, mixed):
            taken[group] += more
        sums = [self._added(name, keys, size) for name in self.question.sums]
        rows = []
        for number in np.flatnonzero(there).tolist():
            group = int(groups[number])
            names: list[object] = []
            for options in reversed(values):
                group, code = divmod(group, len(options))
                names.append(options[code])
            rows.append(
                Row(
                    tuple(reversed(names)), int(count[number]),
                    int(units[number] - taken[number]), int(taken[number]),
                    tuple(each[number] for each in sums),
                )
            )  # fmt: skip
        rows.sort(key=lambda r: tuple((v is None, str(v)) for v in r.group))
        return rows

    def _one_zone_key(self) -> bool:
        return len(self.plan.keys) == 1 and self.plan.keys[0].field is None

    def _added(self, name: str, at: NDArray[np.int64], size: int) -> list[float]:
        """A field added up by group; exact, so that the order does not matter."""
        numbers = self.rows.values(name).cast("float64").to_numpy(zero_copy_only=False)
        order = np.argsort(at, kind="stable")
        numbers, bounds = numbers[order], np.searchsorted(at[order], np.arange(size + 1))
        return [
            math.fsum(part[~np.isnan(part)].tolist())
            for part in (numbers[bounds[k] : bounds[k + 1]] for k in range(size))
        ]

    def _explained(
        self, rows: list[Row], counted: Pieces, missing: int, claims: tuple[Claim, ...]
    ) -> Total:
        seen = np.zeros(len(self.rows), dtype=bool)
        seen[counted.row] = True
        features = int(seen.sum())
        grouped = bool(self.plan.keys)
        fields = len(self.question.sums)
        whole = _together(rows, features, fields)
        open_ = [row for row in rows if any(value is None for value in row.group)]
        return Total(
            question=self.question,
            layer=self.layer,
            rows=tuple(rows) if grouped or features else (),
            total=whole,
            unassigned=_together(open_, sum(row.count for row in open_), fields),
            without_measure=missing,
            claims=claims,
            revision=self.view.touched,
            as_of=self.view.revision,
            inputs=tuple(
                Input(name, self.views(name).touched, self.inputs.get(name, 0))
                for name in self.plan.layers
            ),
            method=method_of(self.layer, self.question.measure),
            definition=self.question.meaning or meaning_of(self.layer, self.question.measure),
            titles={name: self._titles(rows) for name, (_, rows) in self.zones.items()},
        )

    def _titles(self, rows: Rows) -> dict[str, str]:
        """What zones are called, by their key."""
        label = rows.layer.label
        if label is None or len(rows) > 1000:
            return {}
        keys = rows.values(zone_field(rows.layer)).to_pylist()
        names = rows.values(label).to_pylist()
        return {str(k): str(n) for k, n in zip(keys, names, strict=True) if k and n}


def _together(rows: list[Row], count: int, fields: int) -> Row:
    sums = tuple(math.fsum(row.sums[at] for row in rows) for at in range(fields))
    units, removed = sum(row.units for row in rows), sum(row.removed_units for row in rows)
    return Row((), count, units, removed, sums)


def _nothing() -> Cuts:
    none = np.empty(0, dtype=np.int64)
    return Cuts(none, np.empty(0, dtype=object), none, none, none)


def _no_zone(layer: Layer, missing: set[str], values: list[object]) -> Rejected:
    listed = ", ".join(sorted(str(v) for v in values if v is not None)[:50])
    names = ", ".join(sorted(missing))[:200]
    return Rejected(
        "E_NOT_FOUND",
        f"{layer.title.zh}里没有 {names}",
        f"There is no {names} in {layer.id}",
        where="within",
        fix=(f"可用：{listed}", f"One of: {listed}"),
    )
