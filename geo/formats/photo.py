"""Photographs from phones: checked, turned upright, freed of hidden data, with a small picture.

Runs in a limited child process. Of the camera's data (EXIF) the time is read, and the position
where it is to be kept; none of the rest is stored: it names people's devices and homes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from geo.errors import Rejected
from geo.local import LOCAL_TIME

#: Formats that phones and browsers write, and their media types.
KINDS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
MOST_PIXELS = 120_000_000
SMALL = 480  # pixels of the small picture's longer side
_QUALITY = 88


def main(arguments: dict[str, Any], progress: Any = None) -> dict[str, Any]:
    """``{source, output, small, position}`` -> ``{media_type, width, height, taken_at, lon, lat}``.

    Writes the clean photo to ``output`` and a JPEG to ``small``. lon, lat: EPSG:4326 degrees
    of the camera, None without ``position``. Raises `Rejected` E_PHOTO.
    """
    del progress
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    source = Path(arguments["source"])
    try:
        with Image.open(source, formats=tuple(KINDS)) as image:
            kind = str(image.format)
            if image.width * image.height > MOST_PIXELS:
                raise _refused("照片像素过多", "the photo has too many pixels")
            about = _about(image.getexif(), position=bool(arguments["position"]))
            upright = ImageOps.exif_transpose(image)
    except Rejected:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise _refused("不是可用的照片", "this is no photo that can be used") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise _refused("照片文件已损坏", "the photo is damaged") from error
    plain = Image.new(upright.mode, upright.size)
    plain.paste(upright)  # pixels only: whatever else was in the file stays behind
    if upright.mode == "P":
        plain = upright.convert("RGBA")
        plain.info.clear()
    if kind == "JPEG":
        plain.convert("RGB").save(arguments["output"], "JPEG", quality=_QUALITY, optimize=True)
    else:
        plain.save(arguments["output"], kind)
    small = plain.convert("RGB")
    small.thumbnail((SMALL, SMALL))
    small.save(arguments["small"], "JPEG", quality=80)
    return {
        "media_type": KINDS[kind], "width": plain.width, "height": plain.height, **about,
    }  # fmt: skip


def _about(exif: Image.Exif, *, position: bool) -> dict[str, Any]:
    lon, lat = _position(exif.get_ifd(ExifTags.IFD.GPSInfo)) if position else (None, None)
    return {"taken_at": _taken(exif), "lon": lon, "lat": lat}


def _taken(exif: Image.Exif) -> str | None:
    """When the shutter opened; without a zone it is China Standard Time."""
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    text = camera.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    offset = camera.get(ExifTags.Base.OffsetTimeOriginal) or ""
    for form, value in (("%Y:%m:%d %H:%M:%S%z", f"{text}{offset}"), ("%Y:%m:%d %H:%M:%S", text)):
        try:
            moment = datetime.strptime(str(value).strip(" \0"), form)
        except ValueError:
            continue
        moment = moment if moment.tzinfo else moment.replace(tzinfo=LOCAL_TIME)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return None


def _position(gps: Any) -> tuple[float | None, float | None]:
    try:
        lat = _degrees(gps[ExifTags.GPS.GPSLatitude]) * _sign(gps[ExifTags.GPS.GPSLatitudeRef], "S")
        lon = _degrees(gps[ExifTags.GPS.GPSLongitude]) * _sign(
            gps[ExifTags.GPS.GPSLongitudeRef], "W"
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None, None
    good = -180 <= lon <= 180 and -90 <= lat <= 90 and (lon, lat) != (0.0, 0.0)
    return (lon, lat) if good else (None, None)


def _degrees(parts: Any) -> float:
    degrees, minutes, seconds = (float(part) for part in parts)
    return degrees + minutes / 60 + seconds / 3600


def _sign(reference: Any, negative: str) -> int:
    return -1 if str(reference).strip(" \0").upper() == negative else 1


def _refused(zh: str, en: str) -> Rejected:
    return Rejected(
        "E_PHOTO", zh, en, where="photo",
        fix=("请用 JPEG、PNG 或 WebP 照片（苹果手机：设置-相机-格式-兼容性最佳）",
             "Send a JPEG, PNG or WebP photo (iPhone: Settings, Camera, Formats, Most Compatible)"),
    )  # fmt: skip
