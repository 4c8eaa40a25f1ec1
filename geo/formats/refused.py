"""Files that are not read, each with a code of its own and advice how to export instead."""

from __future__ import annotations

from dataclasses import dataclass

from geo.errors import Rejected


@dataclass(frozen=True)
class Kind:
    code: str
    title: tuple[str, str]
    fix: tuple[str, str]
    magics: tuple[bytes, ...] = ()
    suffixes: tuple[str, ...] = ()


_EXPORT = (
    "请导出为 shapefile（打包为 .zip）或 GeoPackage",
    "export a zipped shapefile or GeoPackage",
)
_ZIP = ("请解开后用普通 .zip 重新打包", "unpack it and pack the files as a plain .zip")
_DRAWN = (
    "请上传矢量文件；图片中的边界需先矢量化",
    "upload vector data; boundaries in pictures must be drawn first",
)

KINDS = (
    Kind("E_TYPE_OVOBJ", ("奥维 ovobj", "Ovital ovobj"),
         ("ovobj 是奥维的私有格式；请在奥维中导出为 ovkml（保留坐标类型）",
          "ovobj is a private format; export it from Ovital as ovkml"), (b"OviO",), (".ovobj",)),
    Kind("E_TYPE_MDB", ("Access 数据库", "Access database"),
         ("请在 ArcGIS 中将个人地理数据库导出为 shapefile 或 GeoPackage",
          "export the personal geodatabase from ArcGIS as a shapefile or GeoPackage"),
         (b"\0\1\0\0Standard Jet DB", b"\0\1\0\0Standard ACE DB"), (".mdb", ".accdb")),
    Kind("E_TYPE_GDB", ("文件地理数据库", "file geodatabase"),
         ("请在 ArcGIS 或 QGIS 中将要素类导出为 shapefile 或 GeoPackage",
          "export the feature class from ArcGIS or QGIS as a shapefile or GeoPackage"),
         (), (".gdb", ".gdbtable")),
    Kind("E_TYPE_RAR", ("RAR 压缩包", "RAR archive"), _ZIP, (b"Rar!",), (".rar",)),
    Kind("E_TYPE_7Z", ("7z 压缩包", "7z archive"), _ZIP, (b"7z\xbc\xaf\x27\x1c",), (".7z",)),
    Kind("E_TYPE_ARCHIVE", ("压缩包", "archive"), _ZIP,
         (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"),
         (".gz", ".tgz", ".bz2", ".xz", ".tar", ".zst")),
    Kind("E_TYPE_DWG", ("AutoCAD DWG", "AutoCAD DWG"),
         ("请在 CAD 中另存为 DXF（R2000 以上），地块为闭合多段线",
          "save it as DXF from the CAD software, with plots as closed polylines"),
         (b"AC10", b"AC1.", b"AC2.", b"MC0.0"), (".dwg",)),
    Kind("E_TYPE_WORD", ("Word 文档", "Word document"),
         ("请将界址点成果表另存为 Excel 或 CSV",
          "save the table of boundary points as Excel or CSV"),
         (b"{\\rtf",), (".doc", ".docx", ".wps", ".rtf", ".pptx", ".ppt")),
    Kind("E_TYPE_PDF", ("PDF 文档", "PDF document"),
         ("请向制作单位索取矢量文件或坐标表",
          "ask the maker for vector data or a table of coordinates"),
         (b"%PDF",), (".pdf",)),
    Kind("E_TYPE_IMAGE", ("图片", "picture"), _DRAWN,
         (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"RIFF", b"\0\0\0\x0cjP"),
         (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".heic", ".jp2")),
    Kind("E_TYPE_RASTER", ("栅格影像", "raster"),
         ("影像请由农艺师在“土壤”下登记（POST /soil/scenes）",
          "register rasters under soil (POST /soil/scenes)"),
         (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), (".tif", ".tiff", ".img")),
    Kind("E_TYPE_PROGRAM", ("程序文件", "program"),
         ("请上传数据文件", "upload a data file"), (b"MZ", b"\x7fELF", b"#!"),
         (".exe", ".dll", ".bat", ".sh", ".msi", ".apk", ".js")),
    Kind("E_TYPE_HTML", ("网页", "web page"),
         ("网页不是数据；下载链接可能已失效，请重新下载数据文件",
          "a web page is no data; the download may have failed, fetch the file again"),
         (), (".html", ".htm", ".mht")),
    Kind("E_TYPE_XML", ("此种 XML（如 VRT、GML、GPX）", "this kind of XML (such as VRT, GML, GPX)"),
         ("请导出为 KML、shapefile 或 GeoPackage", "export it as KML, a shapefile or a GeoPackage"),
         (), (".vrt", ".gml", ".gpx", ".svg", ".qgs")),
    Kind("E_TYPE_MAPINFO", ("MapInfo 文件", "MapInfo file"), _EXPORT, (),
         (".tab", ".mif", ".mid", ".dat_tab")),
    Kind("E_TYPE_MAPGIS", ("MapGIS 文件", "MapGIS file"), _EXPORT, (b"WMAP", b"MAPGIS"),
         (".wp", ".wl", ".wt", ".wat")),
)  # fmt: skip
BY_CODE = {kind.code: kind for kind in KINDS}


def by_magic(head: bytes) -> Kind | None:
    """The kind that the first bytes show."""
    return next((k for k in KINDS for magic in k.magics if head.startswith(magic)), None)


def by_suffix(suffix: str) -> Kind | None:
    return next((kind for kind in KINDS if suffix in kind.suffixes), None)


def refuse(kind: Kind, where: str) -> Rejected:
    """The refusal of a file of this kind."""
    return Rejected(
        kind.code,
        f"不读取{kind.title[0]}",
        f"a {kind.title[1]} is not read",
        where=where,
        fix=kind.fix,
    )
