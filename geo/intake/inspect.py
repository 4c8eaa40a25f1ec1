"""What is this file? By its first bytes, not by its name; the name must agree.

Archives are opened here and nowhere else: the wanted parts are inflated to names that
we make up, so that no name from outside ever reaches the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from geo.errors import Rejected
from geo.formats import gpkg_file, shapefile, zips

#: Format -> extensions under which it arrives.
EXTENSIONS = {"zip": (".zip",), "geojson": (".geojson", ".json"), "gpkg": (".gpkg",)}
_INSIDE = {".geojson": "geojson", ".json": "geojson"}  # a GeoPackage is one file by itself
_ADVICE = {
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7z",
    b"\x1f\x8b": "gzip",
    b"OviO": "ovobj",
    b"\xd0\xcf\x11\xe0": "Office/MDB",
}


@dataclass(frozen=True)
class SourceLayer:
    """One layer of a file: ``parts`` maps extensions to files of ours, or members to inflate."""

    name: str
    format: str
    parts: dict[str, Path | zips.Member]


@dataclass(frozen=True)
class Inspected:
    format: str
    layers: tuple[SourceLayer, ...]
    archive: zips.Archive | None = None


def inspect(source: Path, file_name: str) -> Inspected:
    """Find the layers of a file.

    Raises `Rejected`: E_TYPE (not a format that is read, or the name disagrees),
    E_SHP_PART, E_ZIP_EMPTY (nothing of use in it) and what `geo.formats.zips.inspect` raises.
    """
    kind = _kind(source, file_name)
    suffix = PurePosixPath(file_name.replace("\\", "/")).suffix.lower()
    if suffix and suffix not in EXTENSIONS[kind]:
        raise Rejected(
            "E_TYPE",
            f"文件内容是 {kind}，扩展名却是“{suffix}”",
            f"the file is {kind} but is named {suffix!r}",
            where=file_name,
            fix=(f"扩展名应为 {EXTENSIONS[kind][0]}", f"name it {EXTENSIONS[kind][0]}"),
        )
    if kind == "gpkg":
        tables = gpkg_file.layers(source)
        return Inspected(kind, tuple(SourceLayer(t, kind, {".gpkg": source}) for t in tables))
    if kind == "geojson":
        name = PurePosixPath(file_name.replace("\\", "/")).stem
        return Inspected(kind, (SourceLayer(name, kind, {".geojson": source}),))
    archive = zips.inspect(source)
    layers = tuple(_layers(archive))
    if not layers:
        raise _nothing(archive)
    formats = {layer.format for layer in layers}
    return Inspected(formats.pop() if len(formats) == 1 else "mixed", layers, archive)


def unpack(layer: SourceLayer, inspected: Inspected, work: Path) -> dict[str, Path]:
    """The layer's parts as files of ours, inflating what lies in the archive."""
    targets: dict[zips.Member, Path] = {}
    files: dict[str, Path] = {}
    for part, place in layer.parts.items():
        if isinstance(place, Path):
            files[part] = place
        else:
            files[part] = targets[place] = work / f"layer{part}"
    if inspected.archive is not None:
        zips.extract(inspected.archive, targets)
    return files


def _kind(source: Path, file_name: str) -> str:
    with source.open("rb") as file:
        head = file.read(4096)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head.startswith(b"SQLite format 3\0"):
        return "gpkg"
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return "geojson"
    if head[:4] == b"\0\0\x27\x0a":
        raise Rejected(
            "E_SHP_PART",
            "单独的 .shp 或 .shx 文件不完整",
            "a .shp or .shx alone is not a whole shapefile",
            where=file_name,
            fix=(
                "请将同名的 .shp、.shx、.dbf、.prj 打包为 .zip",
                "pack the .shp, .shx, .dbf and .prj of the same name into a .zip",
            ),
        )
    found = next((name for magic, name in _ADVICE.items() if head.startswith(magic)), None)
    zh, en = (f"{found} 文件", f"a {found} file") if found else ("未知类型", "an unknown type")
    raise Rejected(
        "E_TYPE",
        f"不支持此文件（{zh}）",
        f"this file is not read ({en})",
        where=file_name,
        fix=(
            "请上传打包为 .zip 的 shapefile、GeoJSON 或 GeoPackage",
            "upload a zipped shapefile, GeoJSON or GeoPackage",
        ),
    )


def _layers(archive: zips.Archive) -> list[SourceLayer]:
    """Layers in the archive: the files of one folder that share a stem, whatever their case."""
    groups: dict[str, dict[str, zips.Member]] = {}
    titles: dict[str, str] = {}
    layers = []
    for member in zips.without_clutter(archive.members):
        if member.suffix in _INSIDE:
            kind = _INSIDE[member.suffix]
            layers.append(SourceLayer(member.name, kind, {f".{kind}": member}))
        elif member.suffix in shapefile.PARTS:
            stem = member.name[: -len(member.suffix)]
            groups.setdefault(stem.casefold(), {})[member.suffix] = member
            if member.suffix == ".shp":
                titles[stem.casefold()] = stem
    for key, title in titles.items():
        layers.append(SourceLayer(title, "shapefile", dict(groups[key])))
    return layers


def _nothing(archive: zips.Archive) -> Rejected:
    members = zips.without_clutter(archive.members)
    orphan = next((m for m in members if m.suffix in (".dbf", ".shx")), None)
    if orphan is not None:
        return Rejected(
            "E_SHP_PART",
            "压缩包里没有 .shp 文件",
            "there is no .shp in the archive",
            where=orphan.name,
            fix=(
                "请将同名的 .shp、.shx、.dbf、.prj 一起打包",
                "pack the .shp, .shx, .dbf and .prj of the same name together",
            ),
        )
    found = "、".join(sorted({m.suffix or m.name for m in members})[:10])
    return Rejected(
        "E_ZIP_EMPTY",
        f"压缩包里没有可读取的图层（只有：{found or '空'}）",
        f"the archive holds no layer that is read (only: {found or 'nothing'})",
        fix=("请打包 shapefile 或 GeoJSON", "pack a shapefile or GeoJSON"),
    )
