import ts from "typescript";
import { describe, expect, it } from "vitest";
import { fillIn } from "../src/i18n";
import { en } from "../src/i18n/en";
import { zh } from "../src/i18n/zh";

const names = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "").sort();

describe("texts", () => {
  it("exist in both languages with the same values in them", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const key of Object.keys(zh) as (keyof typeof zh)[]) {
      expect(names(en[key]), key).toEqual(names(zh[key]));
      expect(en[key].trim(), key).not.toBe("");
    }
  });

  it("take their values", () => {
    expect(fillIn("{count} 个地块,{other}", { count: 3 })).toBe("3 个地块,{other}");
  });
});

const sources = import.meta.glob<string>(["../src/**/*.ts", "!../src/i18n/{zh,en}/**", "!../src/**/*.d.ts"], {
  query: "?raw", import: "default", eager: true,
});

it("are all used somewhere", () => {
  const code = Object.values(sources).join("\n");
  // Keys made of a name in the code: `unit.${name}`.
  const composed = [...code.matchAll(/`([a-z]\w*\.(?:[\w.]*\.)?)\$\{/g)].map(([, prefix]) => prefix ?? "");
  const used = (key: string): boolean =>
    code.includes(`"${key}"`) || composed.some((prefix) => key.startsWith(prefix));
  expect(Object.keys(zh).filter((key) => !used(key))).toEqual([]);
});

/** Which arguments of the builders a reader sees. */
const SHOWN: Record<string, [from: number, to: number]> = {
  h: [2, 99], fill: [1, 99], append: [1, 99], button: [0, 1], message: [0, 2], field: [0, 1], select: [0, 1], card: [0, 1], chip: [0, 1],
};

/** Words in the code that a reader would see: Chinese anywhere, English as a child or a name of an element. */
function strays(path: string, code: string): string[] {
  const found: string[] = [];
  const words = (node: ts.Node): string =>
    ts.isStringLiteralLike(node) ? node.text
    : ts.isTemplateExpression(node) ? [node.head, ...node.templateSpans.map((s) => s.literal)].map((p) => p.text).join("")
    : "";
  const shown = /^(title|aria-label|placeholder|alt|aria-description)$/;
  const visit = (node: ts.Node): void => {
    const text = words(node);
    if (/[\u3400-\u9fff]/.test(text)) found.push(`${path}: ${text}`);
    if (ts.isCallExpression(node)) {
      const [from, to] = SHOWN[node.expression.getText()] ?? [0, 0];
      for (const child of node.arguments.slice(from, to)) if (/[A-Za-z]{2}/.test(words(child))) found.push(`${path}: ${words(child)}`);
    }
    if (ts.isPropertyAssignment(node) && shown.test(node.name.getText().replace(/"/g, "")) && /[A-Za-z]{2}/.test(words(node.initializer))) {
      found.push(`${path}: ${node.name.getText()} ${words(node.initializer)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, code, ts.ScriptTarget.ES2022, true));
  return found;
}

describe("no text stands in the code", () => {
  it("not in any module", { timeout: 60_000 }, () => {
    expect(Object.keys(sources).length).toBeGreaterThan(30);
    expect(Object.entries(sources).flatMap(([path, code]) => strays(path, code))).toEqual([]);
  });

  it.each([
    ['h("p", {}, "Loading")', 1],
    ['h("p", {}, `Found ${n}`)', 1],
    ['button("Save", run)', 1],
    ['h("a", { title: "Open" })', 1],
    ['const x = "亩";', 1],
    ['h("p", { class: "note" }, t("state.loading"))', 0],
    ['h("p", {}, `${n} · ${m}`)', 0],
  ])("and one would be found: %s", (code, count) => {
    expect(strays("x.ts", code)).toHaveLength(count);
  });
});
