"""Layer definitions: what a layer is, stated once in ``data/layers/*.toml``.

Tables, upload mapping and checks, OGC schema and queryables, forms and legends
of the page and export columns are all derived from these objects. Adding a
layer is adding a file.
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic import Field as Attr

GeometryType = Literal["Point", "MultiLineString", "MultiPolygon"]
FieldType = Literal["string", "integer", "number", "boolean", "date", "datetime"]
Name = Annotated[str, Attr(pattern=r"^[a-z][a-z0-9_]{0,39}$")]

#: Names that the system adds to every feature; a definition may not use them.
SYSTEM_FIELDS = frozenset(
    {"fid", "geom", "version", "revision", "log_seq", "updated_at",
     "area_m2", "area_ha", "area_mu", "length_m"}
)  # fmt: skip


class LayerError(ValueError):
    """A layer definition or code list that cannot be used; says which file and why."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Text(_Model):
    """A text in both languages; Chinese is the first."""

    zh: str
    en: str

    def get(self, language: str) -> str:
        return self.en if language == "en" else self.zh


class Code(_Model):
    """One value of a code list. ``aliases``: other spellings met in the field."""

    code: str
    title: Text
    aliases: tuple[str, ...] = ()
    color: str | None = None


class Codelist(_Model):
    id: Name
    title: Text
    source: str | None = None
    codes: tuple[Code, ...]

    @cached_property
    def by_spelling(self) -> dict[str, str]:
        """Every accepted spelling (code, titles, aliases; case-folded) -> code."""
        return {
            spelling.strip().casefold(): item.code
            for item in self.codes
            for spelling in (*item.aliases, item.title.en, item.title.zh, item.code)
        }


class Field(_Model):
    """One attribute of a layer.

    ``minimum``/``maximum`` are in ``unit``. ``aliases`` are column names met in
    the field (DKBH, 地块编号, ...), compared case-insensitively.
    """

    name: Name
    title: Text
    type: FieldType = "string"
    description: Text | None = None
    unit: str | None = None
    codelist: Name | None = None
    minimum: float | None = None
    maximum: float | None = None
    max_length: Annotated[int, Attr(gt=0, le=4000)] | None = None
    required: bool = False
    search: bool = False
    aliases: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Field:
        if self.name in SYSTEM_FIELDS:
            raise ValueError(f"field name {self.name!r} is reserved by the system")
        if self.codelist and self.type != "string":
            raise ValueError(f"field {self.name!r}: a code list needs type 'string'")
        if (self.minimum is not None or self.maximum is not None) and self.type not in (
            "integer",
            "number",
        ):
            raise ValueError(f"field {self.name!r}: a range needs a numeric type")
        return self


class Style(_Model):
    """How the page draws the layer; ``by`` names a code-list field that colours it."""

    color: str = "#4a7c59"
    outline: str | None = None
    by: Name | None = None
    min_zoom: int = 0
    order: int = 0


class Link(_Model):
    """A field that holds the business key of a feature of another layer."""

    field: Name
    layer: Name


class Layer(_Model):
    """A layer: ``geometry`` is None for tables without geometry."""

    id: Name
    title: Text
    description: Text
    geometry: GeometryType | None = None
    key: tuple[Name, ...] = ()
    label: Name | None = None
    class_field: Name | None = None
    county_field: Name | None = None
    datetime_field: Name | None = None
    commit_role: Literal["field", "agronomist", "manager", "admin"] = "manager"
    links: tuple[Link, ...] = ()
    style: Style = Style()
    fields: tuple[Field, ...]

    @model_validator(mode="after")
    def _check(self) -> Layer:
        names = [f.name for f in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"layer {self.id!r}: field names repeat")
        for used in (
            *self.key,
            self.label,
            self.class_field,
            self.county_field,
            self.datetime_field,
            self.style.by,
            *(link.field for link in self.links),
        ):
            if used is not None and used not in names:
                raise ValueError(f"layer {self.id!r}: no field {used!r}")
        return self

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {f.name: f for f in self.fields}

    @cached_property
    def digest(self) -> str:
        """Changes when anything in the definition does; the same in every process."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @property
    def measures(self) -> tuple[str, ...]:
        """Computed numbers that the system adds to each feature."""
        if self.geometry == "MultiPolygon":
            return ("area_m2", "area_ha", "area_mu")
        return ("length_m",) if self.geometry == "MultiLineString" else ()


class Catalog:
    """All layers and code lists, in the order of their files' names.

    Raises `LayerError` naming the file when a definition cannot be used.
    """

    def __init__(self, layers: dict[str, Layer], codelists: dict[str, Codelist]) -> None:
        for layer in layers.values():
            for field in layer.fields:
                if field.codelist and field.codelist not in codelists:
                    raise LayerError(
                        f"layer {layer.id!r}: field {field.name!r} names the unknown "
                        f"code list {field.codelist!r}"
                    )
            for link in layer.links:
                if link.layer not in layers:
                    raise LayerError(f"layer {layer.id!r}: link to unknown layer {link.layer!r}")
        self.layers = layers
        self.codelists = codelists

    @classmethod
    def load(cls, *folders: Path) -> Catalog:
        """Read ``layers/*.toml`` and ``codelists/*.toml`` below each folder, later ones win."""
        layers: dict[str, Layer] = {}
        codelists: dict[str, Codelist] = {}
        for folder in folders:
            for path in sorted(Path(folder).glob("codelists/*.toml")):
                codelist = _read(path, Codelist)
                codelists[codelist.id] = codelist
            for path in sorted(Path(folder).glob("layers/*.toml")):
                layer = _read(path, Layer)
                layers[layer.id] = layer
        return cls(layers, codelists)

    def codelist_of(self, field: Field) -> Codelist | None:
        return self.codelists[field.codelist] if field.codelist else None


_M = TypeVar("_M", bound=_Model)


def _read(path: Path, model: type[_M]) -> _M:
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        content.setdefault("id", path.stem)
        return model.model_validate(content)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise LayerError(f"{path.name}: {error}") from error
