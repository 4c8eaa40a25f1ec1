"""Composites: per pixel the median of the clear observations of a window.

Scenes on one grid, of one sensor, are read block by block; what a mask takes out is no observation.
Every pixel of the result is a median of reflectances, and a band says of how many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geo.errors import Rejected
from geo.layers import Text
from geo.local import LOCAL_TIME
from geo.soil import mask
from geo.soil.indices import BANDS
from geo.soil.scene import CLASS_BANDS, Composed, Scene

if TYPE_CHECKING:
    from geo.soil.raster import Reader

Progress = Callable[[str, float | None], None]
#: A block of all bands of so many scenes is held at once: some 250 MB.
MOST_SCENES = 40
BLOCK = 512
#: Brightness (mean of blue, green and red) of salt crust: above most soils, below thick cloud.
BRIGHT = (0.15, 0.5)
#: How far a bright observation may be from the pixel's usual one; clouds vary more.
ALIKE = 0.2
LEAST_DATES = 3
#: Masks that go by the product's own classes.
_BY_CLASS = ("scl", "qa_pixel", "snow")
_VISIBLE = ("B", "G", "R")


@dataclass(frozen=True)
class Plan:
    """What is composed. ``persistence``: dates on which a pixel must be bright to count as soil
    although it is classed as cloud or snow; 0: never."""

    scenes: tuple[Scene, ...]  # oldest first
    bands: tuple[str, ...]
    masks: tuple[str, ...]
    persistence: int = 0
    window: tuple[str, str] | None = None


def clear_masks(bands: Mapping[str, Any]) -> tuple[str, ...]:
    """The masks of cloud, shadow and snow that a scene's own classification offers."""
    return tuple(name for name in ("scl", "qa_pixel", "qa_radsat") if name.upper() in bands)


def plan(
    scenes: Sequence[Scene],
    *,
    bands: Sequence[str] | None = None,
    masks: Sequence[str] | None = None,
    persistence: int = 0,
    window: tuple[str, str] | None = None,
) -> Plan:
    """Check what goes together. Raises `Rejected` E_COMPOSITE, E_RASTER_GRID, E_RASTER_BANDS,
    E_MASK.

    ``bands``: reflectance; all that every scene has when None. ``masks``: those of the scenes' own
    classification when None. ``window``: first and last day (MM-DD) of each year that count.
    """
    kept = sorted(
        (s for s in scenes if window is None or within(s.datetime, window)),
        key=lambda s: (s.datetime, s.id),
    )
    if not 1 <= len(kept) <= MOST_SCENES:
        raise Rejected(
            "E_COMPOSITE",
            f"时间窗内有 {len(kept)} 景影像，应为 1 到 {MOST_SCENES} 景",
            f"{len(kept)} scenes lie in the window; it must be 1 to {MOST_SCENES}",
            where="scenes",
            fix=("调整日期或时间窗", "change the dates or the window"),
        )
    first = kept[0]
    for scene in kept[1:]:
        _same(first, scene)
    shared = [key for key in BANDS if all(key in scene.bands for scene in kept)]
    wanted = list(dict.fromkeys(bands)) if bands is not None else shared
    for key in wanted or ["?"]:
        lacking = [scene.id for scene in kept if key not in scene.bands or key in CLASS_BANDS]
        if lacking:
            raise Rejected(
                "E_RASTER_BANDS",
                f"影像 {'、'.join(lacking[:5])} 没有反射率波段 {key}；"
                f"共有的波段：{'、'.join(shared)}",
                f"the scenes {', '.join(lacking[:5])} have no band {key} of reflectance; all have: "
                f"{', '.join(shared)}",
                where="bands",
            )
    if persistence and not all(set(_VISIBLE) & set(scene.bands) for scene in kept):
        raise Rejected(
            "E_RASTER_BANDS",
            "按亮度判断盐壳需要可见光波段 B、G 或 R",
            "telling crust by its brightness needs a visible band: B, G or R",
            where="persistence",
        )
    names = clear_masks(first.bands) if masks is None else tuple(masks)
    for scene in kept:
        mask.resolve(names, scene.bands)
    return Plan(tuple(kept), tuple(wanted), names, persistence, window)


