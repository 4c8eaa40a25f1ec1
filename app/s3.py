"""Files of an S3 store, copied here before anything looks at them.

Only objects below the configured root are asked for, with keys and endpoint of the environment
alone (``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``, ``AWS_REGION``,
``AWS_ENDPOINT_URL``). GDAL never sees an address.
"""

from __future__ import annotations

import logging
import os
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app import blobs
from app.jobs.sandbox import Cancelled
from geo.errors import Rejected

log = logging.getLogger("liangtian.s3")

SCHEME = "s3://"
_CHUNK = 4 << 20
#: Scenes are not larger than this when they are unpacked, so no file of one is.
MAX_BYTES = 20 * 10**9


def inside(root: str, href: str) -> str:
    """``bucket/key`` of an address below ``root`` (``s3://bucket/prefix``). Raises E_PATH."""
    base = root.removeprefix(SCHEME).strip("/")
    path = href.removeprefix(SCHEME)
    clean = posixpath.normpath(path)
    if not base or clean != path.rstrip("/") or not clean.startswith(f"{base}/") or "\0" in path:
        raise Rejected(
            "E_PATH",
            "影像必须位于所配置的 s3:// 根之下",
            "a scene must lie below the configured s3:// root",
            where=href[:200],
            fix=(
                "管理员用 LIANGTIAN_RASTER_S3 设定根",
                "an administrator sets the root with LIANGTIAN_RASTER_S3",
            ),
        )
    return clean


def fetch(
    root: str,
    href: str,
    target: Path,
    report: Callable[[str, float | None], None],
    cancelled: Callable[[], bool],
) -> None:
    """Copy an object to ``target``. Raises E_PATH, E_RASTER_OPEN, E_RASTER_SIZE, E_RASTER_FETCH."""
    from pyarrow.fs import FileType  # noqa: PLC0415 - the S3 client loads with its first use

    path = inside(root, href)
    try:
        store_ = store()
        about = store_.get_file_info(path)
        if about.type != FileType.File:
            raise Rejected(
                "E_RASTER_OPEN", "影像文件不存在", "there is no such raster file", where=href[:200]
            )
        if about.size > MAX_BYTES:
            raise Rejected(
                "E_RASTER_SIZE",
                f"文件过大：{about.size / 1e9:.1f} GB（上限 {MAX_BYTES / 1e9:.0f} GB）",
                f"the file is too large: {about.size / 1e9:.1f} GB (limit {MAX_BYTES / 1e9:.0f})",
                where=href[:200],
            )
        done = 0
        with store_.open_input_stream(path) as source, target.open("wb") as sink:
            while chunk := source.read(_CHUNK):
                with blobs.disk_errors("work"):
                    sink.write(chunk)
                done += len(chunk)
                report("fetch", done / max(1, about.size))
                if cancelled():
                    raise Cancelled
    except OSError as error:
        # What the store says may hold its address and the key's name: for the log only.
        log.warning("%s could not be fetched: %s", href, error)
        raise Rejected(
            "E_RASTER_FETCH",
            "无法从对象存储取得影像",
            "the raster could not be fetched from the object store",
            where=href[:200],
            fix=(
                "请管理员核对服务环境中的 AWS_* 密钥与地址后重试",
                "ask an administrator to check the AWS_* keys and endpoint of the service",
            ),
        ) from error


def store() -> Any:
    """The file system of the environment's keys and endpoint."""
    from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem  # noqa: PLC0415

    given = os.environ.get
    options: dict[str, Any] = {
        "connect_timeout": 10,
        "request_timeout": 30,
        "retry_strategy": AwsStandardS3RetryStrategy(max_attempts=3),
        "region": given("AWS_REGION") or given("AWS_DEFAULT_REGION") or "us-east-1",
    }
    endpoint = given("AWS_ENDPOINT_URL_S3") or given("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        options |= {"scheme": parts.scheme, "endpoint_override": parts.netloc}
    if given("AWS_ACCESS_KEY_ID"):
        options |= {
            "access_key": given("AWS_ACCESS_KEY_ID"),
            "secret_key": given("AWS_SECRET_ACCESS_KEY"),
            "session_token": given("AWS_SESSION_TOKEN"),
        }
    else:
        options["anonymous"] = True  # and no question to a cloud's metadata service
    return S3FileSystem(**options)
