"""All layers at one revision."""

from __future__ import annotations

from datetime import datetime

from geo.snapshot.store import Snapshots
from geo.snapshot.view import View


class At:
    """Views of layers that belong together: each at the same revision.

    ``as_of``: a revision or a time; None for the newest that every layer shows. ``counties``:
    nothing of any other county (none named: of all). Raises `Rejected` E_AS_OF for a revision
    that is not there.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        as_of: int | datetime | None = None,
        counties: tuple[str, ...] = (),
    ) -> None:
        self._snapshots = snapshots
        self._counties = counties
        # While a worker follows a commit, some layers are ahead of others.
        self.revision = snapshots.revision_of(as_of)
        self._views: dict[str, View] = {}

    def __call__(self, layer: str) -> View:
        view = self._views.get(layer)
        if view is None:
            view = self._views[layer] = self._snapshots.view(layer, self.revision, self._counties)
        return view