def _same(first: Scene, other: Scene) -> None:
    """One sensor and one grid: nothing is resampled, and bands of two sensors are not alike."""
    if other.sensor != first.sensor:
        raise Rejected(
            "E_COMPOSITE",
            f"不能把两种传感器合成在一起：{first.id} 是 {first.sensor}，"
            f"{other.id} 是 {other.sensor}",
            f"two sensors are not composed: {first.id} is {first.sensor}, {other.id} is "
            f"{other.sensor}",
            where="scenes",
            fix=("用 sensor 选定一种", "choose one with sensor"),
        )
    one, two = first.grid, other.grid
    near = np.allclose(tuple(one.transform)[:6], tuple(two.transform)[:6], rtol=0, atol=1e-6)
    if (one.width, one.height, one.crs) != (two.width, two.height, two.crs) or not near:
        raise Rejected(
            "E_RASTER_GRID",
            f"影像 {other.id} 与 {first.id} 的格网不一致：{_told(other)}；{_told(first)}",
            f"the grids of {other.id} and {first.id} differ: {_told(other)}; {_told(first)}",
            where="scenes",
            fix=(
                "把各景裁剪到同一范围、坐标系和像元大小后重新登记；合成时不做重采样",
                "cut all scenes to one extent, CRS and pixel size and register them again; "
                "nothing is resampled here",
            ),
        )


def _told(scene: Scene) -> str:
    a, _, c, _, _, f = scene.transform
    return f"{scene.width} x {scene.height} @ ({c:.6g}, {f:.6g}), pixel {a:.6g}, {scene.crs[:40]}"


def within(when: datetime, window: tuple[str, str]) -> bool:
    """Whether a day (local) lies between two days of the year, both counting; may pass New Year."""
    day = f"{when.astimezone(LOCAL_TIME):%m-%d}"
    first, last = window
    return first <= day <= last if first <= last else day >= first or day <= last


def check_window(window: tuple[str, str]) -> tuple[str, str]:
    """The same window. Raises ValueError unless both are days (MM-DD)."""
    for text in window:
        if len(text) != 5:
            raise ValueError(f"{text!r} is no day MM-DD")
        date.fromisoformat(f"2024-{text}")
    return window


