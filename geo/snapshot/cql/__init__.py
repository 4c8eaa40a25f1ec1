"""CQL2 filters (OGC 21-065r2), text and JSON, evaluated on the columns of a snapshot.

Conformance: basic, advanced comparison, case- and accent-insensitive comparison,
basic spatial and spatial functions, temporal functions, arithmetic,
property-property comparison, both encodings. Array operators and user functions
are refused by name.
"""

from geo.snapshot.cql.evaluate import Source
from geo.snapshot.cql.filter import Filter, Language, Limited, parse
from geo.snapshot.cql.limits import (
    MAX_DEPTH,
    MAX_JSON,
    MAX_NODES,
    MAX_SECONDS,
    MAX_TEXT,
    MAX_VERTICES,
)

__all__ = [
    "MAX_DEPTH",
    "MAX_JSON",
    "MAX_NODES",
    "MAX_SECONDS",
    "MAX_TEXT",
    "MAX_VERTICES",
    "Filter",
    "Language",
    "Limited",
    "Source",
    "parse",
]
