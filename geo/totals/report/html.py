"""The page as one HTML file that needs nothing else: it prints, and it can be sent."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from geo.totals.report.page import INK, Bar, Outline, Page, number, on

STYLE = """
:root{color-scheme:light}
body{margin:0 auto;max-width:60rem;padding:2rem 1.5rem;color:#23302a;background:#fff;
font:15px/1.5 "Noto Sans SC","Source Han Sans SC","Microsoft YaHei","PingFang SC",sans-serif}
h1{font-size:1.5rem;margin:0}
.sub{color:#5d6b64;margin:.2rem 0 1.2rem}
.big{font-size:2.2rem;font-weight:600;font-variant-numeric:tabular-nums}
.two{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1.5rem;align-items:start}
svg{width:100%;height:auto;display:block}
svg text{font-size:3px;text-anchor:middle}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{text-align:left;font-weight:600;border-bottom:1.5px solid #23302a;padding:.3rem .4rem}
td{border-bottom:1px solid #e2e5de;padding:.25rem .4rem}
th.n,td.n{text-align:right;white-space:nowrap}
tfoot td{font-weight:600;border-top:1.5px solid #23302a;border-bottom:0}
td.bar{width:38%}
td.bar svg{height:.8rem}
.key{display:flex;flex-wrap:wrap;gap:.2rem .9rem;font-size:.8rem;color:#5d6b64;margin-top:.4rem}
.key svg{width:.9rem;height:.9rem;display:inline-block;vertical-align:-.1rem;margin-right:.3rem}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1rem;font-size:.9rem;
margin:1.5rem 0 0;border-top:1px solid #e2e5de;padding-top:1rem}
dt{color:#5d6b64}dd{margin:0}
@media(max-width:640px){body{padding:1rem}.two,dl{grid-template-columns:minmax(0,1fr)}}
@media print{body{padding:0;max-width:none}}
"""
#: The policy of the answer that carries it: this style and nothing else.
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; style-src "
    f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)


def html(page: Page) -> bytes:
    """The report as UTF-8; every text from data is escaped."""
    group, count, value, removed = map(escape, page.headings)
    with_removed = any(bar.removed is not None for bar in (*page.bars, page.total))
    most = max((bar.value for bar in page.bars), default=0.0)
    lines = [_row(bar, most, with_removed) for bar in page.bars]
    total = page.total
    last = f"<th class=n>{removed}</th>" if with_removed else ""
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in page.facts)
    chosen = "zh-CN" if page.language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{chosen}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{STYLE}</style></head><body>"
        f'<h1>{escape(page.title)}</h1><p class="sub">{escape(page.subtitle)}</p>'
        f'<div class="two"><div><div class="big">{number(total.value)} {escape(page.unit)}</div>'
        f'<p class="sub">{count} {total.count:,}</p></div><div>{_map(page)}</div></div>'
        f"<table><thead><tr><th>{group}</th><th></th><th class=n>{count}</th>"
        f"<th class=n>{value}</th>{last}</tr></thead><tbody>{''.join(lines)}</tbody>"
        f"<tfoot>{_row(total, 0, with_removed)}</tfoot></table>"
        f"<dl>{facts}</dl></body></html>"
    ).encode()


def _row(bar: Bar, most: float, with_removed: bool) -> str:
    drawn = ""
    if most > 0 and bar.value > 0:
        width = 100 * bar.value / most
        drawn = (
            '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{width:.2f}" height="10" fill="#3f8f51"/></svg>'
        )
    last = ""
    if with_removed:
        last = f"<td class=n>{'' if bar.removed is None else number(bar.removed)}</td>"
    return (
        f'<tr><td>{escape(bar.title)}</td><td class="bar">{drawn}</td>'
        f"<td class=n>{bar.count:,}</td><td class=n>{number(bar.value)}</td>{last}</tr>"
    )


def _map(page: Page) -> str:
    if not page.outlines:
        return ""
    paths = "".join(map(_path, page.outlines))
    names = "".join(
        f'<text x="{100 * o.at[0]:.2f}" y="{100 * o.at[1]:.2f}" fill="{on(o.fill)}">'
        f"{escape(o.name)}</text>"
        for o in page.outlines
        if o.at and o.name
    )
    bar = ""
    if page.scale_bar:
        share, text = page.scale_bar
        end = 3 + 100 * share
        bar = (
            f'<path d="M3 97v2H{end:.2f}v-2" fill="none" stroke="{INK}" stroke-width=".4"/>'
            f'<text x="{(3 + end) / 2:.2f}" y="96.5" fill="{INK}">{escape(text)}</text>'
        )
    legend = "".join(
        f'<span><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" '
        f'fill="{fill}" stroke="#8a948c" stroke-width=".5"/></svg>{escape(text)}</span>'
        for fill, text in page.legend
    )
    return (
        f'<svg viewBox="0 0 100 100" role="img" aria-label="{escape(page.title)}">{paths}{names}'
        f'{bar}<path d="M94 12l2.5-8 2.5 8-2.5-2z" fill="{INK}"/></svg>'
        f'<div class="key">{legend}</div>'
    )


def _path(outline: Outline) -> str:
    steps = "".join(
        "M" + "L".join(f"{100 * x:.2f} {100 * y:.2f}" for x, y in ring[:-1]) + "z"
        for ring in outline.rings
    )
    return (
        f'<path d="{steps}" fill="{outline.fill}" fill-rule="evenodd" '
        'stroke="#8a948c" stroke-width=".3"/>'
    )
