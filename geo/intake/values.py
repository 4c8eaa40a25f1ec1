"""Columns of the file -> columns of the layer, each value converted or named as wrong.

Works on distinct values: a column of 200,000 land classes has a dozen. Nothing is
guessed into a value; what does not convert is null and an error of its row.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geo.intake.issues import Issues
from geo.layers import Codelist, Field, Layer

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
#: Times without a zone are China Standard Time.
CHINA = timezone(timedelta(hours=8))
_TRUE = frozenset({"t", "y", "true", "yes", "1", "是", "有", "对", "√", "已"})
_FALSE = frozenset({"f", "n", "false", "no", "0", "否", "无", "不", "×", "未"})
_UNKNOWN = frozenset({"?", "*"})
_DATE = re.compile(r"^(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[T ].*)?$")
_KIND = {
    "integer": ("整数", "a whole number"),
    "number": ("数字", "a number"),
    "boolean": ("是/否", "yes or no"),
    "date": ("日期", "a date"),
    "datetime": ("日期时间", "a date and time"),
}
_CUT_LEAST = 2  # characters of a cut value that must be left to know it again


def convert(
    column: pa.ChunkedArray,
    field: Field,
    codes: Codelist | None,
    issues: Issues,
    scale: float | None = None,
) -> Any:
    """A column in the field's Arrow type, with the field's checks; ``scale``: to its unit.

    Issues by row: E_VALUE_TYPE, E_VALUE_CODE, E_VALUE_LENGTH, E_VALUE_RANGE,
    E_VALUE_REQUIRED; W_VALUE_CUT where a code was known from its beginning.
    """
    source = column.combine_chunks()
    if isinstance(source, pa.ChunkedArray):
        source = pa.concat_arrays(source.chunks) if source.num_chunks else pa.array([], pa.string())
    given = np.asarray(source.is_valid())
    if codes is not None:
        result, bad = _codes(source, field, codes, issues)
    elif field.type in ("integer", "number"):
        result, bad = _numbers(source, field, issues)
        if scale is not None:
            result = pc.multiply(result, pa.scalar(scale))
    elif field.type == "string":
        result, bad = _text(source), np.zeros(len(source), np.bool_)
    else:
        result, bad = _parsed(source, field, issues)
    given &= np.asarray(result.is_valid()) | bad
    _check(result, field, issues)
    if field.required:
        issues.at(
            ~given, "E_VALUE_REQUIRED", "error",
            lambda _: (f"“{field.title.zh}”不能为空", f"{field.title.en!r} must not be empty"),
            where=field.name,
        )  # fmt: skip
    return result


def check_key(table: pa.Table, layer: Layer, issues: Issues) -> None:
    """Rows of one file must not share a business key: E_KEY_DUPLICATE names the first one."""
    if not layer.key or not table.num_rows:
        return
    keys = table.select(list(layer.key)).append_column("place", pa.array(range(table.num_rows)))
    for name in layer.key:
        keys = keys.filter(pc.is_valid(keys[name]))
    groups = keys.group_by(list(layer.key)).aggregate([("place", "min"), ("place", "count")])
    groups = groups.filter(pc.greater(groups["place_count"], 1)).drop_columns("place_count")
    if not groups.num_rows:
        return
    joined = keys.join(groups, keys=list(layer.key), join_type="inner")
    again = joined.filter(pc.not_equal(joined["place"], joined["place_min"])).sort_by("place")
    places = again["place"].to_numpy()
    first = dict(zip(places.tolist(), again["place_min"].to_pylist(), strict=True))
    title = "、".join(layer.by_name[name].title.zh for name in layer.key)

    def describe(place: int) -> tuple[str, str]:
        value = " / ".join(str(table[name][place].as_py()) for name in layer.key)
        row = int(issues.rows[first[place]])
        return f"{title}“{value}”与第 {row} 条重复", f"{value!r} repeats the key of record {row}"

    issues.at(places, "E_KEY_DUPLICATE", "error", describe, where=", ".join(layer.key))


def _text(source: pa.Array) -> pa.Array:
    if pa.types.is_floating(source.type):
        whole = pc.equal(source, pc.floor(source))
        if pc.all(whole).as_py():  # codes that a table stored as 220882.0
            source = pc.cast(source, pa.int64())
    text = pc.utf8_trim_whitespace(pc.cast(source, pa.string()))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _numbers(source: pa.Array, field: Field, issues: Issues) -> tuple[pa.Array, NDArray[np.bool_]]:
    if pa.types.is_integer(source.type) or pa.types.is_floating(source.type):
        values = pc.cast(source, pa.float64())
    else:
        try:
            values = pc.cast(_text(source), pa.float64())
        except pa.ArrowInvalid:
            values, bad = _by_value(_text(source), _number, pa.float64())
            _wrong(bad, source, field, issues)
            return _whole(values, source, field, issues, bad)
    return _whole(values, source, field, issues, np.zeros(len(source), np.bool_))


def _whole(
    values: pa.Array, source: pa.Array, field: Field, issues: Issues, bad: NDArray[np.bool_]
) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Refuse NaN and infinity, and fractions where the field counts."""
    plain = values.to_numpy(zero_copy_only=False)
    given = np.asarray(values.is_valid())
    wrong = given & ~np.isfinite(plain)
    if field.type == "integer":
        wrong |= given & ((plain != np.floor(plain)) | (np.abs(plain) > 2**53))
    _wrong(wrong, source, field, issues)
    values = pa.array(plain, pa.float64(), mask=wrong | ~given)
    return pc.cast(values, ARROW[field.type]), bad | wrong


