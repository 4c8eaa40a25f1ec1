"""What a question is, what it may read, and what an answer looks like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from geo.errors import Rejected
from geo.layers import Catalog, Text
from geo.record.protocol import ARROW_TYPES, Commit
from geo.snapshot.filters import FieldEquals
from geo.snapshot.view import Box, RowFilter, View
from geo.totals.definitions import Definitions
from geo.totals.question import Question
from geo.totals.targets import Target
from geo.totals.total import Total
from geo.units import SQUARE_METRES_PER_MU

Moment = datetime | int | None


class Parameters(BaseModel):
    """Parameters of a question: each field has a type, a default and a description."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Column:
    """``codelist`` names the list whose titles people see; ``unit`` is told in the heading."""

    name: str
    title: Text
    unit: str | None = None
    codelist: str | None = None


@dataclass(frozen=True)
class Table:
    """Rows in the order in which people read them; values as `pyarrow` gives them."""

    name: str
    title: Text
    columns: tuple[Column, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Answer:
    """Tables, the definition (口径) behind them, and the layers they were read from."""

    tables: tuple[Table, ...]
    definition: Text


@dataclass(frozen=True)
class Source:
    """The layers as of one revision.

    ``look(layer, moment)`` gives a layer's view; ``moment`` None is the revision that
    is asked about. ``today`` is its local date. ``ask`` answers totals at a moment,
    ``commits`` are those that the record holds, oldest first; ``report`` gives the report
    of an upload that the asker may see.
    """

    catalog: Catalog
    look: Callable[[str, Moment], View]
    today: date
    ask: Callable[[Question, Moment], Total]
    definitions: Definitions
    targets: Mapping[str, Target]
    commits: Sequence[Commit] = ()
    report: Callable[[int], Mapping[str, Any] | None] = lambda _: None

    def view(self, layer: str, moment: Moment = None) -> View:
        return self.look(layer, moment)

    def total(self, question: Question, moment: Moment = None) -> Total:
        return self.ask(question, moment)

    def read(
        self,
        layer: str,
        names: Sequence[str],
        filters: Sequence[RowFilter] = (),
        moment: Moment = None,
        equals: Mapping[str, object] | None = None,
    ) -> pa.Table:
        """Columns of the features that pass; texts as plain strings, ``fid`` always among them."""
        view = self.view(layer, moment)
        fields = view.layer.by_name
        wanted = [FieldEquals(fields[n], (v,)) for n, v in (equals or {}).items() if v is not None]
        names = ("fid", *(name for name in names if name != "fid"))
        tables = [
            pa.table({name: _plain(segment.column(name, rows)) for name in names})
            for segment, rows in view.match([*wanted, *filters])
        ]
        if tables:
            return pa.concat_tables(tables)
        return pa.table({name: pa.array([], _type(view, name)) for name in names})

    def shapes(
        self,
        layer: str,
        filters: Sequence[RowFilter] = (),
        names: Sequence[str] = (),
        box: Box | None = None,
    ) -> tuple[pa.Table, np.ndarray]:
        """Columns of features and their geometries (shapely, EPSG:4490), in the same order."""
        found = self.view(layer).match(filters, box, exact=False)
        tables = [pa.table({n: _plain(s.column(n, r)) for n in ("fid", *names)}) for s, r in found]
        shapes = [segment.geometries(rows) for segment, rows in found]
        if not tables:
            return self.read(layer, names).slice(0, 0), np.empty(0, dtype=object)
        return pa.concat_tables(tables), np.concatenate(shapes)

    def known(self, layer: str, field: str, value: str) -> dict[str, Any]:
        """The one feature with this key. Raises `Rejected` E_NOT_FOUND."""
        found = self.read(layer, tuple(self.catalog.layers[layer].by_name), equals={field: value})
        if not found.num_rows:
            title = self.catalog.layers[layer].title
            raise Rejected(
                "E_NOT_FOUND",
                f"{title.zh}中没有编号 {value}",
                f"There is no {value} in {title.en}",
                where=field,
                fix=("请检查编号", "Check the code"),
            )
        return found.slice(0, 1).to_pylist()[0]


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array


def _type(view: View, name: str) -> pa.DataType:
    """The type of a column when the layer has no rows to show it."""
    field = view.layer.by_name.get(name)
    if field is not None:
        return ARROW_TYPES[field.type]
    if name == "updated_at":
        return ARROW_TYPES["datetime"]
    return pa.int64() if name in ("fid", "version") else pa.float64()


@dataclass(frozen=True)
class Weekly:
    """One of the questions asked every week: name in the address, text, parameters, answer."""

    name: str
    title: Text
    text: Text
    parameters: type[Parameters]
    answer: Callable[[Source, Any], Answer]
    personal: bool = False  # depends on who asks: never kept for others


def column(
    name: str, zh: str, en: str, unit: str | None = None, codelist: str | None = None
) -> Column:
    return Column(name, Text(zh=zh, en=en), unit, codelist)


COUNTY = column("county", "县(市、区)", "County", codelist="county")
TOWNSHIP = column("township", "乡镇", "Township")
AREA = column("area_mu", "面积", "Area", "mu")


def table(
    name: str, zh: str, en: str, columns: Iterable[Column], rows: pa.Table | list[tuple[Any, ...]]
) -> Table:
    """A table of these columns; of an Arrow table the columns of these names are taken."""
    columns = tuple(columns)
    if isinstance(rows, pa.Table):
        values = [rows[each.name].to_pylist() for each in columns]
        rows = list(zip(*values, strict=True))
    return Table(name, Text(zh=zh, en=en), columns, rows)


Where = Literal["left outer", "inner", "left semi", "left anti"]


def join(left: pa.Table, right: pa.Table, keys: Mapping[str, str], how: Where) -> pa.Table:
    """``pa.Table.join`` on ``keys`` (left name: right name)."""
    return left.join(right, list(keys), list(keys.values()), join_type=how, use_threads=False)


def put(table: pa.Table, **columns: pa.Array | pa.ChunkedArray | pa.Scalar) -> pa.Table:
    """The table with these columns added or replaced."""
    for name, given in columns.items():
        values = pa.repeat(given, table.num_rows) if isinstance(given, pa.Scalar) else given
        if name in table.schema.names:
            table = table.set_column(table.schema.get_field_index(name), name, values)
        else:
            table = table.append_column(name, values)
    return table


def grouped(table: pa.Table, keys: Sequence[str], **sums: tuple[str, str]) -> pa.Table:
    """``name=(column, function)`` by ``keys``; groups in ascending order, nulls last.

    ``last`` is the last row's value, be it null.
    """
    whole = pc.ScalarAggregateOptions(skip_nulls=False)
    wanted = [(of, how, whole) if how == "last" else (of, how) for of, how in sums.values()]
    done = table.group_by(list(keys), use_threads=False).aggregate(wanted)
    names = [f"{of}_{how}" for of, how in sums.values()]
    done = done.select([*keys, *names]).rename_columns([*keys, *sums])
    return done.sort_by([(key, "ascending") for key in keys]) if keys else done


def share(part: pa.ChunkedArray, whole: pa.ChunkedArray) -> pa.ChunkedArray:
    """part / whole in percent; null where there is no whole."""
    some = pc.if_else(pc.greater(whole, 0), whole, pa.scalar(None, whole.type))
    return pc.multiply(pc.divide(pc.cast(part, pa.float64()), some), 100.0)


def quoted(text: str) -> str:
    """Text inside the quotes of CQL2."""
    return text.replace("'", "''")


def mu(square_metres: float) -> float:
    return square_metres / float(SQUARE_METRES_PER_MU)
