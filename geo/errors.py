"""The one exception that the library raises for input it refuses."""

from __future__ import annotations


class Rejected(ValueError):
    """Input that is refused, in words that tell a person what to do next.

    ``code`` is stable (``E_...``); ``where`` names the place (file, layer, row,
    vertex, character); ``fix`` says how to mend it. Texts are (zh, en) pairs.
    """

    def __init__(
        self,
        code: str,
        zh: str,
        en: str,
        *,
        where: str | None = None,
        fix: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {en}" + (f" [{where}]" if where else ""))
        self.code = code
        self.detail = (zh, en)
        self.where = where
        self.fix = fix

    def __reduce__(self) -> tuple[object, ...]:
        # Crosses process borders: intake runs in a child process.
        return (_rebuild, (self.code, self.detail, self.where, self.fix))


def _rebuild(
    code: str, detail: tuple[str, str], where: str | None, fix: tuple[str, str] | None
) -> Rejected:
    return Rejected(code, detail[0], detail[1], where=where, fix=fix)
