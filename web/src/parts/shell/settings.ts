/** A contender's kind and settings in words. */
import { type Key, t } from "../../lib/messages";

const NAMED: Record<string, Key> = {
  temperature: "settings.temperature",
  top_p: "settings.top_p",
  top_k: "settings.top_k",
  min_p: "settings.min_p",
  repeat_penalty: "settings.repeat_penalty",
  max_tokens: "settings.max_tokens",
  seed: "settings.seed",
  stop: "settings.stop",
};

/** Name and value of every setting that is set; a setting of another version keeps its own name. */
export function settings(sampler: Record<string, unknown>): [string, string][] {
  return Object.entries(sampler)
    .filter(([, value]) => value !== null && value !== undefined && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => {
      const key = NAMED[name];
      return [key ? t(key) : name, Array.isArray(value) ? value.map((v) => JSON.stringify(v)).join(", ") : String(value)];
    });
}

/** `endpoint` and `weights` in words; a kind of another room keeps its name. */
export function kindName(kind: string): string {
  return kind === "weights" ? t("kind.weights") : kind === "endpoint" ? t("kind.endpoint") : kind;
}