def compose(
    root: Path, plan: Plan, output: Path, progress: Progress, *, scene_id: str, title: str = ""
) -> Scene:
    """Write the composite as a COG at ``output``; the scene's path is its name.

    Bands: those of the plan, then N_OBS, how many clear observations each pixel has. Memory: one
    block of all scenes. Raises `Rejected` E_RASTER_* and E_RASTER_EMPTY where nothing was clear.
    """
    import rasterio  # noqa: PLC0415 - planning needs no GDAL
    from rasterio.windows import Window  # noqa: PLC0415

    from geo.soil.admit import finish  # noqa: PLC0415
    from geo.soil.header import OPTIONS  # noqa: PLC0415
    from geo.soil.raster import Reader, Registration, register  # noqa: PLC0415

    first = plan.scenes[0]
    scale, offset = _stored(plan.scenes)
    rough = output.with_name(f"rough-{output.name}")
    profile = {
        "driver": "GTiff", "crs": first.crs, "transform": first.grid.transform,
        "width": first.width, "height": first.height, "count": len(plan.bands) + 1,
        "dtype": "uint16", "nodata": 0, "tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK,
        "interleave": "band", "compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer",
    }  # fmt: skip
    counts = np.zeros(len(plan.scenes) + 1, dtype=np.int64)
    with ExitStack() as stack:
        readers = [
            stack.enter_context(Reader.open(root, scene, verify=True)) for scene in plan.scenes
        ]
        stack.enter_context(rasterio.Env(**OPTIONS))
        sink = stack.enter_context(rasterio.open(rough, "w", **profile))
        windows = [
            (column, row, min(BLOCK, first.width - column), min(BLOCK, first.height - row))
            for row in range(0, first.height, BLOCK)
            for column in range(0, first.width, BLOCK)
        ]
        for done, window in enumerate(windows, start=1):
            medians, seen = block(plan, readers, window)
            for at, key in enumerate(plan.bands, start=1):
                numbers = np.clip(np.rint((medians[key] - offset) / scale), 1, 65535)
                numbers[seen == 0] = 0
                sink.write(numbers.astype(np.uint16), at, window=Window(*window))
            sink.write(seen.astype(np.uint16), len(plan.bands) + 1, window=Window(*window))
            counts += np.bincount(seen.ravel(), minlength=len(counts))
            progress("blocks", 0.8 * done / len(windows))
        for at, key in enumerate((*plan.bands, "N_OBS"), start=1):
            sink.set_band_description(at, key)
    if counts[1:].sum() == 0:
        raise Rejected(
            "E_RASTER_EMPTY",
            "时间窗内没有一个像元有晴空观测",
            "no pixel has a clear observation in the window",
            where="scenes",
            fix=("放宽时间窗或减少掩膜", "widen the window or take fewer masks"),
        )
    progress("overviews", None)
    finish(rough, output)
    made = register(
        output.parent,
        output.name,
        Registration(
            first.sensor,
            {key: at for at, key in enumerate((*plan.bands, "N_OBS"), start=1)},
            plan.scenes[len(plan.scenes) // 2].datetime,
            id=scene_id,
            title=title or scene_id,
            scale=scale,
            offset=offset,
            nodata=0.0,
        ),
    )
    how = f"composite of {len(plan.scenes)} scenes"
    return made.model_copy(update={"composed": _composed(plan, counts), "how_scaled": how})


def _stored(scenes: Sequence[Scene]) -> tuple[float, float]:
    """Scale and offset of the result: those of the scenes where they have one, else 0.0001."""
    pairs = {(s.scale, s.offset, s.dtype) for s in scenes}
    if len(pairs) == 1 and scenes[0].dtype == "uint16":
        return scenes[0].scale, scenes[0].offset
    return 0.0001, -0.1


def block(
    plan: Plan, readers: Sequence[Reader], window: tuple[int, int, int, int]
) -> tuple[dict[str, NDArray[np.float32]], NDArray[np.int64]]:
    """(median reflectance [h, w] by band, clear observations [h, w]) of a window.

    An observation is clear where no mask takes it out and every band holds a number.
    """
    shape = (len(readers), window[3], window[2])
    hidden, cloudy = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    crust = np.zeros(shape, dtype=bool)
    brightness = np.full(shape, np.nan, dtype=np.float32)
    raws = []
    for k, (reader, scene) in enumerate(zip(readers, plan.scenes, strict=True)):
        rules = mask.resolve(plan.masks, scene.bands)
        raw = reader.read(_needed(plan, scene, rules), window)
        seen = reader.reflectance(raw)
        for rule in rules:
            # Cloud and snow by class may be salt crust; what a spectrum shows is not.
            by_class = rule.id.partition(":")[0] in _BY_CLASS
            (cloudy if by_class else hidden)[k] |= rule.find(raw, seen)
        for key in plan.bands:
            hidden[k] |= ~np.isfinite(seen[key])
        if plan.persistence:
            visible = [seen[key] for key in _VISIBLE if key in seen]
            brightness[k] = np.mean(visible, axis=0)
            crust[k] = _mistakable(raw)
        raws.append(raw)
    if plan.persistence:
        cloudy &= ~(crust & persistent(plan, brightness))
    hidden |= cloudy
    count: NDArray[np.int64] = (~hidden).sum(axis=0)
    medians = {}
    for key in plan.bands:
        stack = np.stack(
            [r.reflectance({key: raw[key]})[key] for r, raw in zip(readers, raws, strict=True)]
        )
        stack[hidden] = np.nan
        medians[key] = _median(stack, count)
    return medians, count


def _needed(plan: Plan, scene: Scene, rules: Sequence[mask.MaskRule]) -> list[str]:
    keys = {*plan.bands, *(key for rule in rules for key in rule.bands)}
    if plan.persistence:
        keys |= {*_VISIBLE, "SCL", "QA_PIXEL"}
    return [key for key in scene.bands if key in keys]


def _mistakable(raw: Mapping[str, NDArray[Any]]) -> NDArray[np.bool_]:
    """Classed as cloud, cirrus or snow, and neither shadow nor fill."""
    if "SCL" in raw:
        return np.isin(raw["SCL"], (8, 9, 10, 11))
    if "QA_PIXEL" in raw:
        bits = raw["QA_PIXEL"].astype(np.int64)
        return ((bits & 0b101110) != 0) & ((bits & 0b010001) == 0)
    return np.zeros(next(iter(raw.values())).shape, dtype=bool)


def persistent(plan: Plan, brightness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Observations [k, h, w] that are soil because the pixel is as bright on enough dates.

    Bright: within `BRIGHT`, and within `ALIKE` of the median of the pixel's bright observations.
    Salt crust stays where it is and clouds do not; thin cloud on every date can still pass.
    """
    with np.errstate(invalid="ignore"):
        bright = (brightness >= BRIGHT[0]) & (brightness <= BRIGHT[1])
        only = np.where(bright, brightness, np.float32(np.nan))
        usual = _median(only, bright.sum(axis=0))
        alike = bright & (np.abs(brightness - usual) <= ALIKE * usual)
    days = [scene.datetime.astimezone(LOCAL_TIME).date() for scene in plan.scenes]
    dates = np.zeros(brightness.shape[1:], dtype=np.int64)
    for day in sorted(set(days)):
        dates += alike[[k for k, other in enumerate(days) if other == day]].any(axis=0)
    found: NDArray[np.bool_] = alike & (dates >= plan.persistence)
    return found


def _median(stack: NDArray[np.float32], count: NDArray[np.int64]) -> NDArray[np.float32]:
    """Median [h, w] over the first axis of the ``count`` numbers that are there; NaN of none."""
    order = np.sort(stack, axis=0)  # NaN last
    low = np.take_along_axis(order, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(order, (count // 2).clip(0, len(stack) - 1)[None], axis=0)[0]
    half = low + (high - low) * np.float32(0.5)
    found: NDArray[np.float32] = np.where(count > 0, half, np.float32(np.nan))
    return found


def _composed(plan: Plan, counts: NDArray[np.int64]) -> Composed:
    total = int(counts.sum())
    at = np.flatnonzero(counts)
    middle = int(np.searchsorted(np.cumsum(counts), total / 2))
    persistence = (
        (
            f"；在至少 {plan.persistence} 个日期同样明亮的像元即使被分为云或雪也算土壤",
            f"; pixels as bright on {plan.persistence} dates or more count as soil though they "
            "are classed as cloud or snow",
        )
        if plan.persistence
        else ("", "")
    )
    masks = "、".join(plan.masks) or "无", ", ".join(plan.masks) or "none"
    return Composed(
        scenes=tuple((scene.id, scene.sha256) for scene in plan.scenes),
        start=plan.scenes[0].datetime,
        end=plan.scenes[-1].datetime,
        window=plan.window,
        masks=plan.masks,
        persistence=plan.persistence,
        observations={
            "least": float(at[0]),
            "median": float(middle),
            "most": float(at[-1]),
            "none_share": round(float(counts[0] / total), 6),
        },
        method=Text(
            zh=f"逐像元、逐波段取 {len(plan.scenes)} 景影像晴空观测的中位数；剔除：{masks[0]}"
            f"{persistence[0]}；N_OBS 为观测数",
            en=f"per pixel and band the median of the clear observations of {len(plan.scenes)} "
            f"scenes; taken out: {masks[1]}{persistence[1]}; N_OBS counts them",
        ),
    )


def main(arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """``{root, scenes, bands, masks, persistence, window, output, id, title}`` -> ``{scene}``, for
    the limited process."""
    window = arguments["window"]
    made = compose(
        Path(arguments["root"]),
        plan(
            [Scene.model_validate(scene) for scene in arguments["scenes"]],
            bands=arguments["bands"],
            masks=arguments["masks"],
            persistence=arguments["persistence"],
            window=(window[0], window[1]) if window else None,
        ),
        Path(arguments["output"]),
        progress,
        scene_id=arguments["id"],
        title=arguments["title"],
    )
    return {"scene": made.model_dump(mode="json")}
