"""Accuracy of a map of classes from samples, and how many samples it needs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import anyio
import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app import bodies
from app.api.links import JSON, XLSX, answer, attachment, produces
from app.auth import allow
from app.language import language_of
from app.params import bad
from geo.formats.workbook import Sheet, workbook
from geo.layers import Text
from geo.soil import accuracy
from geo.soil.allocation import Allocation, allocate, sample_size
from geo.soil.assess import (
    Assessment,
    Design,
    Unit,
    accuracy_of,
    assess,
    assess_strata,
    square_metres,
    table,
)

router = APIRouter(tags=["土壤 Soil"])

Name = Annotated[str, Field(min_length=1, max_length=80)]
Finite = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_MOST = accuracy.MOST_CLASSES


class Sampled(BaseModel):
    """Samples of one kind: where drawn, what the map says, what was found there."""

    model_config = ConfigDict(extra="forbid")

    stratum: Name
    map: Name
    reference: Name
    count: Annotated[int, Field(ge=1, le=10**9)] = 1


class Stratum(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    area: Finite


class Accuracy(BaseModel):
    """Counts of samples (rows map, columns reference) and areas of the map.

    Where strata are not the classes of the map: ``strata`` and ``samples`` in the
    place of ``matrix``.
    """

    model_config = ConfigDict(extra="forbid")

    classes: list[Name] = Field(min_length=1, max_length=_MOST)
    matrix: list[list[Finite]] | None = Field(None, max_length=_MOST)
    map_areas: list[Finite] | None = Field(None, max_length=_MOST)
    unit: Unit = "ha"
    pixel_area_m2: Annotated[float, Field(gt=0, le=1e10, allow_inf_nan=False)] | None = None
    design: Design = Field("unknown", description="How the samples were chosen.")
    strata: list[Stratum] | None = Field(None, min_length=1, max_length=500)
    samples: list[Sampled] | None = Field(None, max_length=100_000)


class Size(BaseModel):
    """Expected user's accuracies, and the standard error of overall accuracy that is wanted."""

    model_config = ConfigDict(extra="forbid")

    classes: list[Name] = Field(min_length=1, max_length=_MOST)
    map_areas: list[Finite] = Field(max_length=_MOST)
    users: list[Finite] = Field(max_length=_MOST)
    overall_se: float = Field(0.01, gt=0, lt=1)
    allocation: Allocation = "proportional"
    minimum: int = Field(50, ge=0, le=10_000, description="Fewest samples of a stratum.")


@router.post(
    "/soil/accuracy",
    summary="Areas and accuracies with intervals from samples",
    openapi_extra=bodies.json_body(Accuracy),
)
@allow("viewer")
@produces(JSON, XLSX)
async def accuracy_of_a_map(
    request: Request, f: Annotated[Literal["json", "xlsx"], Query()] = "json"
) -> Response:
    """Intervals need a probability sample; without one they are refused with the reason."""
    asked = await bodies.read_json(request, Accuracy)
    return await anyio.to_thread.run_sync(_accuracy, request, asked, f)


def _accuracy(request: Request, asked: Accuracy, f: str) -> Response:
    _distinct(asked.classes, "classes")
    pixel = asked.pixel_area_m2
    mapped = None
    if asked.map_areas is not None:
        _as_many(asked.map_areas, asked.classes, "map_areas")
        mapped = square_metres(asked.map_areas, asked.unit, pixel)
    if asked.matrix is not None and asked.strata is None and asked.samples is None:
        if mapped is None:
            raise _missing("map_areas")
        found = assess(asked.classes, asked.matrix, mapped, asked.design)
    elif asked.matrix is None and asked.strata is not None and asked.samples is not None:
        names = [stratum.name for stratum in asked.strata]
        _distinct(names, "strata")
        areas = square_metres([stratum.area for stratum in asked.strata], asked.unit, pixel)
        counts = _counts(asked, names)
        found = assess_strata(asked.classes, names, counts, areas, mapped, asked.design, pixel)
    else:
        raise _missing("matrix")
    if f == "xlsx":
        return _workbook(request, found)
    return answer(request, _content(found))


def _counts(asked: Accuracy, strata: list[str]) -> np.ndarray:
    """Samples as counts [stratum, map, reference]."""
    stratum = {name: at for at, name in enumerate(strata)}
    place = {name: at for at, name in enumerate(asked.classes)}
    counts = np.zeros((len(strata), len(place), len(place)))
    for number, sample in enumerate(asked.samples or ()):
        for known, name in (
            (stratum, sample.stratum), (place, sample.map), (place, sample.reference),
        ):  # fmt: skip
            if name not in known:
                raise bad(
                    f"samples.{number}", f"没有 {name}", f"There is no {name}", "E_ACCURACY",
                    ("、".join(known), ", ".join(known)),
                )  # fmt: skip
        counts[stratum[sample.stratum], place[sample.map], place[sample.reference]] += sample.count
    return counts


