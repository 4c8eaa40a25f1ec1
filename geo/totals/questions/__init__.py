"""The questions that leaders and agronomists ask every week, each answered at once."""

from geo.totals.questions.care import OVERDUE
from geo.totals.questions.districts import DISTRICT
from geo.totals.questions.hsf import NOT_MAPPED, PROGRESS
from geo.totals.questions.landuse import LAND_USE
from geo.totals.questions.model import Weekly
from geo.totals.questions.overlaps import OVERLAPS
from geo.totals.questions.soil import SOIL_MEANS, STILL_SALINE
from geo.totals.questions.works import INPUTS, WATER

#: By name, in the order in which they are listed.
QUESTIONS: dict[str, Weekly] = {
    question.name: question
    for question in (
        PROGRESS, NOT_MAPPED, OVERLAPS, STILL_SALINE, SOIL_MEANS,
        DISTRICT, WATER, LAND_USE, INPUTS, OVERDUE,
    )
}  # fmt: skip
