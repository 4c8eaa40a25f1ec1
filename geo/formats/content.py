"""What a reader gives: one table of records with their shapes, and what the file says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import shapely

from geo.crs import Datum
from geo.formats.curves import refuse_curves
from geo.formats.text import Encoding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Note = tuple[str, str, str]  # code, zh, en

#: Records that one file may hold, whatever its format.
MAX_RECORDS = 2_000_000


@dataclass
class Content:
    """All records of one layer of a file.

    ``geometry``: shapely geometries in the file's own coordinates, x (easting, longitude)
    first, None for no shape and for ``broken`` ones (there and not readable). ``rows``:
    record numbers as a person counts them (a row of a sheet, a feature), from 1.
    ``crs``: the system that the format itself states, also "GCJ-02" and "BD-09"; ``datum``
    and ``zone`` are what is stated without making a whole system.
    """

    attributes: pa.Table
    geometry: NDArray[np.object_]
    broken: NDArray[np.bool_]
    rows: NDArray[np.int64]
    encoding: Encoding | None = None
    crs: str | None = None
    datum: Datum | None = None
    zone: int | None = None
    unread: tuple[str, ...] = ()
    notes: list[Note] = field(default_factory=list)


def from_wkb(wkb: Sequence[bytes | None]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """(shapes, which are there and cannot be read) of well-known binary.

    Raises `Rejected` E_CURVE, E_MULTIPATCH.
    """
    refuse_curves(wkb)
    values = np.empty(len(wkb), dtype=object)
    values[:] = wkb
    with np.errstate(invalid="ignore"):  # NaN coordinates are for the checks to name
        shapes: NDArray[np.object_] = shapely.from_wkb(values, on_invalid="ignore")
    given = np.fromiter((blob is not None for blob in wkb), np.bool_, len(wkb))
    return shapes, given & shapely.is_missing(shapes)
