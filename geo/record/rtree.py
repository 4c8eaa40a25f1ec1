# ruff: noqa: S608 - names come from checked layer definitions
"""The R-tree extension of GeoPackage: index table and the triggers that keep it.

Source: OGC 12-128r19 (GeoPackage 1.4), Annex F.3; triggers as GDAL writes them.
"""

from __future__ import annotations

from typing import Any

from geo.layers import Layer
from geo.record.session import quote


def name_of(layer: str) -> str:
    return f"rtree_{layer}_geom"


def create(connection: Any, layer: Layer) -> None:
    connection.execute(
        f"CREATE VIRTUAL TABLE {quote(name_of(layer.id))} USING rtree(id, minx, maxx, miny, maxy)"
    )
    connection.execute(
        "INSERT INTO gpkg_extensions VALUES (?, 'geom', 'gpkg_rtree_index', "
        "'http://www.geopackage.org/spec140/#extension_rtree', 'write-only')",
        (layer.id,),
    )
    for statement in triggers(layer.id).values():
        connection.execute(statement)


def triggers(layer: str) -> dict[str, str]:
    """Name -> statement of the standard's triggers."""
    t, r = quote(layer), quote(name_of(layer))
    new, old = "NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom)", "OLD.geom ISNULL"
    gone = "NEW.geom ISNULL OR ST_IsEmpty(NEW.geom)"
    edges = "ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)"
    was = "OLD.geom NOTNULL AND NOT ST_IsEmpty(OLD.geom)"
    bodies = {
        "insert": f"AFTER INSERT ON {t} WHEN ({new}) BEGIN "
        f"INSERT OR REPLACE INTO {r} VALUES (NEW.fid, {edges}); END",
        "update6": f"AFTER UPDATE OF geom ON {t} WHEN OLD.fid = NEW.fid AND ({new}) AND ({was}) "
        f"BEGIN UPDATE {r} SET minx = ST_MinX(NEW.geom), maxx = ST_MaxX(NEW.geom), "
        f"miny = ST_MinY(NEW.geom), maxy = ST_MaxY(NEW.geom) WHERE id = NEW.fid; END",
        "update7": f"AFTER UPDATE OF geom ON {t} WHEN OLD.fid = NEW.fid AND ({new}) "
        f"AND ({old} OR ST_IsEmpty(OLD.geom)) BEGIN "
        f"INSERT INTO {r} VALUES (NEW.fid, {edges}); END",
        "update2": f"AFTER UPDATE OF geom ON {t} WHEN OLD.fid = NEW.fid AND ({gone}) BEGIN "
        f"DELETE FROM {r} WHERE id = OLD.fid; END",
        "update5": f"AFTER UPDATE ON {t} WHEN OLD.fid != NEW.fid AND ({new}) BEGIN "
        f"DELETE FROM {r} WHERE id = OLD.fid; "
        f"INSERT OR REPLACE INTO {r} VALUES (NEW.fid, {edges}); END",
        "update4": f"AFTER UPDATE ON {t} WHEN OLD.fid != NEW.fid AND ({gone}) BEGIN "
        f"DELETE FROM {r} WHERE id IN (OLD.fid, NEW.fid); END",
        "delete": f"AFTER DELETE ON {t} WHEN OLD.geom NOTNULL BEGIN "
        f"DELETE FROM {r} WHERE id = OLD.fid; END",
    }
    named = {f"{name_of(layer)}_{event}": body for event, body in bodies.items()}
    return {name: f"CREATE TRIGGER {quote(name)} {body}" for name, body in named.items()}
