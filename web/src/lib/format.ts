/** Numbers, times and digests as people read them. Every figure of the page passes through here. */
import { locale, t } from "./messages";

const typographic = (text: string) => text.replaceAll("-", "−");
const cached = new Map<string, Intl.NumberFormat>();

function format(value: number, options: Intl.NumberFormatOptions): string {
  const key = JSON.stringify(options);
  let found = cached.get(key);
  if (!found) cached.set(key, (found = new Intl.NumberFormat(locale, options)));
  return typographic(found.format(value));
}

export const integer = (value: number) => format(value, { maximumFractionDigits: 0 });

/** A rating on the Elo scale, to whole points, without thousands separators as ratings are written. */
export const rating = (value: number) => format(value, { maximumFractionDigits: 0, useGrouping: false });

/** A difference, with its sign. */
export const signed = (value: number) => format(value, { maximumFractionDigits: 0, signDisplay: "exceptZero" });

/** A share: whole per cent, one digit below ten. */
export function percent(share: number): string {
  const digits = Math.abs(share) > 0 && Math.abs(share) < 0.0995 ? 1 : 0;
  return format(share, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** A difference of shares in points, with its sign. */
export const points = (share: number) => format(share * 100, { maximumFractionDigits: 0, signDisplay: "exceptZero" });

/** Two bounds, such as `1034–1090` or `0.8–1.9%`, in the way `show` writes one; in words where signs would meet. */
export function range(lower: number, upper: number, show: (value: number) => string = rating): string {
  const from = show(lower);
  const to = show(upper);
  if (/[−+]/.test(from + to)) return t("number.from_to", { from, to });
  return `${from.endsWith("%") && to.endsWith("%") ? from.slice(0, -1) : from}–${to}`;
}

/** Ranks that may be held: `1–2`, or `3`. */
export function ranks(best: number | null, worst: number | null): string {
  if (best === null || worst === null) return t("number.none");
  return best === worst ? integer(best) : `${integer(best)}–${integer(worst)}`;
}

export function duration(ms: number): string {
  if (ms < 1000) return t("number.milliseconds", { n: integer(ms) });
  if (ms < 60_000) return t("number.seconds", { n: format(ms / 1000, { maximumFractionDigits: 1 }) });
  return t("number.minutes", { n: format(ms / 60_000, { maximumFractionDigits: 1 }) });
}

/** An amount in the currency that the contender's price is written in; the ledger does not know which one. */
export const money = (value: number) => format(value, { maximumSignificantDigits: 2 });

/** A probability, where only its size matters: `0.0012`, or `below 0.0001`. */
export const small = (p: number) => (p < 0.0001 ? t("number.below", { n: format(0.0001, { maximumFractionDigits: 4 }) }) : format(p, { maximumSignificantDigits: 2 }));

/** A number between 0 and 1, to two digits. */
export const decimal2 = (value: number) => format(value, { maximumFractionDigits: 2 });

export const decimal = (value: number) => format(value, { maximumFractionDigits: 1 });

export function bytes(n: number): string {
  if (n >= 1e9) return t("number.gigabytes", { n: format(n / 1e9, { maximumFractionDigits: 1 }) });
  if (n >= 1e5) return t("number.megabytes", { n: format(n / 1e6, { maximumFractionDigits: n < 1e7 ? 1 : 0 }) });
  return n < 1000 ? t("number.bytes", { n }) : t("number.kilobytes", { n: format(n / 1e3, { maximumFractionDigits: 1 }) });
}

/** Beginning and end of a digest; the whole stands in the title beside it. */
export const digest = (hex: string) => (hex.length > 14 ? `${hex.slice(0, 4)}…${hex.slice(-4)}` : hex);

/** `2310:4f1c…a90e` of a ledger head. */
export function head(full: string): string {
  const [size, hash] = full.split(":");
  return hash ? `${size}:${digest(hash)}` : digest(full);
}

export const recordsOf = (full: string) => Number(full.split(":")[0]) || 0;

const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium" });
const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "long" });
export const date = (iso: string) => day.format(new Date(iso));
export const time = (iso: string) => moment.format(new Date(iso));

const hour = new Intl.DateTimeFormat(locale, { timeStyle: "short" });
const day_and_hour = new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A moment as lists show it: today's by the hour. */
export function when(iso: string): string {
  const at = new Date(iso);
  return at.toDateString() === new Date().toDateString() ? hour.format(at) : day_and_hour.format(at);
}
