/** A sheet with a map on one canvas, for the PNG. */
import type { Picture } from "../../map/board";
import { language, t } from "../../i18n";
import { length } from "../../ui/format";

export interface LegendGroup {
  title: string;
  entries: { color: string; title: string }[];
}

export interface Scale {
  /** Of the picture's `width`. */
  pixels: number;
  text: string;
}

export interface Sheet {
  title: string;
  picture: Picture;
  legend: LegendGroup[];
  lines: string[];
  scale: Scale;
}

const ROUND = [1, 2, 5] as const;

/** A round length about a fifth of the picture wide. */
export function scaleOf({ width, metresPerPixel }: Pick<Picture, "width" | "metresPerPixel">): Scale {
  const aim = (width / 5) * metresPerPixel;
  const power = 10 ** Math.floor(Math.log10(aim));
  const metres = (ROUND.filter((step) => step * power <= aim).at(-1) ?? 1) * power;
  const { value, unit } = length(metres, language());
  return { pixels: metres / metresPerPixel, text: `${value.replace(/[.]0+$/, "")} ${t(`unit.${unit}`)}` };
}

const PAD = 24;
const LEGEND = 232;
const LINE = 20;
const INK = "#22302a";
const SOFT = "#566259";

export function drawSheet({ title, picture, legend, lines, scale }: Sheet): HTMLCanvasElement {
  const { canvas: map, width, height } = picture;
  const density = Math.max(2, map.width / width);
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) return canvas;
  const family = getComputedStyle(document.body).fontFamily;
  const font = (size: number, weight = 400): string => `${weight} ${size}px ${family}`;
  context.font = font(12);
  const wide = PAD * 3 + width + LEGEND;
  const wrapped = lines.flatMap((line) => wrap(context, line, wide - PAD * 2));
  const rows = legend.reduce((sum, group) => sum + group.entries.length + 1.6, 0);
  const tall = PAD * 3 + 40 + Math.max(height, rows * LINE) + wrapped.length * 17;
  canvas.width = wide * density;
  canvas.height = tall * density;
  context.scale(density, density);
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, wide, tall);
  context.textBaseline = "middle";
  const write = (text: string, x: number, y: number, size: number, color: string, weight = 400): void => {
    context.font = font(size, weight);
    context.fillStyle = color;
    context.fillText(text, x, y);
  };
  write(title, PAD, PAD + 14, 22, INK, 600);
  const top = PAD + 44;
  context.drawImage(map, PAD, top, width, height);
  context.strokeStyle = SOFT;
  context.strokeRect(PAD, top, width, height);
  drawScale(context, scale, PAD + 14, top + height - 18, write);
  drawNorth(context, PAD + width - 30, top + 16, write);
  let y = top + 8;
  const x = PAD * 2 + width;
  for (const { title: name, entries } of legend) {
    write(cut(context, name, LEGEND, font(13, 600)), x, y, 13, INK, 600);
    y += LINE;
    for (const entry of entries) {
      context.fillStyle = entry.color;
      context.fillRect(x, y - 6, 18, 12);
      write(cut(context, entry.title, LEGEND - 26, font(12)), x + 26, y, 12, SOFT);
      y += LINE;
    }
    y += LINE * 0.6;
  }
  wrapped.forEach((line, index) => write(line, PAD, tall - PAD - (wrapped.length - index - 0.5) * 17, 12, SOFT));
  return canvas;
}

type Write = (text: string, x: number, y: number, size: number, color: string, weight?: number) => void;

function drawScale(context: CanvasRenderingContext2D, { pixels, text }: Scale, x: number, y: number, write: Write): void {
  context.fillStyle = "rgb(255 255 255 / 85%)";
  context.fillRect(x - 8, y - 22, pixels + 16, 34);
  context.fillStyle = INK;
  context.fillRect(x, y, pixels / 2, 4);
  context.strokeStyle = INK;
  context.strokeRect(x, y, pixels, 4);
  write(text, x, y - 10, 12, INK);
}

function drawNorth(context: CanvasRenderingContext2D, x: number, y: number, write: Write): void {
  context.fillStyle = "rgb(255 255 255 / 85%)";
  context.fillRect(x - 14, y - 10, 28, 58);
  context.fillStyle = INK;
  context.beginPath();
  context.moveTo(x, y - 4);
  context.lineTo(x + 8, y + 22);
  context.lineTo(x, y + 16);
  context.lineTo(x - 8, y + 22);
  context.closePath();
  context.fill();
  context.textAlign = "center";
  write(t("print.north"), x, y + 36, 12, INK, 600);
  context.textAlign = "start";
}

function cut(context: CanvasRenderingContext2D, text: string, room: number, font: string): string {
  context.font = font;
  let shown = text;
  while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

/** Lines that fit; Chinese may break anywhere, Latin words between them. */
function wrap(context: CanvasRenderingContext2D, text: string, room: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const piece of text.match(/[\w.,%()-]+\s*|./gu) ?? []) {
    if (line && context.measureText(line + piece).width > room) {
      lines.push(line);
      line = piece.trimStart();
    } else line += piece;
  }
  return line ? [...lines, line] : lines;
}
