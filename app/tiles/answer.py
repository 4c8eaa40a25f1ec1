"""One question about a tile becomes one answer, for the thin path and the declared routes alike."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple, get_args

from app.params import read_properties
from app.settings import Settings
from app.tiles.cache import Cache, Claim, Entry
from app.tiles.coding import Coding, accepted, recode
from app.tiles.disk import Disk
from geo.snapshot.store import Snapshots
from geo.snapshot.view import RowFilter, View
from geo.tiles.grid import Tile
from geo.tiles.names import default_properties

if TYPE_CHECKING:
    from geo.crs.gcj02 import Offset
    from geo.layers import Layer
    from geo.tiles.draw import Kind

MVT = "application/vnd.mapbox-vector-tile"
GEOJSON = "application/geo+json"
MEDIA_TYPES: dict[str, str] = {"mvt": MVT, "geojson": GEOJSON}
VARY = b"Accept-Encoding, Authorization, Cookie"
Headers = list[tuple[bytes, bytes]]
_FEATURES = b'{"type":"FeatureCollection",'


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. ``asked`` tells apart what has the same layer, tile and kind.

    ``fixed``: the past, which never changes. ``keep``: the address names the revision that
    it shows, so the answer may be kept for ever. ``negotiated``: ``Accept`` chose the kind.
    ``overview``: cells in place of features; a change elsewhere may turn it. ``private``: it
    shows what one asker may see; ``asked`` says who may see the same.
    """

    view: View
    tile: Tile
    kind: Kind
    names: tuple[str, ...]
    asked: str
    filters: tuple[RowFilter, ...] = ()
    datum: Offset | None = None
    fixed: bool = False
    keep: bool = False
    negotiated: bool = False
    overview: bool = False
    private: bool = False


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes


#: Parameters that do not change what a tile shows.
_IDLE = frozenset({"v", "f", "lang"})


def digest(query: list[tuple[str, str]]) -> str:
    """The parameters that shape an answer as a short text, whatever their order."""
    parts = [(k, v) for k, v in query if k not in _IDLE]
    return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()[:12] if parts else "all"


def matches(asked: str, tag: str) -> bool:
    """Whether ``If-None-Match`` names the tag, in whatever coding the client has it."""
    for part in asked.split(","):
        each = part.strip().removeprefix("W/")
        for ending in ("-br", "-gzip"):
            each = each.replace(f'{ending}"', '"')
        if each in (tag, "*"):
            return True
    return False