def _content(found: Assessment) -> dict[str, Any]:
    content: dict[str, Any] = {
        "design": found.design,
        "classes": table(found),
        "overall": None,
        "intervals": found.intervals,
        "refused": None if found.refused is None else found.refused.model_dump(),
        "warnings": [text.model_dump() for text in found.warnings],
        "method": found.method.model_dump(),
        "strata": [{"name": name, "samples": size} for name, size in found.strata],
    }
    if found.estimates is not None:
        overall = accuracy_of(
            "accuracy", float(found.estimates.overall), float(found.estimates.overall_se)
        )
        content["overall"] = overall | {"samples": int(found.counts.sum())}
        content["error_matrix"] = found.estimates.cells.tolist()
    return content


#: Columns of the sheet: key, zh, en.
_COLUMNS = (
    ("class", "类别", "Class"),
    ("samples_map", "样本数（图上）", "Samples (map)"),
    ("samples_reference", "样本数（参考）", "Samples (reference)"),
    ("map_area_ha", "图上面积（公顷）", "Area on the map (ha)"),
    ("area_ha", "估计面积（公顷）", "Estimated area (ha)"),
    ("se_ha", "标准误（公顷）", "Standard error (ha)"),
    ("ci95_ha", "95 % 区间半宽（公顷）", "95 % interval ± (ha)"),
    ("area_mu", "估计面积（亩）", "Estimated area (mu)"),
    ("ci95_mu", "95 % 区间半宽（亩）", "95 % interval ± (mu)"),
    ("users", "用户精度", "User's accuracy"),
    ("users_ci95", "±", "±"),
    ("producers", "生产者精度", "Producer's accuracy"),
    ("producers_ci95", "±", "±"),
)


def _workbook(request: Request, found: Assessment) -> Response:
    english = language_of(request) == "en"

    def say(text: Text) -> str:
        return text.en if english else text.zh

    notes = [say(found.method), *([say(found.refused)] if found.refused else [])]
    notes += [say(text) for text in found.warnings]
    if found.estimates is not None:
        overall, se = float(found.estimates.overall), float(found.estimates.overall_se)
        spread = f" ± {accuracy.Z95 * se:.4f}" if np.isfinite(se) else ""
        notes.append(f"{'Overall accuracy' if english else '总体精度'}: {overall:.4f}{spread}")
    rows = [[row[key] for key, _, _ in _COLUMNS] for row in table(found)]
    headings = [en if english else zh for _, zh, en in _COLUMNS]
    title = "Areas and accuracy" if english else "面积与精度"
    counted = "Samples (rows map, columns reference)" if english else "样本数（行为图上，列为参考）"
    matrix = [[name, *row] for name, row in zip(found.classes, found.counts.tolist(), strict=True)]
    body = workbook(
        [
            Sheet(title, title, headings, rows, notes),
            Sheet(counted[:7], counted, ["", *found.classes], matrix),
        ]
    )
    named = {"Content-Disposition": attachment("soil-accuracy.xlsx")}
    return answer(request, body, media_type=XLSX, headers=named)


@router.post(
    "/soil/sample-sizes",
    summary="How many samples a map needs, by stratum",
    openapi_extra=bodies.json_body(Size),
)
@allow("viewer")
async def sample_sizes(request: Request) -> Response:
    asked = await bodies.read_json(request, Size)
    _distinct(asked.classes, "classes")
    _as_many(asked.map_areas, asked.classes, "map_areas")
    _as_many(asked.users, asked.classes, "users")
    size = sample_size(asked.map_areas, asked.users, asked.overall_se)
    shared = allocate(
        size, asked.map_areas, asked.allocation, users=asked.users, minimum=asked.minimum
    )
    content = {
        "size": size,
        "total": int(shared.sum()),
        "allocation": asked.allocation,
        "strata": [
            {"class": name, "samples": count}
            for name, count in zip(asked.classes, shared.tolist(), strict=True)
        ],
        "method": {
            "zh": "n = (Σ W S / S(O))²，S = √(U(1−U))（Olofsson 等 2014，式 13；Cochran 1977）；"
            "每层不少于 minimum",
            "en": "n = (Σ W S / S(O))², S = √(U(1−U)) (Olofsson et al. 2014, eq. 13; "
            "Cochran 1977); no stratum below minimum",
        },
    }
    return answer(request, content)


def _distinct(names: list[str], where: str) -> None:
    if len(set(names)) < len(names):
        raise bad(where, "名称重复", "Names repeat", "E_ACCURACY")


def _as_many(values: list[float], classes: list[str], where: str) -> None:
    if len(values) != len(classes):
        raise bad(
            where,
            f"须为每个类别各一个数（{len(classes)} 个）",
            f"There must be one number for each of the {len(classes)} classes",
            "E_ACCURACY",
        )


def _missing(where: str) -> Exception:
    return bad(
        where,
        "请给出 classes、matrix 与 map_areas；层与类别不同时给出 strata 与 samples",
        "Give classes, matrix and map_areas; strata and samples where strata are not the classes",
        "E_ACCURACY",
    )
