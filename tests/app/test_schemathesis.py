"""Requests made up from the OpenAPI document: whatever comes, never a 5xx."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    status_code_conformance,
)

from tests.conftest import Server


@pytest.fixture(scope="session")
def schema(server: Server):
    return schemathesis.openapi.from_url(f"{server.url}/api", wait_for_schema=5)


loaded = schemathesis.pytest.from_fixture("schema")


@loaded.parametrize()
@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
def test_no_request_breaks_the_service(case, server: Server):
    if case.operation.path.endswith("/events"):
        case.path_parameters["job_id"] = 999_999
    response = case.call(headers={"Authorization": f"Bearer {server.tokens['admin']}"}, timeout=60)
    case.validate_response(
        response,
        checks=(not_a_server_error, status_code_conformance, content_type_conformance),
        excluded_checks=(ignored_auth,),
    )