class Tiles:
    """Answers questions about tiles; keeps what it made as long as nothing in it changes."""

    def __init__(self, settings: Settings, snapshots: Snapshots) -> None:
        self.settings = settings
        self.snapshots = snapshots
        self.cache = Cache(settings.tile_cache_mib * 2**20)
        self.disk = (
            Disk(settings.tile_disk_folder or settings.data / "tiles-cache",
                 settings.tile_disk_mib * 2**20)
            if settings.tile_disk_mib else None
        )  # fmt: skip
        self._stamps: dict[str, str] = {}
        self._names: dict[tuple[str, str | None], tuple[str, ...]] = {}
        self._took: dict[tuple[str, int, str], float] = {}
        #: Threads that draw what would hold up the event loop.
        self.threads = ThreadPoolExecutor(4, thread_name_prefix="tiles")
        #: Set when the kernels are loaded; until then nothing is drawn on the event loop.
        self.warm = threading.Event()

    def names(self, layer: Layer, properties: str | None) -> tuple[str, ...]:
        """The properties that are asked for, or those that a tile carries otherwise.

        Raises `Rejected` E_PARAMETER for an unknown one.
        """
        found = self._names.get((layer.id, properties))
        if found is None:
            found = read_properties(layer, properties) or default_properties(layer)
            if len(self._names) >= _MOST_NAMES:
                self._names.clear()
            self._names[layer.id, properties] = found
        return found

    # -- the answer --------------------------------------------------------------

    def answer(self, question: Question, accept: str, known: str) -> Answer:
        """For threads: may wait for one that makes the same tile.

        ``accept`` is ``Accept-Encoding``, ``known`` ``If-None-Match``. Raises `Rejected`.
        """
        changed = self.changed(question)
        tag = self.tag(question, changed)
        if known and matches(known, tag):
            return self.unchanged(question, tag)
        coding = accepted(accept)
        found = self.claim(question, changed, coding)
        if isinstance(found, Entry):
            return self.written(question, tag, found, "hit")
        if not found.mine:
            return self.written(question, tag, found.future.result(), "joined")
        return self.made(question, tag, changed, found, coding)

    def changed(self, question: Question) -> int:
        """The revision of the last change in the tile, as far as is known."""
        if question.fixed:
            return question.view.touched
        return question.view.touched_in(question.tile.lonlat(datum=question.datum))

    def tag(self, question: Question, changed: int) -> str:
        layer = question.view.layer
        what = f"{question.kind}-cells" if question.overview else question.kind
        return f'"{layer.id}-{changed}-{self._stamp(layer)}-{question.asked}-{what}"'

    def claim(self, question: Question, changed: int, coding: Coding) -> Entry | Claim:
        return self.cache.claim(self._key(question, coding), changed, question.view.revision)

    def made(
        self, question: Question, tag: str, changed: int, claim: Claim, coding: Coding
    ) -> Answer:
        """Make the claimed tile, or find it elsewhere, and answer with it."""
        how = "miss"

        def make() -> Entry:
            nonlocal how
            entry = self._in_another_coding(question, changed, coding)
            if entry is not None:
                how = "recoded"
            else:
                entry = self._on_disk(question, changed)
                if entry is not None:
                    how = "disk"
            if entry is None:
                return self._draw(question, coding)
            body, now = recode(entry.body, entry.coding, coding)
            return Entry(entry.made, now, body)

        return self.written(question, tag, self.cache.settle(claim, make), how)

    def written(self, question: Question, tag: str, entry: Entry, how: str) -> Answer:
        if not entry.body and question.kind == "mvt":
            return Answer(204, [*self._headers(question, tag), (b"x-cache", how.encode())], b"")
        if entry.coding != "identity":
            tag = f'{tag[:-1]}-{entry.coding}"'
        headers = self._headers(question, tag)
        headers.append((b"content-type", MEDIA_TYPES[question.kind].encode()))
        if entry.coding != "identity":
            headers.append((b"content-encoding", entry.coding.encode()))
        headers.append((b"content-length", str(len(entry.body)).encode()))
        headers.append((b"x-cache", how.encode()))
        return Answer(200, headers, entry.body)

    def unchanged(self, question: Question, tag: str) -> Answer:
        return Answer(304, self._headers(question, tag), b"")

    def _headers(self, question: Question, tag: str) -> Headers:
        public = self.settings.public_read and not question.private
        scope = b"" if public else b"private, "
        if question.keep:
            kept = (scope or b"public, ") + b"max-age=31536000, immutable"
        else:
            kept = scope + b"no-cache"
        headers = [
            (b"etag", tag.encode()),
            (b"vary", b"Accept, " + VARY if question.negotiated else VARY),
            (b"cache-control", kept),
        ]
        if question.datum is not None:
            headers.append((b"liangtian-datum", f"{question.datum}; approximate".encode()))
        return headers

    # -- making ------------------------------------------------------------------

    def quick(self, question: Question) -> bool:
        """Whether such tiles took so little of late that a thread would cost more than it saves."""
        place = question.view.layer.id, question.tile.z, question.kind
        return self.warm.is_set() and self._took.get(place, 1.0) < _QUICK and self.disk is None

    def _draw(self, question: Question, coding: Coding) -> Entry:
        # Loading the kernels may compile them: it happens here or in `load`, never at the start.
        from geo.tiles.draw import draw  # noqa: PLC0415

        view = question.view
        start = time.perf_counter()
        body = draw(
            view, question.tile, question.kind, question.names, question.filters, question.datum
        )
        if question.datum is not None and question.kind == "geojson":
            told = f'"liangtian":{{"datum":"{question.datum}","approximate":true}},'
            body = body.replace(_FEATURES, _FEATURES + told.encode(), 1)
        body, coding = recode(body, "identity", coding)
        place = view.layer.id, question.tile.z, question.kind
        took = time.perf_counter() - start
        # A mean of the last dozen: one that met a busy machine decides nothing.
        self._took[place] = 0.9 * self._took.get(place, took) + 0.1 * took
        entry = Entry(view.touched if question.fixed else view.revision, coding, body)
        if self.disk is not None and not question.filters:
            moment = self.snapshots.moment(entry.made)
            self.disk.keep(self._name(question), entry, moment)
        return entry

    def _in_another_coding(self, question: Question, changed: int, coding: Coding) -> Entry | None:
        for other in get_args(Coding):
            if other != coding:
                key = self._key(question, other)
                entry = self.cache.peek(key, changed, question.view.revision)
                if entry is not None:
                    return entry
        return None

    def _on_disk(self, question: Question, changed: int) -> Entry | None:
        if self.disk is None or question.filters:
            return None
        found = self.disk.find(self._name(question))
        if found is None or not found[0].holds(changed, question.view.revision):
            return None
        entry, moment = found
        # A record put back from a backup may use revisions again; their times differ.
        return entry if self.snapshots.moment(entry.made) == moment else None

    def load(self) -> None:
        """Load the kernels (compile them where no cache has them); for a thread at the start."""
        from geo.tiles import draw  # noqa: F401, PLC0415

        self.warm.set()

    def _key(self, question: Question, coding: Coding | None) -> Hashable:
        view, tile = question.view, question.tile
        return (
            view.layer.id, tile.matrix_set, tile.z, tile.x, tile.y, question.kind,
            question.overview, question.asked, view.touched if question.fixed else -1, coding,
        )  # fmt: skip

    def _name(self, question: Question) -> str:
        return f"{self._stamp(question.view.layer)} {self._key(question, None)}"

    def _stamp(self, layer: Layer) -> str:
        """Changes with the software and with the layer's definition, as tiles do."""
        found = self._stamps.get(layer.id)
        if found is None:
            text = f"{version('liangtian')} {layer.digest}"
            found = self._stamps[layer.id] = hashlib.sha256(text.encode()).hexdigest()[:8]
        return found


_MOST_NAMES = 1000
#: Seconds under which a tile is drawn on the event loop.
_QUICK = 0.004
