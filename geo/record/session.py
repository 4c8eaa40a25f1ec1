"""One connection of a home, as the code that both homes share speaks with it.

Statements are in the SQL that SQLite and PostgreSQL have in common: ``?`` for parameters, ``->``
and ``->>`` for JSON, ``coalesce``. What differs has a name here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol

from geo.layers import Layer


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Session(Protocol):
    """A connection inside a transaction that somebody else begins and ends."""

    #: bytes before the WKB in what `geometry_of` gives
    HEADER: ClassVar[int]

    #: the bytes of a log row's ``body``
    BODY: ClassVar[str]
    #: a table ``j`` with a column ``value``: the numbers of a parameter made by `keys`
    KEYS: ClassVar[str]

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Run a statement; returns a DBAPI cursor."""
        ...

    def stream(self, statement: str, parameters: Sequence[Any] = ()) -> Any:
        """Like `execute`, for more rows than memory should hold: read with ``fetchmany``."""
        ...

    def keys(self, numbers: Sequence[int]) -> Any: ...

    def insert_log(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Append rows of `geo.record.log.LogRow`'s columns, ``body`` as text."""
        ...

    def bulk(self, layer: Layer, rows: int) -> AbstractContextManager[None]:
        """Around the writing of so many rows of a layer."""
        ...

    def geometries(self, wkb: Sequence[bytes | None], bounds: Any) -> Sequence[Any]:
        """Values for the column ``geom``; ``bounds`` float64[n, 4]."""
        ...

    def geometry_of(self, layer: Layer) -> str:
        """SQL of the geometry of a row ``t`` of the layer's table, ending with its WKB (2D,
        little-endian); NULL for a layer without."""
        ...

    def enveloped(self, stored: Sequence[bytes], bounds: Any) -> Sequence[bool]:
        """Whether what `geometry_of` gave says the right envelopes, float64[n, 4]."""
        ...

    def texts(self, layer: Layer) -> list[str]:
        """SQL of the layer's fields of a row ``t``, as bodies of the log write them (but for
        booleans, which may come as 0 and 1)."""
        ...

    def moment(self, name: str) -> str:
        """SQL of a time column of a row ``t`` as text, ISO 8601 UTC with milliseconds."""
        ...

    def restart(self, names: Sequence[str]) -> None:
        """After rows with ids of their own were added to these system tables."""
        ...

    def insert(self, layer: Layer, columns: dict[str, Sequence[Any]]) -> None:
        """Add rows to the layer's table; ``columns`` begins with ``fid``."""
        ...

    def update(
        self, layer: Layer, fids: Sequence[int], columns: dict[str, Sequence[Any]]
    ) -> None: ...

    def delete(self, layer: Layer, fids: Sequence[int]) -> None: ...

    def written(self, layer: Layer, item: Any, fids: Any, updated_at: str) -> None:
        """After all rows of a change set (`geo.record.prepare.Prepared`): indexes, extents."""
        ...

    def index_faults(
        self, layer: Layer, deep: bool
    ) -> Iterable[tuple[int | None, int | None, str | None]]:
        """(seq, fid, what) where the spatial index differs from the geometries."""
        ...

    def close(self) -> None: ...
