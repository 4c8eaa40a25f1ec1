"""Row filters that need no query language: field equality, time, words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.errors import Rejected
from geo.layers import Field, Layer
from geo.local import LOCAL_TIME
from geo.snapshot.segment import Rows, Segment
from geo.snapshot.view import meets

_WORDS = {"true": True, "1": True, "false": False, "0": False}
Box = tuple[float, float, float, float]


def _bools(array: pa.Array | pa.ChunkedArray) -> np.ndarray:
    return pc.fill_null(array, False).to_numpy(zero_copy_only=False)


def _by_word(array: pa.DictionaryArray, hits: pa.Array) -> np.ndarray:
    """What holds for the words of a dictionary, for every row."""
    return _bools(hits.take(array.indices))


@dataclass(frozen=True)
class FieldEquals:
    """Rows whose field is one of the values."""

    field: Field
    values: tuple[object, ...]
    bbox: Box | None = None

    @classmethod
    def parse(cls, field: Field, texts: list[str]) -> FieldEquals:
        """From ``?field=a,b``; raises `Rejected` E_PARAMETER for a value of the wrong type."""
        parts = [part for text in texts for part in text.split(",")]
        return cls(field, tuple(_value(field, part.strip()) for part in parts))

    def mask(self, source: Segment, rows: Rows | None = None) -> np.ndarray:
        array = source.column(self.field.name, rows)
        if isinstance(array, pa.DictionaryArray):
            wanted = pa.array(self.values, pa.string())
            return _by_word(array, pc.is_in(array.dictionary, value_set=wanted))
        wanted = pa.array(self.values).cast(array.type)
        return _bools(pc.is_in(array, value_set=wanted, skip_nulls=True))


def _value(field: Field, text: str) -> object:
    try:
        if field.type == "integer":
            return np.int64(int(text)).item()
        if field.type == "number":
            number = float(text)
            if not math.isfinite(number):
                raise ValueError(text)
            return number
        if field.type == "boolean":
            return _WORDS[text.lower()]
        if field.type == "date":
            return date.fromisoformat(text)
        if field.type == "datetime":
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=LOCAL_TIME)
    except (ValueError, KeyError, OverflowError):
        raise Rejected(
            "E_PARAMETER",
            f"{field.title.zh}的值不正确:{text}",
            f"Not a value of {field.title.en} ({field.type}): {text}",
            where=field.name,
        ) from None
    return text


@dataclass(frozen=True)
class TimeWithin:
    """Rows whose date or time lies in a closed interval; None is an open end."""

    field: Field
    start: datetime | None
    end: datetime | None
    bbox: Box | None = None

    def mask(self, source: Segment, rows: Rows | None = None) -> np.ndarray:
        array = source.column(self.field.name, rows)
        found = pc.is_valid(array)
        for bound, compare in ((self.start, pc.greater_equal), (self.end, pc.less_equal)):
            if bound is not None:
                limit = bound.astimezone(LOCAL_TIME).date() if self.field.type == "date" else bound
                found = pc.and_(
                    found, pc.fill_null(compare(array, pa.scalar(limit, array.type)), False)
                )
        return _bools(found)


@dataclass(frozen=True)
class WordsIn:
    """Rows in which every word occurs in one of the layer's search fields, in any case."""

    names: tuple[str, ...]
    words: tuple[str, ...]
    bbox: Box | None = None

    @classmethod
    def parse(cls, layer: Layer, text: str) -> WordsIn:
        names = tuple(f.name for f in layer.fields if f.search and f.type == "string")
        return cls(names, tuple(text.split()))

    def mask(self, source: Segment, rows: Rows | None = None) -> np.ndarray:
        arrays = [source.column(name, rows) for name in self.names]
        count = source.length if rows is None else len(rows)
        found = np.ones(count, dtype=bool)
        for word in self.words:
            hit = np.zeros(count, dtype=bool)
            for array in arrays:
                hit |= _by_word(array, pc.match_substring(array.dictionary, word, ignore_case=True))
            found &= hit
        return found


@dataclass(frozen=True)
class Meets:
    """Rows whose geometry meets a box (lon/lat)."""

    bbox: Box

    def mask(self, source: Segment, rows: Rows | None = None) -> np.ndarray:
        return meets(source, np.arange(source.length) if rows is None else rows, self.bbox)
