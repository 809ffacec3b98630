/** Trials of a scorecard: one page after another, as far as the reader has come. */
import { ApiError, type TrialLine, call } from "../../lib/api";

export const ORDERS = ["failing", "newest", "slowest", "costliest"] as const;
export const RESULTS = ["fail", "void", "pass"] as const;
export const ENDS = ["answered", "gave_up", "steps", "tokens", "seconds", "cost", "failed", "cancelled"] as const;
export const VOIDS = ["endpoint", "sandbox", "verifier", "script", "cancelled", "other"] as const;
export const FILTERS = ["contender", "task", "result", "q", "variant", "run", "void", "ended", "order"] as const;
export type Filter = Partial<Record<(typeof FILTERS)[number], string>>;

const PAGE = 200;

export class Trials {
  lines: TrialLine[] | null = $state.raw(null);
  total = $state(0);
  error: ApiError | null = $state.raw(null);
  busy = $state(false);
  #newest = 0;
  #more = false;
  #asked: { name: string; filter: Filter } = { name: "", filter: {} };
  #wanted = 0;

  /** Begin anew with this filter; what is shown stays until the first page is there. */
  async load(name: string, filter: Filter): Promise<void> {
    this.#asked = { name, filter };
    this.#wanted = 0;
    await this.#fetch(null, ++this.#newest);
  }

  /** See to it that the first `n` are there. */
  want(n: number): void {
    this.#wanted = Math.max(this.#wanted, Math.min(n, this.total));
    if (!this.busy) void this.#on();
  }

  async #on(): Promise<void> {
    const mine = this.#newest;
    while (mine === this.#newest && this.#more && !this.error && (this.lines?.length ?? 0) < this.#wanted) {
      await this.#fetch(this.lines?.at(-1)?.id ?? null, mine);
    }
  }

  async #fetch(after: string | null, mine: number): Promise<void> {
    this.busy = true;
    try {
      const { name, filter } = this.#asked;
      const page = await call("get", "/api/v1/scorecards/{name}/trials", { path: { name }, query: { ...filter, after, limit: String(PAGE) } });
      if (mine !== this.#newest) return;
      this.lines = after ? [...(this.lines ?? []), ...page.trials] : page.trials;
      this.total = page.total;
      this.#more = page.more;
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === this.#newest) this.error = error;
    } finally {
      if (mine === this.#newest) this.busy = false;
    }
  }
}
