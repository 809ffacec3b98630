/** Estimates and shares as scorecards show them. */
import type { ContenderScore, Estimate, Share } from "../../lib/api";
import { percent, points, range } from "../../lib/format";
import { t } from "../../lib/messages";

/** As lists call it; people are one contender. */
export const nameOf = ({ kind, name }: Pick<ContenderScore, "kind" | "name">) => (kind === "person" ? t("score.people") : name);

/** For an interval mark. */
export const mark = ({ value, low, high }: Estimate) => ({ value, lower: low, upper: high });

/** `62–84%`. */
export const span = ({ low, high }: Estimate) => range(low, high, percent);

/** A difference: `+5 to +34`. */
export const pointSpan = ({ low, high }: Estimate) => range(low, high, points);

export const judged = ({ passed, failed }: Share) => passed + failed;
export const tried = ({ passed, failed, void: none }: Share) => passed + failed + none;

/** The share of trials that passed; null before the first verdict. */
export const rateOf = (share: Share) => (judged(share) ? share.passed / judged(share) : null);

export function together(shares: readonly Share[]): Share {
  const sum = { passed: 0, failed: 0, void: 0 };
  for (const one of shares) {
    sum.passed += one.passed;
    sum.failed += one.failed;
    sum.void += one.void;
  }
  return sum;
}

/** What the server says, with the signs of print; it may begin with a name. */
export const printed = (text: string) => text.replaceAll("+-", "±").replace(/(^|[\s(])-(?=\d)/g, "$1−");

/** The same as a sentence of its own. */
export function sentence(text: string): string {
  const said = printed(text);
  return said.charAt(0).toUpperCase() + said.slice(1) + (/[.!?]$/.test(said) ? "" : ".");
}

/** The longest k that the contender's curve reaches. */
export const last = ({ curve }: ContenderScore) => curve.at(-1) ?? null;
