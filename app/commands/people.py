"""``liangtian user``: people and tokens."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from app.commands.options import DEFAULT_DATA, Data

if TYPE_CHECKING:
    from app.people import People

app = typer.Typer(help="用户与令牌 / People and tokens", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="用户名 / name")]
Roles = "viewer|field|agronomist|manager|admin"


@contextmanager
def _people(data: Path) -> Iterator[People]:
    from app.commands.opened import opened
    from app.people import People

    with opened(data) as place:
        yield People(place.record)


def _author(command: str) -> Any:
    from geo.record.protocol import Author

    return Author("命令行", f"liangtian user {command}")


@app.command("add")
def add(
    name: Name,
    role: Annotated[str, typer.Option(help=Roles)] = "viewer",
    county: Annotated[list[str] | None, typer.Option(help="限定的县区代码 / county codes")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """新建或修改用户,打印密码和令牌(只显示一次) / Add a person; prints password and token once."""
    with _people(data) as people:
        password = secrets.token_urlsafe(12)
        people.put(name, role, password, _author("add"), tuple(county or ()))
        token = people.issue_token(name, _author("add"), label="命令行")
    made = {"user": name, "password": password, "token": token}
    typer.echo(json.dumps(made, ensure_ascii=False, indent=2))


@app.command("change")
def change(
    name: Name,
    role: Annotated[str | None, typer.Option(help=Roles)] = None,
    county: Annotated[
        list[str] | None,
        typer.Option(help="限定的县区代码,all 为全部 / county codes; all: no limit"),
    ] = None,
    password: Annotated[bool, typer.Option("--password", help="新密码 / a new password")] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """修改角色、县区或密码 / Change role, counties or password."""
    made = secrets.token_urlsafe(12) if password else None
    counties = None if not county else [code for code in county if code != "all"]
    with _people(data) as people:
        people.change(name, _author("change"), role=role, counties=counties, password=made)
        found = people.find(name)
    told = {"user": name, "role": found.role, "counties": list(found.counties) or "all"}
    typer.echo(json.dumps({**told, **({"password": made} if made else {})}, ensure_ascii=False))


@app.command("disable")
def disable(name: Name, data: Data = DEFAULT_DATA) -> None:
    """停用用户 / Lock a person out."""
    with _people(data) as people:
        people.change(name, _author("disable"), disabled=True)


@app.command("enable")
def enable(name: Name, data: Data = DEFAULT_DATA) -> None:
    """恢复停用的用户 / Let a person in again."""
    with _people(data) as people:
        people.change(name, _author("enable"), disabled=False)


@app.command("list")
def listed(data: Data = DEFAULT_DATA) -> None:
    """列出用户 / List people."""
    table = Table("用户 name", "角色 role", "县区 counties", "状态 state")
    with _people(data) as people:
        for each in people.listed():
            state = "停用 disabled" if each.disabled else "启用 active"
            table.add_row(each.name, each.role, ", ".join(each.counties) or "全部 all", state)
    Console().print(table)


@app.command("token")
def token(
    name: Name,
    role: Annotated[str | None, typer.Option(help="至多的角色 / at most this role")] = None,
    days: Annotated[int | None, typer.Option(min=1, help="有效天数 / days")] = None,
    layer: Annotated[
        list[str] | None, typer.Option(help="只限这些图层 / these layers only")
    ] = None,
    county: Annotated[
        list[str] | None, typer.Option(help="只限这些县区 / these counties only")
    ] = None,
    label: Annotated[str, typer.Option(help="用途 / what it is for")] = "命令行",
    data: Data = DEFAULT_DATA,
) -> None:
    """签发令牌(只显示一次) / Issue a token; shown once."""
    with _people(data) as people:
        text = people.issue_token(
            name, _author("token"), label=label, role=role, days=days,
            layers=layer or None, counties=tuple(county or ()),
        )  # fmt: skip
    typer.echo(text)


@app.command("tokens")
def tokens(name: Name, data: Data = DEFAULT_DATA) -> None:
    """列出用户的令牌 / List a person's tokens."""
    table = Table("编号 id", "用途 label", "角色 role", "图层 layers", "县区 counties",
                  "到期 expires")  # fmt: skip
    with _people(data) as people:
        for each in people.tokens(name):
            layers = "全部 all" if each.layers is None else ", ".join(each.layers)
            table.add_row(str(each.id), each.label, each.role, layers,
                          ", ".join(each.counties) or "-", each.expires_at or "-")  # fmt: skip
    Console().print(table)


@app.command("revoke")
def revoke(
    name: Name,
    token_id: Annotated[int, typer.Argument(help="编号 / id")],
    data: Data = DEFAULT_DATA,
) -> None:
    """撤销令牌 / Revoke a token."""
    with _people(data) as people:
        people.revoke(name, token_id, _author("revoke"))
