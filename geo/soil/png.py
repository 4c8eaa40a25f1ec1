"""PNG files of map tiles (ISO/IEC 15948): 8 bits, with a palette or with colour and alpha."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
_LEVEL = 4  # a quarter of the time of level 9 for a tenth more bytes


def paletted(codes: Bytes, colours: Bytes) -> bytes:
    """codes: uint8[h, w], rows of ``colours``: uint8[n, 4] red, green, blue, alpha (n <= 256)."""
    height, width = codes.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # filter 0: codes are no gradient
    rows[:, 1:] = codes
    table = [(b"PLTE", colours[:, :3].tobytes()), (b"tRNS", colours[:, 3].tobytes())]
    return _file(width, height, 3, table, rows)


def coloured(pixels: Bytes) -> bytes:
    """pixels: uint8[h, w, 4] red, green, blue, alpha."""
    height, width, _ = pixels.shape
    flat = pixels.reshape(height, width * 4)
    rows = np.empty((height, width * 4 + 1), dtype=np.uint8)
    rows[:, 0] = 2  # filter "up": the difference from the row above, modulo 256
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    return _file(width, height, 6, [], rows)


def _file(
    width: int, height: int, kind: int, table: list[tuple[bytes, bytes]], rows: Bytes
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *table, (b"IDAT", zlib.compress(rows.tobytes(), _LEVEL))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))
    )
