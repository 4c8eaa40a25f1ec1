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

it("are all used somewhere", () => {
  const sources = import.meta.glob<string>(["../src/**/*.ts", "!../src/i18n/{zh,en}.ts"], {
    query: "?raw", import: "default", eager: true,
  });
  const code = Object.values(sources).join("\n");
  const composed = /^(tab|unit)\./; // built from a name in the code
  const unused = Object.keys(zh).filter((key) => !composed.test(key) && !code.includes(`"${key}"`));
  expect(unused).toEqual([]);
});
