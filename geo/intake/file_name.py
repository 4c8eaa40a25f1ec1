"""What the name of a delivery says, as the national map database wants it:
``{layer}{year}{county}{department}{project}{stage}``, such as ``GBZ2012220822GT示范项目YS``.

It is a claim and no evidence: the report shows it beside what the rows say, and offers it where
the rows say nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from geo.intake.report import FileName
from geo.layers import Codelist, Layer

_KINDS = {
    "GBZ": ("高标准农田建成区", "area of high-standard farmland"),
    "XM": ("项目区", "project area"),
}
_STAGES = {"YS": "验收", "LX": "立项", "SJ": "设计", "JG": "竣工", "ZB": "招标", "CB": "储备"}
_NAME = re.compile(
    r"(?P<kind>GBZ|XM)(?P<year>(?:19|20)\d{2})(?P<county>\d{6})"
    r"(?P<department>[A-Z]{2})?(?P<project>.*?)(?P<stage>" + "|".join(_STAGES) + r")?$"
)
_QUOTES = str.maketrans("", "", "“”‘’\"'《》")


def parse(name: str) -> FileName | None:
    """The parts of a layer's or file's name (folders and extension are left off); None for
    other names."""
    base = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    base = re.sub(r"\.[A-Za-z]{2,8}$", "", base).strip()
    found = _NAME.search(base)
    if found is None or not (found.start() == 0 or base[found.start() - 1] in "_-（( "):
        return None
    project = found["project"].translate(_QUOTES).strip(" _-") or None
    return FileName(
        kind=found["kind"],
        kind_title=_KINDS[found["kind"]],
        year=int(found["year"]),
        county=found["county"],
        department=found["department"],
        project=project,
        stage=_STAGES.get(found["stage"] or ""),
    )


def propose(
    said: FileName, layer: Layer, codelists: Mapping[str, Codelist], missing: list[str]
) -> None:
    """Fill ``proposals``: values for fields that the file lacks, to be taken as ``constants``."""
    offered = {
        "year": None if said.year is None else str(said.year),
        "project_name": said.project,
        "stage": said.stage,
        layer.county_field or "county": said.county,
    }
    for name, value in offered.items():
        field = layer.by_name.get(name)
        if field is None or value is None or name not in missing:
            continue
        if field.codelist is not None:
            value = codelists[field.codelist].by_spelling.get(value.casefold())  # noqa: PLW2901
        if value is not None:
            said.proposals[name] = value
