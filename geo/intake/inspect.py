"""Which layers does a file hold? By contents first; the name must agree.

Archives are opened here and nowhere else: the wanted parts are inflated to names that
we make up, so that no name from outside ever reaches the disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from geo.errors import Rejected
from geo.formats import gpkg_file, refused, shapefile, sniff, table_file, zips
from geo.formats.sniff import EXTENSIONS, PART, check_name, kind_of

#: Formats that lie in an archive as one file, by extension; kinds of text that share one are
#: told apart by their contents once it is unpacked.
_INSIDE = {
    suffix: kind
    for kind in (
        "ovjsn",
        "geojson",
        "landtxt",
        "csv",
        "kml",
        "dxf",
        "fgb",
        "parquet",
        "gpkg",
        "xlsx",
    )
    for suffix in EXTENSIONS[kind]
    if suffix not in (".xml", ".dat", ".tab")
}
_MOST_INNER = 50  # containers in one archive whose tables are looked up


@dataclass(frozen=True)
class SourceLayer:
    """One layer of a file: ``parts`` maps extensions to files of ours, or members to inflate.

    ``inner``: its table or sheet, where one file holds several.
    """

    name: str
    format: str
    parts: dict[str, Path | zips.Member]
    inner: str | None = None


@dataclass(frozen=True)
class Inspected:
    format: str
    layers: tuple[SourceLayer, ...]
    archive: zips.Archive | None = None


def inspect(source: Path, file_name: str, work: Path | None = None) -> Inspected:
    """Find the layers of a file; ``work`` is a folder for files that have to be inflated for it.

    Raises `Rejected`: what `geo.formats.sniff.kind_of` raises, E_TYPE (the name disagrees),
    E_SHP_PART, E_ZIP_EMPTY (nothing of use in it) and what `geo.formats.zips.inspect` raises.
    """
    kind = kind_of(source, file_name)
    if kind != "zip":
        check_name(kind, file_name)
        stem = PurePosixPath(file_name.replace("\\", "/")).stem
        return Inspected(kind, tuple(_inner(source, kind, stem, {PART[kind]: source})))
    archive = zips.inspect(source)
    kind = _packed(archive, file_name)
    check_name(kind, file_name)
    if kind == "xlsx":
        return Inspected(kind, tuple(_inner(source, kind, "", {PART[kind]: source})))
    layers = tuple(_layers(archive, work or source.parent))
    if kind == "kmz":  # its document is the first one; others are parts of it
        layers = tuple(sorted(layers, key=_main)[:1])
        if layers and layers[0].format != "kml":
            check_name("zip", file_name)
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


def actual(layer: SourceLayer, files: dict[str, Path]) -> str:
    """The format of an unpacked layer by its contents.

    Raises `Rejected` E_TYPE when a part of a shapefile is something else, and what
    `kind_of` raises.
    """
    if layer.format == "shapefile":
        with files[".shp"].open("rb") as file:
            head = file.read(4)
        if head and head != b"\0\0\x27\x0a":
            found = kind_of(files[".shp"], layer.name)
            raise Rejected(
                "E_TYPE",
                f".shp 的内容是 {found}",
                f"the .shp is {found}",
                where=layer.name,
                fix=(
                    f"请按 {EXTENSIONS[found][0]} 上传，或重新导出 shapefile",
                    f"upload it as {EXTENSIONS[found][0]}, or export the shapefile again",
                ),
            )
        return layer.format
    ((part, place),) = layer.parts.items()
    if isinstance(place, Path):
        return layer.format  # looked at when the file was opened
    found = kind_of(files[part], layer.name)
    check_name(found, layer.name)
    return found


def _main(layer: SourceLayer) -> tuple[bool, int, bool, str]:
    name = layer.name.lower()
    return layer.format != "kml", name.count("/"), not name.endswith("doc.kml"), name


def _inner(
    path: Path, kind: str, title: str, parts: dict[str, Path | zips.Member]
) -> Iterator[SourceLayer]:
    """Layers of a file that is no archive: its tables or sheets, else the file itself."""
    if kind not in ("gpkg", "xlsx"):
        yield SourceLayer(title, kind, parts)
        return
    names = gpkg_file.layers(path) if kind == "gpkg" else table_file.sheets(path)
    for name in names:
        yield SourceLayer(
            f"{title}/{name}" if title and kind != "gpkg" else name, kind, parts, name
        )


def _packed(archive: zips.Archive, file_name: str) -> str:
    """Formats that are archives themselves. Raises what `geo.formats.refused` says."""
    names = {member.name for member in archive.members}
    if (
        "xl/workbook.xml" in names
        or "xl/workbook.bin" in names
        or ({"content.xml", "mimetype"} <= names and sniff.suffix_of(file_name) == ".ods")
    ):
        return "xlsx"
    if "word/document.xml" in names or "ppt/presentation.xml" in names:
        raise refused.refuse(refused.BY_CODE["E_TYPE_WORD"], file_name)
    inside = [
        name for name in names if ".gdb/" in name.lower() or name.lower().endswith(".gdbtable")
    ]
    if inside and not any(member.suffix == ".shp" for member in archive.members):
        raise refused.refuse(refused.BY_CODE["E_TYPE_GDB"], min(inside))
    return "kmz" if sniff.suffix_of(file_name) in (".kmz", ".ovkmz") else "zip"


def _layers(archive: zips.Archive, work: Path) -> Iterator[SourceLayer]:
    """Layers in the archive: the files of one folder that share a stem, whatever their case."""
    groups: dict[str, dict[str, zips.Member]] = {}
    titles: dict[str, str] = {}
    members = zips.without_clutter(archive.members)
    single = [m for m in members if m.suffix in _INSIDE]
    shapes = [m for m in members if m.suffix in shapefile.PARTS]
    if any(m.suffix == ".shp" for m in shapes):
        # Beside a shapefile a text is a read-me or a table of codes, not another layer.
        single = [m for m in single if _INSIDE[m.suffix] not in ("csv", "landtxt", "xlsx")]
    containers = [m for m in single if _INSIDE[m.suffix] in ("gpkg", "xlsx")]
    for member in single:
        kind = _INSIDE[member.suffix]
        parts: dict[str, Path | zips.Member] = {PART[kind]: member}
        if member not in containers[:_MOST_INNER]:
            yield SourceLayer(member.name, kind, parts)
            continue
        path = work / f"inner{archive.members.index(member)}{PART[kind]}"
        zips.extract(archive, {member: path})
        title = member.name if len(containers) > 1 else ""
        for layer in _inner(path, kind, "", {PART[kind]: path}):
            name = f"{title}/{layer.name}" if title else layer.name
            yield SourceLayer(name, kind, layer.parts, layer.inner)
    for member in shapes:
        stem = member.name[: -len(member.suffix)]
        groups.setdefault(stem.casefold(), {})[member.suffix] = member
        if member.suffix == ".shp":
            titles[stem.casefold()] = stem
    for key, title in titles.items():
        yield SourceLayer(title, "shapefile", dict(groups[key]))


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
    known = next((k for m in members if (k := refused.by_suffix(m.suffix))), None)
    if known is not None:
        return refused.refuse(known, next(m.name for m in members if m.suffix in known.suffixes))
    found = "、".join(sorted({m.suffix or m.name for m in members})[:10])
    return Rejected(
        "E_ZIP_EMPTY",
        f"压缩包里没有可读取的图层（只有：{found or '空'}）",
        f"the archive holds no layer that is read (only: {found or 'nothing'})",
        fix=(
            "请打包 shapefile、GeoPackage、KML、TXT 或表格",
            "pack a shapefile, KML, TXT or a table",
        ),
    )
