"""Archives that attack, archives that are merely Chinese, and the line between them."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.errors import Rejected
from geo.formats import zips
from tests import shared

pytestmark = pytest.mark.unit
SHARED = shared.DATA / "malformed" / "zips"


def entry(
    name: bytes, data: bytes, *, flags: int = 0, method: int = 8, mode: int = 0, **lies: int
) -> dict:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = data if method == 0 else packer.compress(data) + packer.flush()
    return {
        "name": name, "packed": lies.get("packed", packed), "flags": flags, "method": method,
        "crc": lies.get("crc", zlib.crc32(data)), "size": lies.get("size", len(data)),
        "attributes": mode << 16,
    }  # fmt: skip


def build(*entries: dict, count: int | None = None, same_place: bool = False) -> bytes:
    """A ZIP by hand, so that each lie can be told."""
    body, directory, first = bytearray(), bytearray(), 0
    for item in entries:
        offset = first if same_place else len(body)
        shared = struct.pack(
            "<5H3I2H", 20, item["flags"], item["method"], 0, 0x21, item["crc"],
            len(item["packed"]), item["size"], len(item["name"]), 0,
        )  # fmt: skip
        if not (same_place and body):
            body += b"PK\x03\x04" + shared + item["name"] + item["packed"]
        directory += b"PK\x01\x02" + struct.pack("<H", 0x031E) + shared
        directory += struct.pack("<3H2I", 0, 0, 0, item["attributes"], offset) + item["name"]
    count = len(entries) if count is None else count
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def save(folder: Path, data: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(data)
    return path


def code(folder: Path, data: bytes, **options: int) -> str:
    with pytest.raises(Rejected) as caught:
        zips.inspect(save(folder, data), **options)
    return caught.value.code


def test_plain_archive_round_trip(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("地块/地块.SHP", b"s" * 5_000_000)
        archive.writestr("地块/stored.dbf", b"d" * 10, zipfile.ZIP_STORED)
        archive.writestr("地块/empty.prj", b"")
    read = zips.inspect(save(tmp_path, buffer.getvalue()))
    assert [m.name for m in read.members] == ["地块/地块.SHP", "地块/stored.dbf", "地块/empty.prj"]
    assert [m.suffix for m in read.members] == [".shp", ".dbf", ".prj"]
    targets = {m: tmp_path / f"{i}.bin" for i, m in enumerate(read.members)}
    assert zips.extract(read, targets) == 5_000_010
    assert (tmp_path / "0.bin").read_bytes() == b"s" * 5_000_000
    assert (tmp_path / "1.bin").read_bytes() == b"d" * 10
    assert (tmp_path / "2.bin").read_bytes() == b""


def test_streamed_archive_with_data_descriptors(tmp_path: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data) -> int:
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.shp", b"a" * 1000)
        with archive.open("b.shp", "w", force_zip64=True) as member:
            member.write(b"b" * 1000)
    read = zips.inspect(save(tmp_path, bytes(pipe.data)))
    assert zips.extract(read, {m: tmp_path / m.name for m in read.members}) == 2000


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8"])
def test_chinese_names_without_the_flag(tmp_path: Path, encoding: str) -> None:
    # 俓 and 乗 have 0x5C, the backslash, as second byte in GBK.
    names = ["镇赉县地块.shp", "乗法俓.dbf"]
    read = zips.inspect(save(tmp_path, build(*(entry(n.encode(encoding), b"x") for n in names))))
    assert [m.name for m in read.members] == names
    assert read.name_encoding == encoding


def test_unicode_path_of_info_zip_wins_only_while_it_matches(tmp_path: Path) -> None:
    raw = b"?.shp"
    for checksum, expected in ((zlib.crc32(raw), "地块.shp"), (1, "?.shp")):
        body = b"\x01" + struct.pack("<I", checksum) + "地块.shp".encode()
        extra = struct.pack("<2H", 0x7075, len(body)) + body
        info = zipfile.ZipInfo("?.shp")
        info.extra = extra
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(info, b"x")
        read = zips.inspect(save(tmp_path, buffer.getvalue()))
        assert [m.name for m in read.members] == [expected]


def test_names_in_no_encoding(tmp_path: Path) -> None:
    assert code(tmp_path, build(entry(b"\xff\xfe\xff.shp", b"x"))) == "E_NAME_ENCODING"
    flagged = entry("地块".encode("gbk"), b"x", flags=0x800)
    assert code(tmp_path, build(flagged)) == "E_NAME_ENCODING"


@pytest.mark.parametrize(
    "name",
    [b"../a.shp", b"a/../../b.shp", b"/etc/passwd", b"C:/a.shp", b"c:a.shp", b"a\\b.shp",
     b"a\x00.shp", b"a\n.shp", b"/", b""],
)  # fmt: skip
def test_names_that_lead_elsewhere(tmp_path: Path, name: bytes) -> None:
    assert code(tmp_path, build(entry(name, b"x"))) == "E_ZIP_NAME"


def test_links_devices_and_duplicates(tmp_path: Path) -> None:
    assert code(tmp_path, build(entry(b"a.shp", b"/etc/passwd", mode=0o120777))) == "E_ZIP_NAME"
    assert code(tmp_path, build(entry(b"a.shp", b"", mode=0o020666))) == "E_ZIP_NAME"
    twice = build(entry(b"a.shp", b"1"), entry(b"A.SHP", b"2"))
    assert code(tmp_path, twice) == "E_ZIP_NAME"


def test_overlapping_entries(tmp_path: Path) -> None:
    one = entry(b"a.shp", bytes(1000))
    assert code(tmp_path, build(one, {**one, "name": b"b.shp"}, same_place=True)) in {
        "E_ZIP_OVERLAP",
        "E_ZIP",
    }
    inner = entry(b"b.shp", b"inner", method=0)
    outer = entry(b"a.shp", build(inner)[: 30 + 5 + 5], method=0)
    data = bytearray(build(outer, inner))
    # Point the second directory entry into the body of the first.
    at = data.rfind(b"PK\x01\x02")
    data[at + 42 : at + 46] = struct.pack("<I", 35)
    assert code(tmp_path, bytes(data)) == "E_ZIP_OVERLAP"


def test_entry_running_into_the_directory(tmp_path: Path) -> None:
    data = bytearray(build(entry(b"a.shp", b"x" * 9, method=0)))
    at = data.rfind(b"PK\x01\x02")
    data[at + 20 : at + 28] = struct.pack("<2I", 30, 30)
    assert code(tmp_path, bytes(data)) == "E_ZIP_OVERLAP"


def test_too_many_entries_is_answered_from_the_end_record(tmp_path: Path) -> None:
    assert code(tmp_path, build(*(entry(b"%d" % i, b"") for i in range(1001)))) == "E_ZIP_ENTRIES"
    assert code(tmp_path, build(entry(b"a", b""), count=60_000)) == "E_ZIP_ENTRIES"
    assert code(tmp_path, build(entry(b"a", b""), count=2)) == "E_ZIP"


def test_encrypted_unknown_method_and_nested(tmp_path: Path) -> None:
    assert code(tmp_path, build(entry(b"a.shp", b"x", flags=1))) == "E_ZIP_ENCRYPTED"
    assert code(tmp_path, build(entry(b"a.shp", b"x", method=9))) == "E_ZIP_METHOD"
    inner = build(entry(b"a.shp", b"x"))
    assert code(tmp_path, build(entry(b"b.ZIP", inner))) == "E_ZIP_NESTED"
    assert zips.inspect(save(tmp_path, build(entry(b"b.zip", inner))), nested=True).members


def test_bomb_that_declares_its_size(tmp_path: Path) -> None:
    data = build(*(entry(b"%d.dbf" % i, bytes(1 << 20)) for i in range(8)))
    assert len(data) < 10_000
    assert code(tmp_path, data, max_inflated=4 << 20) == "E_ZIP_EXPANDS"


def test_bomb_that_lies_is_stopped_while_inflating(tmp_path: Path) -> None:
    path = save(tmp_path, build(entry(b"a.dbf", bytes(64 << 20), size=10)))
    read = zips.inspect(path)
    with pytest.raises(Rejected, match="E_ZIP_EXPANDS"):
        zips.extract(read, {read.members[0]: tmp_path / "out"})
    assert (tmp_path / "out").stat().st_size <= 1 << 20


def test_budget_counts_all_members_together(tmp_path: Path) -> None:
    path = save(tmp_path, build(entry(b"a", bytes(600)), entry(b"b", bytes(600))))
    read = zips.inspect(path)
    with pytest.raises(Rejected, match="E_ZIP_EXPANDS"):
        zips.extract(read, {m: tmp_path / m.name for m in read.members}, max_inflated=1000)


@pytest.mark.parametrize("lies", [{"crc": 1}, {"size": 11}, {"packed": b"\xff\xff\xff\xff"}])
def test_wrong_contents(tmp_path: Path, lies: dict) -> None:
    read = zips.inspect(save(tmp_path, build(entry(b"a", bytes(10), **lies))))
    with pytest.raises(Rejected) as caught:
        zips.extract(read, {read.members[0]: tmp_path / "out"})
    assert caught.value.code == "E_ZIP"


def test_clutter_of_desktop_systems(tmp_path: Path) -> None:
    names = [b"a.shp", b"__MACOSX/._a.shp", b"._b.shp", b".DS_Store", b"x/Thumbs.db"]
    read = zips.inspect(save(tmp_path, build(*(entry(n, b"x") for n in names))))
    assert [m.name for m in zips.without_clutter(read.members)] == ["a.shp"]


@pytest.mark.parametrize("cut", [0, 3, 21, 60])
def test_truncated(tmp_path: Path, cut: int) -> None:
    data = build(entry(b"a.shp", b"x" * 50, method=0))
    assert code(tmp_path, data[:cut]) == "E_ZIP"
    assert code(tmp_path, data[: len(data) - cut - 1]) == "E_ZIP"


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damage_never_escapes_as_another_error(tmp_path_factory, data) -> None:
    whole = bytearray(build(entry(b"a.shp", bytes(99)), entry("地块".encode("gbk"), b"abc" * 9)))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    folder = tmp_path_factory.mktemp("z")
    with contextlib.suppress(Rejected):
        read = zips.inspect(save(folder, bytes(whole)))
        zips.extract(read, {m: folder / f"{i}" for i, m in enumerate(read.members)})


@shared.needs
def test_collected_traversal_archives() -> None:
    paths = sorted(SHARED.glob("*.zip"))
    assert paths
    for path in paths:
        with pytest.raises(Rejected, match="E_ZIP_NAME"):
            zips.inspect(path)
