"""Sealed figures hold to the last digit through later edits, and tampering is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest

from geo.errors import Rejected
from geo.record.protocol import ChangeSet
from geo.snapshot.filters import WordsIn
from geo.totals.question import Question, Within
from geo.totals.seal import Seal, from_json, seal, to_json, verify
from geo.totals.views import At
from tests.geo.totals.questions.world import CATALOG, World, inserts, square, world

pytestmark = pytest.mark.unit


@pytest.fixture
def small(tmp_path: Path):
    with world(tmp_path) as made:
        yield made


def parcel(code: str, x: float, **more: object) -> dict:
    return {"code": code, "county": "220882", "stage": "accepted", "land_class": "0101",
            "geom": square(x, 0), **more}  # fmt: skip


QUESTION = Question("parcels", ("districts", "stage"), filters={"parcels": "land_class = '0101'"})


def sealed(small: World, question: Question = QUESTION) -> Seal:
    made = seal(small.total(question), At(small.snapshots), CATALOG.layers)
    # It survives being written down.
    return Seal(orjson.loads(orjson.dumps(made.document)), made.inputs)


def check(small: World, made: Seal, then: int | None = None):
    revision = made.document["revision"] if then is None else then
    views = At(small.snapshots, revision)
    return verify(made.document, made.inputs, views, At(small.snapshots), CATALOG.layers)


def filled(small: World) -> Seal:
    small.put(
        districts=[{"code": "DA2", "geom": square(0, 0, 1.5, 1)}],
        parcels=[parcel("A", 0), parcel("B", 0.8), parcel("C", 4, land_class="0103")],
    )
    return sealed(small)


def test_ten_thousand_later_edits_change_no_digit(small: World) -> None:
    made = filled(small)
    many = [parcel(f"N{i}", 10 + i % 300, geom=square(10 + i % 300, 2 + i // 300, 0.5, 0.5))
            for i in range(5000)]  # fmt: skip
    small.put(parcels=many)
    found = inserts("parcels", many)
    fids = np.arange(4, 5004)
    assert found.attributes is not None
    stages = pa.array(["works"] * 5000)
    at = found.attributes.schema.get_field_index("stage")
    moved = found.attributes.set_column(at, "stage", stages)
    small.commit([ChangeSet.updates("parcels", fids, moved)], date(2025, 5, 1))
    small.update(date(2025, 6, 1), "parcels", [1], [parcel("A", 0.1)])
    verdict = check(small, made)
    assert verdict.ok
    assert verdict.result == made.document["result"]
    assert verdict.inputs == ()
    # What ordinary edits changed since is told, and breaks nothing.
    [parcels] = verdict.since
    assert parcels.layer == "parcels"
    assert parcels.changed == (1,)
    assert parcels.count == 5001
    assert len(parcels.extra) == 100
    assert parcels.missing == ()


def test_the_answer_is_kept_in_whole_units(small: World) -> None:
    made = filled(small)
    rows = {tuple(r["group"]): r for r in made.document["result"]["rows"]}
    assert rows["DA2", "accepted"]["count"] == 2
    assert isinstance(rows["DA2", "accepted"]["units"], int)
    assert rows["DA2", "accepted"]["removed_units"] > 0
    inputs = {each["layer"]: each["features"] for each in made.document["inputs"]}
    assert inputs == {"parcels": 2, "districts": 1}  # C is not counted


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        ("parcels", {"stage": "works"}),
        ("parcels", {"geom": square(0, 0, 1, 0.999)}),
        ("parcels", {"land_class": "0103"}),
        ("districts", {"geom": square(0, 0, 1.4, 1)}),
    ],
)
def test_a_changed_input_is_named(small: World, layer: str, change: dict) -> None:
    """A record that was rewritten behind the seal: the state asked for is not the sealed one."""
    made = filled(small)
    before = parcel("A", 0) if layer == "parcels" else {"code": "DA2"}
    revision = small.update(date(2025, 6, 1), layer, [1], [{**before, **change}])
    verdict = check(small, made, revision)
    assert not verdict.ok
    [difference] = verdict.inputs
    assert difference.layer == layer
    assert difference.changed + difference.missing == (1,)


def test_a_missing_and_an_added_input_are_named(small: World) -> None:
    made = filled(small)
    small.put(parcels=[parcel("Z", 20)])
    small.commit([ChangeSet.deletes("parcels", np.array([2]))], date(2025, 5, 1))
    verdict = check(small, made, small.snapshots.revision)
    [difference] = verdict.inputs
    assert (difference.missing, difference.extra) == ((2,), (4,))
    assert not verdict.same_result


def test_a_falsified_answer_or_list_does_not_pass(small: World) -> None:
    made = filled(small)
    made.document["result"]["total"]["units"] += 1
    verdict = check(small, made)
    assert not verdict.ok
    assert not verdict.same_result
    assert verdict.inputs == ()
    cut = Seal(made.document, made.inputs.slice(1))
    with pytest.raises(Rejected) as refused:
        check(small, cut)
    assert refused.value.code == "E_SEAL"


def test_questions_in_words_come_back_the_same() -> None:
    questions = [
        QUESTION,
        Question("plots"),
        Question("parcels", ("county",), on=("farmland",), measure="sum"),
        Question("parcels", within=Within("counties", ("220882",))),
        Question("restoration", sums=("length_km",)),
    ]
    for question in questions:
        assert from_json(orjson.loads(orjson.dumps(to_json(question)))) == question
    drawn = Question("parcels", within=Within(shape=square(0, 0)))
    again = from_json(to_json(drawn))
    assert again.within is not None
    assert again.within.shape.equals_exact(square(0, 0), 0)
    words = Question("parcels", selected=(WordsIn(("name",), ("田",)),))
    with pytest.raises(Rejected) as refused:
        to_json(words)
    assert refused.value.code == "E_PARAMETER"
