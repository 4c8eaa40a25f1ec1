"""Every route has a role, and the role is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from app.auth import PUBLIC, allow, permission_of
from app.main import create_app
from app.openapi import api_routes
from app.settings import Settings
from geo.record.protocol import Author
from geo.record.tables import ROLES

pytestmark = pytest.mark.unit
ADMIN = Author("test", "test")
EVERYONE = (None, *ROLES)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    settings = Settings(
        data=tmp_path_factory.mktemp("roles"),
        in_process_worker=False,
        rate_per_minute=0,
        rate_writes_per_minute=0,
    )
    app = create_app(settings)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "nobody said who may read this"

    people = app.state.liangtian.people
    tokens = {}
    for role in ROLES:
        people.put(role, role, "secret", ADMIN)
        tokens[role] = people.issue_token(role, ADMIN)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield app, client, tokens


def _routes(app) -> list[APIRoute]:
    return [r for r in api_routes(app) if r.path != "/forgotten"]


def test_every_route_declares_a_role(service):
    app, _, _ = service
    assert len(_routes(app)) > 25
    assert [r.path for r in api_routes(app) if permission_of(r) is None] == ["/forgotten"]


def _ask(client: TestClient, route: APIRoute, method: str, token: str | None) -> int:
    path = route.path
    for name, value in (
        ("layer", "samples"), ("z", "0"), ("x", "0"), ("y", "0"), ("kind", "mvt"),
        ("token_id", "999"),
    ):  # fmt: skip
        path = path.replace(f"{{{name}}}", value)
    while "{" in path:
        path = path[: path.index("{")] + "1" + path[path.index("}") + 1 :]
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if path.endswith("/events"):
        path = "/jobs/999/events"
    return client.request(method, path, headers=headers).status_code


@pytest.mark.parametrize("role", EVERYONE)
def test_routes_by_role(service, role):
    """Below a route's role it answers 401 or 403, from it on never."""
    app, client, tokens = service
    for route in _routes(app):
        needed = permission_of(route)
        for method in route.methods - {"HEAD"}:
            status = _ask(client, route, method, tokens.get(role))
            where = f"{method} {route.path} as {role}: {status}"
            if needed == PUBLIC or (role and ROLES.index(role) >= ROLES.index(needed)):
                assert status not in (401, 403), where
                assert status < 500 or "/docs" in where or status == 503, where
            elif role is None:
                assert status == 401, where
            else:
                assert status == 403, where


def test_a_route_without_a_role_is_refused_for_everybody(service):
    _, client, tokens = service
    for role in EVERYONE:
        headers = {"Authorization": f"Bearer {tokens[role]}"} if role else {}
        assert client.get("/forgotten", headers=headers).status_code == 403


def test_unknown_role_cannot_be_declared():
    with pytest.raises(ValueError, match="unknown role"):
        allow("boss")


def test_wrong_expired_and_revoked_tokens(service):
    app, client, tokens = service
    people = app.state.liangtian.people

    def status(token: str) -> int:
        return client.get("/collections", headers={"Authorization": f"Bearer {token}"}).status_code

    assert status("lt_wrong") == 401
    assert status(tokens["viewer"]) == 200
    people.put("leaver", "viewer", "secret", ADMIN)
    token = people.issue_token("leaver", ADMIN)
    assert status(token) == 200
    people.change("leaver", ADMIN, disabled=True)
    assert status(token) == 401
    answer = client.get("/collections", headers={"Authorization": "Bearer nonsense"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["code"] == "E_LOGIN"
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_token_of_a_lesser_role_keeps_its_person_down(service):
    app, client, _ = service
    people = app.state.liangtian.people
    people.put("boss", "admin", "secret", ADMIN)
    token = people.issue_token("boss", ADMIN, role="viewer")
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/collections", headers=headers).status_code == 200
    assert client.get("/audit", headers=headers).status_code == 403


def test_passwords_and_tokens_are_not_stored(service):
    app, _, tokens = service
    state = app.state.liangtian
    copy = Path(state.settings.data) / "copy.gpkg"
    state.record.copy_to(copy)
    content = copy.read_bytes()
    assert b"$argon2id$" in content
    for token in tokens.values():
        assert token.encode() not in content


def test_401_comes_before_the_body_is_read(service):
    _, client, _ = service
    sent = 0

    def body():
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b"x" * 1024

    answer = client.post("/uploads?layer=plots", content=body())
    assert answer.status_code == 401
