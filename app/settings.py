"""Settings in one table: environment variables ``LIANGTIAN_*`` or a keyword of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from app.blobs import Store
    from app.objects import Objects

#: The definitions that come with the software.
DEFINITIONS = Path(__file__).resolve().parent.parent / "data"


class Settings(BaseSettings):
    """Every setting, its default and what it means (docs/settings.md repeats this table)."""

    model_config = SettingsConfigDict(env_prefix="LIANGTIAN_", extra="ignore")

    data: Path = Field(Path("var/data"), description="Folder of the record, snapshots and files.")
    database: str = Field(
        "",
        repr=False,
        description="Address of the PostgreSQL database of the record; DATA/record.gpkg when none.",
    )
    definitions: tuple[Path, ...] = Field(
        (DEFINITIONS,), description="Folders with layers/ and codelists/; later ones win."
    )
    public_read: bool = Field(False, description="Whether anybody may read without signing in.")
    session_hours: float = Field(
        12.0, gt=0, le=720, description="How long a sign-in with a password lasts, hours."
    )
    metrics_public: bool = Field(False, description="Whether anybody may read /metrics.")
    hosts: tuple[str, ...] = Field(
        (), description="Names that the service answers to (Host header); none: to any."
    )
    cors_origins: tuple[str, ...] = Field(
        (), description="Other sites whose pages may read from here; none: no site."
    )
    base_url: str = Field("", description="Address in links when behind a proxy, e.g. //gis.local.")
    max_upload_mib: int = Field(512, ge=1, description="Largest uploaded file, MiB.")
    resumable_hours: float = Field(
        48.0, gt=0, description="How long a resumable upload may rest before it is deleted, hours."
    )
    upload_idle_s: float = Field(
        60.0, ge=0.5, description="After how many silent seconds a body is given up."
    )
    max_body_kib: int = Field(2048, ge=1, description="Largest body of any other request, KiB.")
    rate_per_minute: int = Field(
        6000, ge=0, description="Requests a minute and client address; 0 for no limit."
    )
    rate_writes_per_minute: int = Field(
        600, ge=0, description="Writing requests a minute and client; 0 for no limit."
    )
    tile_cache_mib: int = Field(
        64, ge=0, description="Memory for tiles in each worker, MiB; 0 keeps none."
    )
    tile_disk_mib: int = Field(0, ge=0, description="Disk for tiles, MiB; 0 keeps none.")
    tile_disk_folder: Path | None = Field(
        None, description="Folder of tiles on disk; DATA/tiles-cache when nothing is said."
    )
    anchors: Path | None = Field(
        None, description="Folder of the signed anchors of the log; DATA/anchors when not said."
    )
    follow_ms: int = Field(25, ge=5, description="How often a worker looks for new changes, ms.")
    job_memory_mib: int = Field(4096, ge=512, description="Memory limit of a job's process, MiB.")
    job_seconds: int = Field(600, ge=5, description="Processor time limit of a job, seconds.")
    job_workers: int = Field(
        2, ge=1, le=32, description="Jobs that the service runs at once; one slot is for uploads."
    )
    job_lease_s: float = Field(
        30.0, ge=1, description="After how many seconds a worker that stands still loses its job."
    )
    totals_memory_mib: int = Field(
        2048, ge=256, description="Memory limit of a heavy overlay for a total, MiB."
    )
    totals_seconds: int = Field(
        30, ge=1, description="Processor time limit of a heavy overlay for a total, seconds."
    )
    raster_s3: str = Field(
        "", description="Root of scenes in an object store, s3://bucket/prefix; keys are AWS_*."
    )
    objects: str = Field(
        "",
        description="Where nodes share files, s3://bucket/prefix; the data folder then has copies.",
    )
    dask: str = Field(
        "", description="Scheduler of a Dask cluster for soil runs, e.g. tcp://10.0.0.5:8786."
    )
    photo_position: Literal["strip", "keep"] = Field(
        "strip", description="Whether the position that a camera wrote into a photo is kept."
    )
    tianditu: bool = Field(
        False,
        description="Whether the page may ask Tianditu for a base map, with the reader's own key.",
    )
    in_process_worker: bool = Field(True, description="Whether the service runs jobs itself.")

    @property
    def anchor_folder(self) -> Path:
        return self.anchors or self.data / "anchors"

    @property
    def record_path(self) -> Path:
        return self.data / "record.gpkg"

    @property
    def record_note(self) -> Path:
        """A folder whose record was moved to a database says here to which."""
        return self.data / "record.url"

    @property
    def record_place(self) -> Path | str:
        """Where the record is: the address of a database, or a file."""
        if self.database:
            return self.database
        try:
            return self.record_note.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return self.record_path

    @property
    def snapshot_folder(self) -> Path:
        return self.data / "snapshots"

    @property
    def blob_folder(self) -> Path:
        return self.data / "blobs"

    @property
    def blobs(self) -> Store:
        from app.blobs import Store  # noqa: PLC0415 - settings are read by what needs no files

        return Store(self.blob_folder, self.shared)

    @property
    def shared(self) -> Objects:
        from app.objects import Objects  # noqa: PLC0415 - as above

        return Objects(self.objects)

    @property
    def raster_folder(self) -> Path:
        return self.data / "rasters"

    @property
    def work_folder(self) -> Path:
        return self.data / "work"
