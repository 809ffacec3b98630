/**
 * Every visible word of the page by key, with parameters, plurals and a little markup: `messages/en.json` holds those of
 * the first visit, `messages/en-more.json` those of parts that are loaded later (see `more.ts`), and
 * `messages/en-scores.json` those of scorecards (see `parts/scores/words.ts`).
 */
import type more from "../messages/en-more.json";
import type scores from "../messages/en-scores.json";
import en from "../messages/en.json";

export type Key = keyof typeof en | keyof typeof more | keyof typeof scores;
export type Params = Record<string, string | number>;

/** A stretch of a message; `tag` names the markup around it (`<b>`, `<link>`), which the caller gives a meaning. */
export interface Piece {
  tag: string | null;
  text: string;
}

type Node = string | Argument;
interface Argument {
  name: string;
  cases: Record<string, Node[]> | null;
}

const asked = new URLSearchParams(location.search).get("locale");
export const pseudo = asked === "pseudo";
export const locale = "en";

const plural = new Intl.PluralRules(locale);
const number = new Intl.NumberFormat(locale);
const RIGHT_TO_LEFT = new Set(["ar", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"]);

const words: Record<string, string> = { ...en };

/** Take in the words of parts that are loaded later. */
export function learn(further: Record<string, string>): void {
  Object.assign(words, further);
}

function isKey(text: string): text is Key {
  return Object.hasOwn(words, text);
}

/** The message of `key`, filled in. Numbers are formatted; text is put in as it is. */
export function t(key: Key, params: Params = {}): string {
  return fill(parsed(key), params, null);
}

/** Like `t`, for messages with markup: the pieces in order. Markup inside parameters stays text. */
export function pieces(key: Key, params: Params = {}): Piece[] {
  const kept: string[] = [];
  const guarded = Object.fromEntries(
    Object.entries(params).map(([name, value]) => {
      if (typeof value === "number") return [name, value];
      kept.push(value);
      return [name, `\u0001${kept.length - 1}\u0002`];
    }),
  );
  const restore = (text: string) => text.replace(/\u0001(\d+)\u0002/g, (_, i: string) => kept[Number(i)] ?? "");
  const text = t(key, guarded);
  const out: Piece[] = [];
  let end = 0;
  for (const found of text.matchAll(/<(\w+)>(.*?)<\/\1>/gs)) {
    if (found.index > end) out.push({ tag: null, text: restore(text.slice(end, found.index)) });
    out.push({ tag: found[1] ?? null, text: restore(found[2] ?? "") });
    end = found.index + found[0].length;
  }
  if (end < text.length) out.push({ tag: null, text: restore(text.slice(end)) });
  return out;
}

/** The message of `key` if there is one: names that a newer server may have more of. */
export function worded(key: string, otherwise: string): string {
  return isKey(key) ? t(key) : otherwise;
}

/** A list in words: "a, b and c". */
export function listed(items: string[]): string {
  return new Intl.ListFormat(locale, { type: "conjunction" }).format(items);
}

/** Tell the document its language and direction. */
export function setDocumentLanguage(): void {
  document.documentElement.lang = pseudo ? "en-x-pseudo" : locale;
  document.documentElement.dir = RIGHT_TO_LEFT.has(locale) ? "rtl" : "ltr";
}

const cache = new Map<Key, Node[]>();

function parsed(key: Key): Node[] {
  let nodes = cache.get(key);
  if (!nodes) {
    nodes = parse(words[key] ?? key);
    if (pseudo) nodes = ["[", ...nodes.map(disguise), "]"];
    cache.set(key, nodes);
  }
  return nodes;
}

/** `{name}` and `{name, plural|select, case {…} other {…}}`, nested as deep as one likes. */
function parse(message: string): Node[] {
  let at = 0;
  const nodes = (): Node[] => {
    const out: Node[] = [];
    while (at < message.length && message[at] !== "}") {
      if (message[at] === "{") out.push(argument());
      else {
        const stop = message.slice(at).search(/[{}]/);
        const next = stop < 0 ? message.length : at + stop;
        out.push(message.slice(at, next));
        at = next;
      }
    }
    return out;
  };
  const argument = (): Argument => {
    const head = /^\{\s*(\w+)\s*(?:,\s*(?:plural|select)\s*,)?\s*/.exec(message.slice(at));
    if (!head) throw new Error(`message: cannot read an argument in ${message}`);
    at += head[0].length;
    const cases: Record<string, Node[]> = {};
    for (let found; (found = /^\s*(=?\w+)\s*\{/.exec(message.slice(at))); at += 1) {
      at += found[0].length;
      cases[found[1] ?? ""] = nodes();
    }
    at += message.slice(at).indexOf("}") + 1;
    return { name: head[1] ?? "", cases: "other" in cases ? cases : null };
  };
  return nodes();
}

function fill(nodes: Node[], params: Params, count: number | null): string {
  return nodes
    .map((node) => {
      if (typeof node === "string") return count === null ? node : node.replaceAll("#", number.format(count));
      const value = params[node.name] ?? "";
      if (!node.cases) return typeof value === "number" ? number.format(value) : value;
      const exact = node.cases[typeof value === "number" ? `=${value}` : value];
      const chosen = exact ?? (typeof value === "number" ? node.cases[plural.select(value)] : undefined);
      return fill(chosen ?? node.cases["other"] ?? [], params, typeof value === "number" ? value : count);
    })
    .join("");
}

const ACCENTS: Record<string, string> = { a: "á", e: "é", i: "í", o: "ó", u: "ú", y: "ý", A: "Á", E: "É", I: "Í", O: "Ó", U: "Ú", c: "ç", n: "ñ" };

/** The pseudo-locale: readable, longer, and unlike any text that does not come from here. */
function disguise(node: Node): Node {
  if (typeof node !== "string") {
    const cases = node.cases && Object.fromEntries(Object.entries(node.cases).map(([k, v]) => [k, v.map(disguise)]));
    return { name: node.name, cases };
  }
  return node.replace(/<\/?\w+>|[a-zA-Z]+/g, (word) =>
    word.startsWith("<") ? word : word.replace(/[aeiouyAEIOUcn]/g, (c) => ACCENTS[c] ?? c) + (word.length > 5 ? "~" : ""),
  );
}