def _parsed(source: pa.Array, field: Field, issues: Issues) -> tuple[pa.Array, NDArray[np.bool_]]:
    kind = ARROW[field.type]
    if source.type == kind:
        return source, np.zeros(len(source), np.bool_)
    if pa.types.is_timestamp(source.type) and field.type == "date":
        return pc.cast(source, kind, safe=False), np.zeros(len(source), np.bool_)
    parse = {"boolean": _boolean, "date": _date, "datetime": _datetime}[field.type]
    values, bad = _by_value(_text(source), parse, kind)
    _wrong(bad, source, field, issues)
    return values, bad


def _codes(
    source: pa.Array, field: Field, codes: Codelist, issues: Issues
) -> tuple[pa.Array, NDArray[np.bool_]]:
    cut: dict[str, str] = {}

    def parse(text: str) -> str:
        plain = _plain(text)
        for spelling in (text.strip().casefold(), plain, plain.removesuffix(".0")):
            if spelling in codes.by_spelling:
                return codes.by_spelling[spelling]
        found = {code for spelling, code in codes.by_spelling.items() if spelling.startswith(plain)}
        if len(found) == 1 and len(plain) >= _CUT_LEAST and not plain.isascii():
            cut[text] = found.pop()
            return cut[text]
        raise ValueError(text)

    text = _text(source)
    values, bad = _by_value(text, parse, pa.string())
    title = field.title
    issues.at(
        bad, "E_VALUE_CODE", "error",
        lambda i: (
            f"“{title.zh}”的值“{_show(text, i)}”不在代码表“{codes.title.zh}”中",
            f"{_show(text, i)!r} of {title.en!r} is not in the code list {codes.title.en!r}",
        ),
        where=field.name, decision="mapping",
    )  # fmt: skip
    if cut:
        known = np.asarray(pc.is_in(text, value_set=pa.array(list(cut), pa.string())))
        issues.at(
            known, "W_VALUE_CUT", "warning",
            lambda i: (
                f"“{title.zh}”的值“{_show(text, i)}”不完整，按“{cut[text[i].as_py()]}”读取",
                f"{_show(text, i)!r} of {title.en!r} is cut short, read as {cut[text[i].as_py()]}",
            ),
            where=field.name,
        )  # fmt: skip
    return values, bad


def _check(result: pa.Array, field: Field, issues: Issues) -> None:
    title = field.title
    if field.max_length is not None:
        long = pc.greater(pc.utf8_length(result), field.max_length)
        issues.at(
            _mask(long), "E_VALUE_LENGTH", "error",
            lambda _: (
                f"“{title.zh}”超过 {field.max_length} 个字",
                f"{title.en!r} is longer than {field.max_length} characters",
            ),
            where=field.name,
        )  # fmt: skip
    if field.minimum is None and field.maximum is None:
        return
    low, high = field.minimum, field.maximum
    values = result.to_numpy(zero_copy_only=False).astype(np.float64)
    outside = np.zeros(len(values), np.bool_)
    with np.errstate(invalid="ignore"):
        if low is not None:
            outside |= values < low
        if high is not None:
            outside |= values > high
    issues.at(
        outside, "E_VALUE_RANGE", "error",
        lambda i: (
            f"“{title.zh}”的值 {values[i]:g} 不在 {_limit(low)}–{_limit(high)} 之间",
            f"{values[i]:g} of {title.en!r} is outside {_limit(low)} to {_limit(high)}",
        ),
        where=field.name,
    )  # fmt: skip


def _wrong(bad: NDArray[np.bool_], source: pa.Array, field: Field, issues: Issues) -> None:
    zh, en = _KIND[field.type]
    issues.at(
        bad, "E_VALUE_TYPE", "error",
        lambda i: (
            f"“{field.title.zh}”的值“{_show(source, i)}”不是{zh}",
            f"{_show(source, i)!r} of {field.title.en!r} is not {en}",
        ),
        where=field.name, decision="mapping",
    )  # fmt: skip


def _by_value(
    text: pa.Array, parse: Callable[[str], Any], kind: pa.DataType
) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Parse each distinct text once: (values, which texts do not parse)."""
    encoded = text.dictionary_encode()
    parsed: list[Any] = []
    failed: list[bool] = []
    for value in encoded.dictionary.to_pylist():
        try:
            parsed.append(parse(value))
            failed.append(False)
        except (ValueError, OverflowError):
            parsed.append(None)
            failed.append(True)
    values = pa.array(parsed, kind).take(encoded.indices)
    return values, _mask(pa.array(failed, pa.bool_()).take(encoded.indices))


def _mask(values: pa.Array) -> NDArray[np.bool_]:
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), np.bool_)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).strip().casefold()


def _number(text: str) -> float:
    return float(_plain(text).replace(",", "").replace("_", "x"))


def _boolean(text: str) -> bool | None:
    plain = _plain(text).removesuffix(".0")
    if plain in _UNKNOWN:
        return None
    if plain in _TRUE or plain in _FALSE:
        return plain in _TRUE
    raise ValueError(text)


def _date(text: str) -> date | None:
    plain = _plain(text)
    if not plain.strip("0"):
        return None  # how dbf writes no date
    found = _DATE.match(plain)
    if found is None:
        raise ValueError(text)
    return date(*(int(part) for part in found.groups()))


def _datetime(text: str) -> datetime:
    plain = unicodedata.normalize("NFKC", text).strip().replace("/", "-")
    value = datetime.fromisoformat(plain)
    return (value if value.tzinfo else value.replace(tzinfo=CHINA)).astimezone(UTC)


def _show(values: pa.Array, place: int) -> str:
    return str(values[place].as_py())[:60]


def _limit(value: float | None) -> str:
    return "…" if value is None else f"{value:g}"
