/** The contender that is being written down. */
import type { ContenderSpec } from "../../lib/api";

export interface Draft {
  kind: "endpoint" | "weights";
  name: string;
  url: string;
  model: string;
  key_env: string;
  system: string;
  temperature: string;
  top_p: string;
  max_tokens: string;
  seed: string;
  input: string;
  output: string;
  spend_cap: string;
  requests_per_minute: string;
  timeout: string;
}

export const NOTHING: Draft = {
  kind: "endpoint", name: "", url: "", model: "", key_env: "", system: "", temperature: "", top_p: "", max_tokens: "", seed: "", input: "", output: "", spend_cap: "", requests_per_minute: "", timeout: "",
};

export const draft: Draft = $state({ ...NOTHING });

const number = (text: string) => (text.trim() === "" ? null : Number(text));

/** What the server is sent; empty fields stay unset. */
export function spec(of: Draft): ContenderSpec {
  const endpoint = of.kind === "endpoint";
  const input = number(of.input);
  const output = number(of.output);
  return {
    name: of.name.trim(),
    kind: of.kind,
    model: of.model.trim() || null,
    url: endpoint ? of.url.trim() || null : null,
    key_env: endpoint ? of.key_env.trim() || null : null,
    system: of.system.trim() ? of.system : null,
    sampler: { temperature: number(of.temperature), top_p: number(of.top_p), max_tokens: number(of.max_tokens), seed: number(of.seed) },
    price: input === null && output === null ? null : { input: input ?? 0, output: output ?? 0 },
    spend_cap: number(of.spend_cap),
    requests_per_minute: endpoint ? number(of.requests_per_minute) : null,
    ...(of.timeout.trim() ? { timeout: Number(of.timeout) } : {}),
  } as ContenderSpec;
}
