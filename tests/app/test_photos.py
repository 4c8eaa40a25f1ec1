"""Photos: cleaned, kept by hash, shown small; what is no photo leaves nothing behind."""

from __future__ import annotations

import hashlib
import io
import secrets
from pathlib import Path

import httpx
import pytest
from PIL import ExifTags, Image

from geo.formats import photo
from tests.conftest import Server


def camera(kind: str = "JPEG", size: tuple[int, int] = (900, 600), **save: object) -> bytes:
    """A picture as a phone takes it: turned, with time, maker and position."""
    image = Image.effect_noise(size, 60).convert("RGB")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "PHONE-OF-LI"
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2026:05:04 08:30:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLatitude] = "N", (45.0, 30.0, 0.0)
    gps[ExifTags.GPS.GPSLongitudeRef], gps[ExifTags.GPS.GPSLongitude] = "E", (123.0, 15.0, 36.0)
    out = io.BytesIO()
    image.save(out, kind, exif=exif, **save)
    return out.getvalue()


@pytest.fixture
def sample(office: Server) -> str:
    """The address of a new sample."""
    number = secrets.token_hex(5)
    body = {
        "type": "Feature",
        "properties": {"code": f"P{number}", "sampled_on": "2026-05-04", "depth_top_cm": 0,
                       "depth_bottom_cm": 20, "extract": "1:5"},
        "geometry": {"type": "Point", "coordinates": [123.1, 45.4]},
    }  # fmt: skip
    made = office.client("field").post("/collections/samples/items", json=body)
    assert made.status_code == 201, made.text
    return made.headers["Location"]


def send(client: httpx.Client, path: str, content: bytes) -> httpx.Response:
    return client.post(f"{path}/photos", content=content, headers={"Content-Type": "image/jpeg"})


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_cleaned_and_turned(tmp_path: Path, kind: str) -> None:
    source = tmp_path / "in"
    source.write_bytes(camera(kind))
    files = {name: str(tmp_path / name) for name in ("output", "small")}
    found = photo.main({"source": str(source), "position": True, **files})
    assert found == {
        "media_type": photo.KINDS[kind], "width": 600, "height": 900,
        "taken_at": "2026-05-04T00:30:00.000Z",
        "lon": pytest.approx(123.26), "lat": pytest.approx(45.5),
    }  # fmt: skip
    clean = Path(files["output"]).read_bytes()
    with Image.open(io.BytesIO(clean)) as image:
        assert image.size == (600, 900)
        assert not image.getexif()
    assert b"PHONE-OF-LI" not in clean
    with Image.open(files["small"]) as image:
        assert image.size == (320, 480)
    stripped = photo.main({"source": str(source), "position": False, **files})
    assert (stripped["lon"], stripped["lat"]) == (None, None)


def test_photos_of_a_sample(office: Server, sample: str) -> None:
    field, neighbour = office.client("field"), office.client("neighbour")
    content = camera()
    made = send(field, sample, content)
    assert made.status_code == 201, made.text
    told = made.json()
    assert (told["width"], told["height"], told["lon"], told["author"]) == (600, 900, None, "field")
    assert send(field, sample, content).json()["id"] == told["id"]
    (listed,) = field.get(f"{sample}/photos").json()["photos"]
    assert listed == told
    full, small = field.get(told["href"]), field.get(told["small"])
    assert hashlib.sha256(full.content).hexdigest() == told["sha256"]
    assert (full.headers["content-type"], small.headers["content-type"]) == ("image/jpeg",) * 2
    assert len(small.content) < len(full.content)
    again = field.get(told["href"], headers={"If-None-Match": full.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert neighbour.delete(told["href"]).status_code == 403
    assert field.delete(told["href"]).status_code == 204
    assert field.get(told["href"]).status_code == 404
    assert field.get(f"{sample}/photos").json()["photos"] == []
    events = [e["action"] for e in office.client("boss").get("/audit?limit=10000").json()["events"]]
    assert {"photo.add", "photo.remove"} <= set(events)


def bomb() -> bytes:
    """A small file that declares a picture of 2.5 gigapixels."""
    return camera("PNG", (20, 20)).replace(
        (20).to_bytes(4, "big") * 2, (50_000).to_bytes(4, "big") * 2, 1
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"<svg onload=alert(1)>", "E_PHOTO"),
        (camera()[:3000], "E_PHOTO"),
        (bomb(), "E_PHOTO"),
        (b"GIF89a" + bytes(100), "E_PHOTO"),
        (b"", "E_EMPTY"),
    ],
    ids=["svg", "cut", "bomb", "gif", "empty"],
)
def test_what_is_no_photo_is_refused(
    office: Server, sample: str, content: bytes, code: str
) -> None:
    field = office.client("field")
    refused = send(field, sample, content)
    assert refused.json()["code"] == code, refused.text
    assert field.get(f"{sample}/photos").json()["photos"] == []
    assert not list((office.data / "blobs" / "incoming").iterdir())
