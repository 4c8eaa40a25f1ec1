"""The command line ``liangtian``: plain words, progress bars for anything long."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from app.commands import audit, people
from app.commands.opened import opened
from app.commands.options import DEFAULT_DATA, Data
from geo.errors import Rejected

app = typer.Typer(
    name="liangtian",
    help="良田:土地整治地理信息服务 / Liangtian: land remediation GIS",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(people.app, name="user")
app.add_typer(audit.app, name="audit")
console = Console(stderr=True)


def main() -> None:
    """Run the command; what the library refuses is told in words, without a traceback."""
    from geo.record.protocol import RecordError

    try:
        app()
    except (Rejected, RecordError) as error:
        zh, en = error.detail
        console.print(f"[bold red]{error.code}[/] {zh}\n  {en}", highlight=False)
        if error.where:
            console.print(f"  位置 where: {error.where}", highlight=False)
        if error.fix:
            console.print(f"  {error.fix[0]}\n  {error.fix[1]}", highlight=False)
        sys.exit(1)


def progress_bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="端口 / port")] = 8080,
    host: Annotated[str, typer.Option(help="地址 / address")] = "127.0.0.1",
    data: Data = Path("var/demo"),
    parcels: Annotated[int, typer.Option(min=100, help="农田地块数 / number of parcels")] = 20_000,
    workers: Annotated[int, typer.Option(min=1, max=32, help="进程数 / processes")] = 1,
    serve_it: Annotated[bool, typer.Option("--serve/--seed-only", help="只生成数据")] = True,
) -> None:
    """生成演示数据(仅一次)并启动服务 / Seed demonstration data once, then serve it."""
    from app.commands import seed

    seed.prepare(data, parcels, console, progress_bar)
    if serve_it:
        _serve(data, host, port, workers, public_read=True)


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="端口 / port")] = 8080,
    host: Annotated[str, typer.Option(help="地址 / address")] = "127.0.0.1",
    data: Data = DEFAULT_DATA,
    workers: Annotated[int, typer.Option(min=1, max=32, help="进程数 / processes")] = 1,
) -> None:
    """启动服务 / Serve a data folder."""
    _serve(data, host, port, workers, public_read=None)


def _serve(data: Path, host: str, port: int, workers: int, public_read: bool | None) -> None:
    import multiprocessing

    import uvicorn
    import uvicorn._subprocess

    # Workers are forked from one process that has the program loaded: they share its memory.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["app.served"])
    uvicorn._subprocess.spawn = context  # type: ignore[assignment]
    os.environ["LIANGTIAN_DATA"] = str(data)
    if public_read is not None:
        os.environ.setdefault("LIANGTIAN_PUBLIC_READ", str(public_read).lower())
    from app.commands.shared import share_metrics

    share_metrics()
    console.print(f"[green]http://{host}:{port}[/]  (Ctrl+C 停止 / to stop)")
    uvicorn.run(
        "app.served:create_app",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
        # A reader looks at a map for a while: 5 seconds would close the connection under a request.
        timeout_keep_alive=75,
        server_header=False,
    )


@app.command()
def worker(
    data: Data = DEFAULT_DATA,
    jobs: Annotated[int, typer.Option(min=1, max=32, help="同时执行的任务数 / jobs at once")] = 1,
) -> None:
    """在服务之外执行任务，可开多个 / Run jobs beside the service; there may be several."""
    from app.commands import work

    work.run(data, jobs, console)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="文件 / file")],
    layer: Annotated[str, typer.Option(help="图层 / layer")],
    data: Data = DEFAULT_DATA,
    encoding: Annotated[str | None, typer.Option(help="编码 / encoding")] = None,
    crs: Annotated[str | None, typer.Option(help="坐标系,如 EPSG:4529 / CRS")] = None,
    mode: Annotated[str | None, typer.Option(help="append | upsert | replace")] = None,
    decide: Annotated[
        list[str] | None, typer.Option(help="决定,如 crs=EPSG:4529 / a decision, name=value")
    ] = None,
    commit: Annotated[bool, typer.Option("--commit", help="保存 / store what was checked")] = False,
    reason: Annotated[str, typer.Option(help="原因 / why")] = "命令行导入",
    as_json: Annotated[bool, typer.Option("--json", help="报告用 JSON / report as JSON")] = False,
) -> None:
    """检查一个文件,加 --commit 则保存 / Check a file; with --commit store it as one revision."""
    from app.commands import load, told

    short = {"encoding": encoding, "crs": crs, "mode": mode}
    decisions = {k: v for k, v in short.items() if v} | load.decisions(decide or [])
    with progress_bar() as bar:
        task = bar.add_task("检查 checking", total=None)
        found, done = load.run(
            data, file, layer, decisions, reason, commit=commit,
            report=lambda stage, part: bar.update(
                task, description=stage, total=100, completed=100 * (part or 0)
            ),
        )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(done, ensure_ascii=False, indent=2))
    else:
        told.tell(done, found, Console())
    if done["state"] != "ready":
        raise typer.Exit(1)


@app.command()
def export(
    layer: Annotated[str, typer.Argument(help="图层 / layer")],
    output: Annotated[
        Path,
        typer.Argument(help=".geojson .csv .xlsx .gpkg .fgb .parquet .kml .zip(shp) .txt(界址点)"),
    ],
    data: Data = DEFAULT_DATA,
    filter_: Annotated[str | None, typer.Option("--filter", help="CQL2")] = None,
    as_of: Annotated[int | None, typer.Option(help="版本 / revision")] = None,
    language: Annotated[Literal["zh", "en"], typer.Option(help="标题语言 zh|en / titles")] = "zh",
    encoding: Annotated[
        Literal["gbk", "utf-8", "utf-8-sig"],
        typer.Option(help="shp、txt 编码: gbk, utf-8, utf-8-sig / encoding"),
    ] = "gbk",
    closing: Annotated[
        Literal["repeat", "next", "none"], typer.Option(help="txt 闭合点 / closing point")
    ] = "repeat",
    start: Annotated[
        Literal["as_is", "nw"], typer.Option(help="txt 起点 / first vertex")
    ] = "as_is",
    zone: Annotated[int | None, typer.Option(help="txt 带号 / zone")] = None,
    prefix: Annotated[bool, typer.Option(help="txt 坐标加带号 / zone in eastings")] = True,
    precision: Annotated[int, typer.Option(min=0, max=6, help="txt 小数位 / decimals")] = 3,
) -> None:
    """导出一个图层 / Write a layer as a file; its extension says the format."""
    from app.commands import dump

    with progress_bar() as bar:
        task = bar.add_task(f"导出 {layer}", total=None)
        count = dump.run(
            data, layer, output, filter_, as_of,
            report=lambda done, total: bar.update(task, completed=done, total=total),
            language=language, encoding=encoding, closing=closing, start=start, zone=zone,
            prefix=prefix, precision=precision,
        )  # fmt: skip
    console.print(f"{count:,} → {output}")


@app.command()
def totals(
    layer: Annotated[str, typer.Argument(help="图层 / layer")],
    by: Annotated[str, typer.Option(help="字段或面图层,逗号分开 / fields or polygon layers")] = "",
    on: Annotated[str, typer.Option(help="叠加的图层 / layers that must all cover the land")] = "",
    within: Annotated[str | None, typer.Option(help="范围,如 districts:DA2 / layer:key")] = None,
    definition: Annotated[str | None, typer.Option(help="口径 / a definition")] = None,
    sums: Annotated[str, typer.Option(help="相加的数值字段 / number fields to add up")] = "",
    data: Data = DEFAULT_DATA,
    filter_: Annotated[str | None, typer.Option("--filter", help="CQL2")] = None,
    as_of: Annotated[str | None, typer.Option(help="版本或时间 / revision or time")] = None,
    measure: Annotated[str | None, typer.Option(help="union | sum")] = None,
    unit: Annotated[str, typer.Option(help="mu | ha | m2 | km2")] = "mu",
    round_: Annotated[int | None, typer.Option("--round", help="上报小数位 / decimals")] = None,
    adjust: Annotated[str | None, typer.Option(help="控制面积 / control area")] = None,
    lang: Annotated[str, typer.Option(help="zh | en")] = "zh",
) -> None:
    """统计面积、长度和数量 / Print the totals of a layer."""
    from pydantic import ValidationError

    from app.asking import Ask
    from app.commands import totals as command

    given = {
        "layer": layer, "by": by, "on": on, "within": within, "definition": definition,
        "sums": sums, "filter": filter_, "as_of": as_of, "measure": measure, "unit": unit,
        "round": round_, "adjust": adjust,
    }  # fmt: skip
    try:
        ask = Ask.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise typer.BadParameter(f"{first['loc'][0]}: {first['msg']}") from None
    printed, notes = command.run(data, ask, lang)
    Console().print(printed)
    for note in notes:
        Console().print(note, highlight=False)


@app.command()
def soil(
    index: Annotated[str, typer.Option(help="公式编号 / formula id")] = "si_br",
    scene: Annotated[str | None, typer.Option(help="影像 / scene; 缺省列出 / none: list")] = None,
    before: Annotated[
        str | None, typer.Option(help="早一期影像，计算变化 / earlier scene: compute the change")
    ] = None,
    grading: Annotated[str | None, typer.Option(help="分级方案 / grading")] = None,
    layer: Annotated[str, typer.Option(help="统计单元 / zones")] = "plots",
    data: Data = DEFAULT_DATA,
) -> None:
    """按影像计算各盐渍化等级面积 / Areas of salinity grades from a scene."""
    from app.commands import soil_run

    with progress_bar() as bar:
        task = bar.add_task(f"{scene or ''} {index}", total=None)
        table = soil_run.run(
            data, scene, index, grading, layer, before,
            report=lambda stage, part: bar.update(
                task, description=stage, total=100, completed=100 * (part or 0)
            ),
        )  # fmt: skip
    Console().print(table)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="存放备份的目录 / folder for backups")],
    data: Data = DEFAULT_DATA,
) -> None:
    """备份(服务可运行),并立即试恢复和核对 / Back up while running; tried and verified at once."""
    from app import backup as backups

    with opened(data) as place, progress_bar() as bar:
        task = bar.add_task("备份 backup", total=None)
        made = backups.make(
            place.settings, place.catalog, place.record, target,
            report=lambda stage, done, total: bar.update(
                task, description=stage, completed=done, total=total
            ),
        )  # fmt: skip
    console.print(
        f"{made.path}\n{made.files:,} 文件 files, {made.size / 2**20:,.1f} MiB; "
        f"试恢复通过 restored and verified: {made.verified.rows:,} 行 rows, "
        f"版本 revision {made.verified.head.revision}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="备份 / backup")],
    data: Data = DEFAULT_DATA,
) -> None:
    """把备份恢复到空目录并核对 / Restore a backup into an empty folder and verify it."""
    from app import backup as backups
    from app.settings import Settings
    from geo.layers import Catalog

    catalog = Catalog.load(*Settings(data=data).definitions)
    with progress_bar() as bar:
        task = bar.add_task("恢复 restore", total=None)
        found = backups.restore(
            folder, data, catalog,
            report=lambda stage, done, total: bar.update(
                task, description=stage, completed=done, total=total
            ),
        )  # fmt: skip
    console.print(
        f"{data}: {found.rows:,} 行 rows, 版本 revision {found.head.revision}, "
        "完整无误 whole and unchanged",
        highlight=False,
    )


@app.command()
def migrate(
    to: Annotated[
        str | None, typer.Option(help="postgresql://… 或 .gpkg 文件 / or a file; 缺省只更新表结构")
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="来源; 缺省为当前数据 / source; none: the present")
    ] = None,
    switch: Annotated[
        bool, typer.Option("--switch", help="核对一致后改用目标 / then use the target")
    ] = False,
    data: Data = DEFAULT_DATA,
) -> None:
    """更新表结构，或把全部数据迁到另一处并核对 / Update the tables, or move all and verify."""
    from app.commands import move
    from app.settings import Settings

    settings = Settings(data=data)
    if to is None:
        console.print(move.up_to_date(from_, settings), highlight=False)
        return
    with progress_bar() as bar:
        tasks = {name: bar.add_task(name, total=None) for name in ("sys_log",)}

        def report(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=total)
            bar.update(tasks[name], completed=done, total=total)

        table, whole = move.move(settings, from_, to, report)
    Console().print(table)
    if not whole:
        raise typer.Exit(1)
    if switch:
        kept = move.switch(settings, to)
        console.print(f"现用 now at {to.partition('@')[2] or to}", highlight=False)
        if kept:
            console.print(f"原文件 the old file: {kept}", highlight=False)


@app.command()
def doctor(data: Data = DEFAULT_DATA) -> None:
    """检查运行环境与数据 / Check libraries, disk and data."""
    from app.commands import doctor as examination

    table, healthy = examination.check(data)
    Console().print(table)
    if not healthy:
        raise typer.Exit(1)


if __name__ == "__main__":
    main()
