"""Chinese first, English second: which language an answer speaks."""

from __future__ import annotations

from starlette.requests import Request

from geo.layers import Text

LANGUAGES = ("zh", "en")


def language_of(request: Request) -> str:
    """``?lang=`` wins, then the first known language of ``Accept-Language``, then Chinese."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return asked
    weighed = []
    for position, part in enumerate(request.headers.get("accept-language", "").split(",")):
        tag, _, parameters = part.strip().partition(";")
        try:
            weight = float(parameters.partition("=")[2] or 1)
        except ValueError:
            weight = 0.0
        language = tag.split("-")[0].lower()
        if language in LANGUAGES and weight > 0:
            weighed.append((-weight, position, language))
    return min(weighed)[2] if weighed else "zh"


def text(request: Request, value: Text) -> str:
    return value.get(language_of(request))
