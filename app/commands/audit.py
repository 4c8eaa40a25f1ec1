"""``liangtian audit``: whether the log and the tables still say what was committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.commands.options import DEFAULT_DATA, Data

app = typer.Typer(help="审计日志 / The log of changes", no_args_is_help=True)


@app.command("verify")
def verify(
    data: Data = DEFAULT_DATA,
    anchors: Annotated[
        Path | None, typer.Option(help="锚点目录,如另存的副本 / folder of anchors, e.g. a copy")
    ] = None,
    public: Annotated[
        Path | None, typer.Option(exists=True, help="另存的公钥 / public key kept elsewhere")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="并重算面积 / areas as well")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON")] = False,
) -> None:
    """重新计算整条日志链,与锚点和数据表比对 / Recompute chain, compare with anchors and tables."""
    from app.api.audit import told
    from app.commands.opened import opened
    from app.watch import Watch

    console = Console(stderr=True)
    with opened(data) as place, console.status("核对 verifying"):
        watch = Watch(place.record, anchors or place.settings.anchor_folder)
        found = watch.verify(deep=deep, public=public.read_bytes() if public else None)
    if as_json:
        typer.echo(json.dumps(told(found, "zh"), ensure_ascii=False, indent=2))
    else:
        out = Console(soft_wrap=True, highlight=False)
        speed = found.rows / max(found.seconds, 1e-9)
        out.print(
            f"{found.rows:,} 行 rows, {found.features:,} 要素 features, "
            f"{found.anchors:,} 锚点 anchors, {found.seconds:.1f} s ({speed:,.0f}/s)"
        )
        for problem in found.problems[:100]:
            zh, en = problem.message
            where = " ".join(
                f"{name}={getattr(problem, name)}"
                for name in ("seq", "layer", "fid")
                if getattr(problem, name) is not None
            )
            out.print(f"[red]✗[/] {problem.kind}: {zh} / {en} {where}")
        if found.ok:
            out.print("[green]✓[/] 完整无误 / whole and unchanged")
    if not found.ok:
        raise typer.Exit(1)


@app.command("anchor")
def anchor(data: Data = DEFAULT_DATA) -> None:
    """立即签名保存日志末端 / Sign the end of the log now."""
    from app.commands.opened import opened
    from app.watch import Watch

    with opened(data) as place:
        watch = Watch(place.record, place.settings.anchor_folder)
        made = watch.anchor()
    if made is None:
        said = watch.fault or watch.trouble or "日志为空 / the log is empty"
        Console(stderr=True).print(said)
        raise typer.Exit(1)
    typer.echo(json.dumps({"seq": made.seq, "h": made.h}))
