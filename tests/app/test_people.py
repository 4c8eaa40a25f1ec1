"""People: sessions, tokens with scopes, throttled logins, administration."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from app import passwords, throttle
from app.main import create_app
from app.problems import Problem
from app.settings import Settings
from geo.record.protocol import Author

pytestmark = pytest.mark.unit
ADMIN = Author("test", "test")
PASSWORD = "correct horse 电池"
HERE = {"Origin": "http://testserver"}


@pytest.fixture(scope="module")
def cheap() -> Iterator[None]:
    """Many logins, each with little work; what they cost is the business of one test."""
    real, passwords._hasher = passwords._hasher, PasswordHasher(1, 8, 1)
    yield
    passwords._hasher = real


@pytest.fixture(scope="module")
def app(cheap: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    settings = Settings(
        data=tmp_path_factory.mktemp("people"),
        in_process_worker=False,
        rate_per_minute=0,
        rate_writes_per_minute=0,
    )
    made = create_app(settings)
    people = made.state.liangtian.people
    people.put("站长", "admin", PASSWORD, ADMIN)
    people.put("王工", "field", PASSWORD, ADMIN, ("220882",))
    with TestClient(made):
        yield made


@pytest.fixture
def client(app: Any) -> TestClient:
    throttle_rows(app)
    return TestClient(app, raise_server_exceptions=False)


def throttle_rows(app: Any) -> None:
    """Forget the failed logins of other tests."""
    with app.state.liangtian.record.write() as connection:
        connection.exec_driver_sql("DELETE FROM sys_logins")


def sign_in(client: TestClient, name: str, password: str = PASSWORD) -> Any:
    origin = {"Origin": str(client.base_url).rstrip("/")}
    return client.post("/auth/login", json={"name": name, "password": password}, headers=origin)


def token_of(client: TestClient, **asked: Any) -> str:
    made = client.post("/auth/tokens", json={"label": "t", **asked}, headers=HERE)
    assert made.status_code == 201, made.text
    return made.json()["token"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_unknown_names_take_as_long_as_known_ones() -> None:
    """What is compared is the work of this thread: argon2 as it comes, for both."""
    password_hash = passwords.hashed(PASSWORD)
    assert password_hash.startswith("$argon2id$v=19$m=65536,")
    assert not passwords.matches("warm", None)
    times: dict[str | None, list[float]] = {password_hash: [], None: []}
    for _ in range(5):
        for known, found in times.items():
            start = time.thread_time()
            assert not passwords.matches("wrong", known)
            found.append(time.thread_time() - start)
    known_, unknown = (min(found) for found in times.values())
    assert known_ > 0.005
    assert abs(known_ - unknown) < 0.3 * known_


# -- sessions ------------------------------------------------------------------


def test_a_session_from_sign_in_to_sign_out(client: TestClient) -> None:
    nobody = client.get("/auth/me").json()
    assert (nobody["name"], nobody["role"], nobody["by"]) == (None, None, None)
    assert client.get("/collections").status_code == 401
    answer = sign_in(client, "王工")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    cookie = answer.headers["set-cookie"].lower()
    for part in ("liangtian=", "httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert part in cookie
    assert "secure" not in cookie
    assert "domain" not in cookie
    me = client.get("/auth/me").json()
    assert (me["name"], me["role"], me["by"], me["counties"]) == (
        "王工", "field", "session", ["220882"],
    )  # fmt: skip
    assert client.get("/collections").status_code == 200
    kept = client.cookies["liangtian"]
    assert client.post("/auth/logout", headers=HERE).status_code == 204
    assert "liangtian" not in client.cookies
    client.cookies.set("liangtian", kept)
    assert client.get("/collections").status_code == 401  # ended, not only forgotten


def test_behind_https_the_cookie_is_for_this_host_alone(app: Any) -> None:
    client = TestClient(app, base_url="https://gis.example")
    cookie = sign_in(client, "王工").headers["set-cookie"]
    assert cookie.startswith("__Host-liangtian=")
    assert "; secure" in cookie.lower()
    session = client.cookies["__Host-liangtian"]
    assert client.get("/collections").status_code == 200
    # A cookie of the plain name may come from another host of the domain.
    client.cookies.clear()
    client.cookies.set("liangtian", session)
    assert client.get("/collections").status_code == 401


def test_a_session_is_no_token_and_a_token_no_session(app: Any, client: TestClient) -> None:
    sign_in(client, "王工")
    session = client.cookies["liangtian"]
    token = token_of(client)
    client.cookies.clear()
    assert client.get("/collections", headers=bearer(session)).status_code == 401
    client.cookies.set("liangtian", token)
    assert client.get("/collections").status_code == 401


def test_sessions_end_by_themselves(app: Any, client: TestClient) -> None:
    people = app.state.liangtian.people
    client.cookies.set("liangtian", people.begin_session("王工", 0.3 / 3600))
    assert client.get("/auth/me").json()["name"] == "王工"
    time.sleep(0.4)
    assert client.get("/auth/me").json()["name"] is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
        ({"Origin": "http://testserver:81"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Origin": "http://testserver"}, 201),
    ],
)
def test_other_sites_cannot_act_with_the_cookie(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    sign_in(client, "王工")
    answer = client.post("/auth/tokens", json={"label": "t"}, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "E_ORIGIN"
        assert client.post("/auth/logout", headers=headers).status_code == 403
        assert client.get("/auth/me").json()["name"] == "王工"


def test_other_sites_cannot_sign_a_browser_in(client: TestClient) -> None:
    body = {"name": "王工", "password": PASSWORD}
    answer = client.post("/auth/login", json=body, headers={"Origin": "http://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    # A form cannot send JSON; and what is no JSON is not read.
    answer = client.post("/auth/login", content=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415


def test_tokens_need_no_origin(client: TestClient) -> None:
    sign_in(client, "站长")
    token = token_of(client)
    client.cookies.clear()
    body = {"name": "李工", "role": "viewer"}
    assert client.post("/people", json=body, headers=bearer(token)).status_code == 201


# -- passwords -----------------------------------------------------------------


def test_a_new_password_ends_the_other_sessions(app: Any, client: TestClient) -> None:
    people = app.state.liangtian.people
    people.put("赵工", "viewer", PASSWORD, ADMIN)
    sign_in(client, "赵工")
    other = people.begin_session("赵工", 1)
    token = token_of(client)
    change = {"old": "wrong", "new": "a much longer one"}
    answer = client.post("/auth/password", json=change, headers=HERE)
    assert (answer.status_code, answer.json()["code"]) == (401, "E_PASSWORD")
    short = client.post("/auth/password", json={"old": PASSWORD, "new": "short"}, headers=HERE)
    assert short.status_code == 400
    change["old"] = PASSWORD
    assert client.post("/auth/password", json=change, headers=HERE).status_code == 204
    assert client.get("/auth/me").json()["name"] == "赵工"
    assert people.by_session(other) is None
    assert people.by_token(token) is not None
    client.cookies.clear()
    assert sign_in(client, "赵工").status_code == 401
    assert sign_in(client, "赵工", "a much longer one").status_code == 200


def test_wrong_names_and_wrong_passwords_are_told_alike(app: Any, client: TestClient) -> None:
    app.state.liangtian.people.put("离职", "viewer", PASSWORD, ADMIN)
    app.state.liangtian.people.change("离职", ADMIN, disabled=True)
    answers = [
        sign_in(client, "王工", "wrong"),
        sign_in(client, "没有这个人", "wrong"),
        sign_in(client, "离职", PASSWORD),
    ]
    assert {a.status_code for a in answers} == {401}
    assert len({a.content for a in answers}) == 1
    assert all("set-cookie" not in a.headers for a in answers)


@pytest.mark.faults
def test_guessing_is_slowed_down_for_names_whether_there_or_not(client: TestClient) -> None:
    for name in ("王工", "没有这个人"):
        statuses = [sign_in(client, name, f"guess {i}").status_code for i in range(8)]
        assert statuses == [401] * 5 + [429] * 3
    last = sign_in(client, "王工")  # the right one, but too early
    assert last.status_code == 429
    assert 50 <= int(last.headers["retry-after"]) <= 60
    assert sign_in(client, "站长").status_code == 200


def test_a_good_login_forgives(client: TestClient) -> None:
    for _ in range(3):
        assert [sign_in(client, "王工", "wrong").status_code for _ in range(4)] == [401] * 4
        assert sign_in(client, "王工").status_code == 200


def test_waits_double_up_to_a_quarter_of_an_hour(app: Any, monkeypatch: Any) -> None:
    import app.throttle as module

    throttle_rows(app)
    record = app.state.liangtian.record
    clock = [module.datetime(2026, 1, 1, tzinfo=module.UTC)]

    class Clock(module.datetime):  # type: ignore[misc, name-defined]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return clock[0]

    monkeypatch.setattr(module, "datetime", Clock)
    waits = []
    for _ in range(12):
        try:
            throttle.count(record, "x", "2001:db8::1")
        except Problem as problem:
            seconds = int(problem.headers["Retry-After"])
            waits.append(seconds)
            clock[0] += module.timedelta(seconds=seconds)
            throttle.count(record, "x", "2001:db8::2")
    assert waits == [60, 120, 240, 480, 900, 900, 900]
    clock[0] += module.timedelta(hours=2)
    for _ in range(5):
        throttle.count(record, "x", "::1")


def test_one_address_cannot_try_many_names(app: Any) -> None:
    throttle_rows(app)
    record = app.state.liangtian.record
    for i in range(throttle.OF_ADDRESS):
        throttle.count(record, f"name {i}", f"2001:db8::{i:x}")  # one /64 is one client
    with pytest.raises(Problem) as caught:
        throttle.count(record, "another", "2001:db8::ffff")
    assert caught.value.code == "E_RATE"
    throttle.count(record, "another", "2001:db8:1::1")


# -- tokens --------------------------------------------------------------------


def test_tokens_are_listed_and_revoked_by_their_owner_alone(client: TestClient) -> None:
    sign_in(client, "王工")
    token = token_of(client, role="viewer", days=7, layers=["plots"])
    mine = client.get("/auth/tokens").json()["tokens"]
    newest = mine[0]
    assert (newest["role"], newest["layers"], newest["counties"]) == ("viewer", ["plots"], None)
    assert newest["expires_at"] > newest["created_at"]
    assert token not in client.get("/auth/tokens").text
    sign_in(client, "站长")
    gone = client.delete(f"/auth/tokens/{newest['id']}", headers=HERE)
    assert gone.status_code == 404  # another's does not exist
    sign_in(client, "王工")
    assert client.delete(f"/auth/tokens/{newest['id']}", headers=HERE).status_code == 204
    assert client.delete(f"/auth/tokens/{newest['id']}", headers=HERE).status_code == 404
    client.cookies.clear()
    assert client.get("/collections", headers=bearer(token)).status_code == 401


def test_a_token_never_does_more_than_its_person(app: Any, client: TestClient) -> None:
    sign_in(client, "王工")
    for asked in ({"role": "manager"}, {"counties": ["220802"]}):
        refused = client.post("/auth/tokens", json={"label": "t", **asked}, headers=HERE)
        assert (refused.status_code, refused.json()["code"]) == (403, "E_FORBIDDEN")
    for asked in ({"role": "boss"}, {"layers": ["nothing"]}, {"layers": []}, {"days": -1}):
        refused = client.post("/auth/tokens", json={"label": "t", **asked}, headers=HERE)
        assert refused.status_code == 400
    token = token_of(client, counties=["220882"])
    people = app.state.liangtian.people
    assert people.by_token(token).counties == ("220882",)
    people.change("王工", ADMIN, counties=["220802"])
    assert people.by_token(token) is None  # nothing is left of what it was for, not all
    people.change("王工", ADMIN, counties=["220882"], role="viewer")
    assert people.by_token(token).role == "viewer"
    people.change("王工", ADMIN, role="field")


def test_a_token_makes_no_other(client: TestClient) -> None:
    sign_in(client, "站长")
    token = token_of(client)
    client.cookies.clear()
    refused = client.post("/auth/tokens", json={"label": "t"}, headers=bearer(token))
    assert (refused.status_code, refused.json()["code"]) == (409, "E_STATE")


def test_a_token_for_a_layer_knows_no_other(client: TestClient) -> None:
    sign_in(client, "站长")
    token = bearer(token_of(client, layers=["plots"]))
    client.cookies.clear()

    def status(path: str) -> int:
        return client.get(path, headers=token).status_code

    listed = client.get("/collections", headers=token).json()["collections"]
    assert [each["id"] for each in listed] == ["plots"]
    assert status("/collections/plots/items") == 200
    assert status("/totals?layer=plots") == 200
    for path in (
        "/collections/parcels", "/collections/parcels/items", "/collections/parcels/items/1",
        "/collections/parcels/schema", "/tiles/parcels/8/1/1.mvt", "/tiles/parcels.json",
        "/collections/parcels/tiles/WebMercatorQuad/8/1/1?f=mvt", "/totals?layer=parcels",
        "/totals?layer=plots&by=districts", "/totals?layer=plots&on=parcels",
        "/totals?layer=plots&within=districts:DA2", "/collections/parcels/items?f=gpkg",
    ):  # fmt: skip
        assert status(path) == 404, path
    for path in ("/audit", "/seals", "/people"):
        assert status(path) == 403, path


# -- administration ------------------------------------------------------------


def test_administrators_look_after_people(client: TestClient) -> None:
    sign_in(client, "站长")
    made = client.post("/people", json={"name": "新人", "role": "field"}, headers=HERE)
    assert made.status_code == 201
    first = made.json()["password"]
    assert len(first) >= 16
    again = client.post("/people", json={"name": "新人", "role": "field"}, headers=HERE)
    assert again.status_code == 409
    for bad in ({"name": "a/b"}, {"name": " "}, {"name": "x\n"}, {"role": "boss"}):
        refused = client.post("/people", json={"name": "y", "role": "field", **bad}, headers=HERE)
        assert refused.status_code == 400, bad
    names = [each["name"] for each in client.get("/people").json()["people"]]
    assert "新人" in names
    issued = client.post("/people/新人/tokens", json={"label": "手机"}, headers=HERE)
    assert issued.status_code == 201
    shown = client.get("/people/新人").json()
    assert [each["label"] for each in shown["tokens"]] == ["手机"]
    assert first not in client.get("/people/新人").text

    def change(**body: Any) -> Any:
        return client.patch("/people/新人", json=body, headers=HERE)

    assert change(counties=["220882"], role="manager").json()["counties"] == ["220882"]
    assert change(counties=[]).json()["counties"] is None
    second = change(new_password=True).json()["password"]
    assert second != first
    assert change(disabled=True).json()["disabled"] is True
    elsewhere = TestClient(client.app)
    assert sign_in(elsewhere, "新人", second).status_code == 401
    token = bearer(issued.json()["token"])
    assert elsewhere.get("/collections", headers=token).status_code == 401
    change(disabled=False)
    assert sign_in(elsewhere, "新人", second).status_code == 200
    assert elsewhere.get("/collections", headers=token).status_code == 200
    path = f"/people/新人/tokens/{issued.json()['id']}"
    assert client.delete(path, headers=HERE).status_code == 204
    elsewhere.cookies.clear()
    assert elsewhere.get("/collections", headers=token).status_code == 401
    assert client.get("/people/nobody").status_code == 404


def test_one_administrator_is_always_left(client: TestClient) -> None:
    sign_in(client, "站长")
    for body in ({"role": "manager"}, {"disabled": True}, {"counties": ["220882"]}):
        answer = client.patch("/people/站长", json=body, headers=HERE)
        assert (answer.status_code, answer.json()["code"]) == (409, "E_STATE")


def test_an_administrator_of_a_county_makes_no_people(app: Any, client: TestClient) -> None:
    app.state.liangtian.people.put("县管理", "admin", PASSWORD, ADMIN, ("220882",))
    sign_in(client, "县管理")
    answer = client.get("/people")
    assert (answer.status_code, answer.json()["code"]) == (403, "E_COUNTY")


def test_what_was_done_to_people_is_in_the_log_without_secrets(
    app: Any, client: TestClient, tmp_path: Path
) -> None:
    sign_in(client, "站长")
    token = token_of(client)
    record = app.state.liangtian.record
    actions = {event.action for event in record.events(limit=10_000)}
    assert {"person.put", "person.change", "token.issue", "session.begin"} <= actions
    copy = tmp_path / "copy.gpkg"
    record.copy_to(copy)
    content = copy.read_bytes()
    for secret in (token, PASSWORD, client.cookies["liangtian"]):
        assert secret.encode() not in content
