"""The application: wiring only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import auth, logs, openapi, params, problems
from app.api import (
    audit,
    collections,
    conflicts,
    edits,
    features,
    health,
    jobs,
    pages,
    people,
    photos,
    questions,
    revisions,
    seals,
    sign_in,
    soil,
    soil_accuracy,
    soil_areas,
    soil_calibrations,
    soil_composites,
    soil_graded,
    soil_plots,
    soil_runs,
    soil_samples,
    soil_scenes,
    soil_series,
    soil_tiles,
    targets,
    tiles,
    tilesets,
    totals,
    tus,
    upload_views,
    uploads,
)
from app.jobs.worker import Workers
from app.middleware import Gate
from app.settings import Settings
from app.state import State
from app.tiles.thin import Thin

ROOMS = (
    collections,
    features,
    edits,
    conflicts,
    revisions,
    photos,
    tiles,
    tilesets,
    totals,
    questions,
    tus,
    targets,
    seals,
    uploads,
    upload_views,
    soil,
    soil_accuracy,
    soil_areas,
    soil_calibrations,
    soil_composites,
    soil_graded,
    soil_plots,
    soil_runs,
    soil_samples,
    soil_scenes,
    soil_series,
    soil_tiles,
    jobs,
    sign_in,
    people,
    audit,
    health,
)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service over one data folder; settings default to the environment's."""
    settings = settings or Settings()
    logs.configure()
    state = State(settings)
    workers = Workers.of_service(state) if settings.in_process_worker else None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        state.start()
        if workers:
            workers.start()
        yield
        if workers:
            workers.stop()
        state.stop()

    app = FastAPI(
        title="良田 Liangtian",
        version=openapi.VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(auth.authorize), Depends(params.known_parameters)],
        separate_input_output_schemas=False,
        # Nobody collects it here, and looking for collectors costs every request.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.liangtian = state
    problems.install(app)
    for room in ROOMS:
        app.include_router(room.router)
    app.include_router(_public(pages.build_router()))
    openapi.install(app)
    app.add_middleware(Thin, state=state)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("Authorization", "Content-Type", "If-Match", "Idempotency-Key"),
            expose_headers=("ETag", "Location", "Content-Crs", "Retry-After"),
        )
    app.add_middleware(Gate, settings=settings, metrics=state.metrics)
    return app


def _public(router: APIRouter) -> APIRouter:
    """The page's own files hold no data: anybody may have them."""
    for route in router.routes:
        auth.allow(auth.PUBLIC)(route.endpoint)  # type: ignore[attr-defined]
    return router
