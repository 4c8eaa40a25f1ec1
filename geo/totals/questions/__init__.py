"""The questions that leaders and agronomists ask every week, each answered at once."""

from geo.totals.questions.care import OVERDUE
from geo.totals.questions.landuse import LAND_USE
from geo.totals.questions.model import Question
from geo.totals.questions.soil import SOIL_MEANS, STILL_SALINE
from geo.totals.questions.works import INPUTS, WATER

#: By name, in the order in which they are listed.
QUESTIONS: dict[str, Question] = {
    question.name: question
    for question in (STILL_SALINE, SOIL_MEANS, WATER, LAND_USE, INPUTS, OVERDUE)
}
