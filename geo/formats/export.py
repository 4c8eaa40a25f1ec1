"""One download from a staged stream to its file: what the child process runs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from geo.formats import geoparquet, kml, landtxt, ogr, shp, xlsx
from geo.formats.source import Source
from geo.layers import Codelist, Layer


@dataclass(frozen=True)
class Format:
    """``geometry``: whether a layer without shapes cannot be written so."""

    write: Callable[[Path, Source], None]
    suffix: str
    media_type: str
    geometry: bool = False


FORMATS: dict[str, Format] = {
    "xlsx": Format(
        xlsx.write, ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    ),
    "gpkg": Format(ogr.write_gpkg, ".gpkg", "application/geopackage+sqlite3"),
    "fgb": Format(ogr.write_fgb, ".fgb", "application/flatgeobuf", geometry=True),
    "parquet": Format(geoparquet.write, ".parquet", "application/vnd.apache.parquet"),
    "shp": Format(shp.write, ".zip", "application/zip", geometry=True),
    "kml": Format(kml.write, ".kml", "application/vnd.google-earth.kml+xml", geometry=True),
    "landtxt": Format(landtxt.write, ".txt", "text/plain", geometry=True),
}


class _Absent(MetaPathFinder):
    """Keeps pandas out: pyogrio and pyarrow load it if they can, which takes half a second."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname in ("pandas", "geopandas"):
            raise ModuleNotFoundError(fullname)


def main(
    arguments: dict[str, Any], progress: Callable[[str, float | None], None]
) -> dict[str, Any]:
    """Write the file that ``arguments`` (of `arguments`) ask for; returns its size."""
    progress("write", None)
    sys.meta_path.insert(0, _Absent())
    source = Source(
        layer=Layer.model_validate(arguments["layer"]),
        codelists={k: Codelist.model_validate(v) for k, v in arguments["codelists"].items()},
        path=Path(arguments["source"]),
        rows=arguments["rows"],
        language=arguments["language"],
        crs=arguments["crs"],
        about=tuple((zh, en) for zh, en in arguments["about"]),
        options=arguments["options"],
    )
    out = Path(arguments["out"])
    FORMATS[arguments["format"]].write(out, source)
    return {"bytes": out.stat().st_size}


def arguments(source: Source, name: str, out: Path) -> dict[str, Any]:
    """The arguments of `main` for a source, as JSON."""
    used = {field.codelist for field in source.layer.fields if field.codelist}
    return {
        "format": name,
        "layer": source.layer.model_dump(mode="json"),
        "codelists": {k: source.codelists[k].model_dump(mode="json") for k in sorted(used)},
        "source": str(source.path),
        "rows": source.rows,
        "language": source.language,
        "crs": source.crs,
        "about": [list(pair) for pair in source.about],
        "options": dict(source.options),
        "out": str(out),
    }
