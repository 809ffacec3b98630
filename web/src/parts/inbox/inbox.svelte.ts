/** The list of cases: one page after another, and whether newer ones came since. */
import { ApiError, type CaseLine, call } from "../../lib/api";

export const STATES = ["waiting", "reported", "all"] as const;
export type State = (typeof STATES)[number];

const PAGE = 30;

export class Cases {
  lines: CaseLine[] | null = $state.raw(null);
  more = $state(false);
  /** Cases of the field that nobody has marked. */
  waiting = $state(0);
  /** Newer ones came since the list was fetched. */
  newer = $state(false);
  error: ApiError | null = $state.raw(null);
  #newest = 0;
  #asked: { state: State; category: string | null } = { state: "waiting", category: null };

  /** Fetch the first page of `state` and `category`. */
  async load(state: State, category: string | null): Promise<void> {
    this.#asked = { state, category };
    await this.#fetch(null);
  }

  /** Fetch the next page. */
  async further(): Promise<void> {
    await this.#fetch(this.lines?.at(-1)?.id ?? null);
  }

  /** Look whether something newer came; the list stays as it is under the reader's eyes. */
  async look(): Promise<void> {
    try {
      const page = await call("get", "/api/v1/cases", { query: { ...this.#asked, limit: "1" } });
      this.waiting = page.waiting;
      const first = page.cases[0];
      this.newer = first !== undefined && !this.lines?.some((line) => line.id === first.id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** A case was marked or erased: its line says so, and stays where it is until the list is fetched again. */
  change(id: string, changes: Partial<CaseLine>): void {
    const before = this.lines?.find((line) => line.id === id);
    if (before?.state === "waiting" && changes.state && changes.state !== "waiting") this.waiting = Math.max(0, this.waiting - 1);
    this.lines = this.lines?.map((line) => (line.id === id ? { ...line, ...changes } : line)) ?? null;
  }

  /** The next case after `id` that waits; else the first one that does. */
  next(id: string): CaseLine | null {
    const lines = this.lines ?? [];
    const at = lines.findIndex((line) => line.id === id);
    const waits = (line: CaseLine) => line.state === "waiting" && line.id !== id;
    return lines.slice(at + 1).find(waits) ?? lines.find(waits) ?? null;
  }

  async #fetch(before: string | null): Promise<void> {
    const mine = ++this.#newest;
    try {
      const page = await call("get", "/api/v1/cases", { query: { ...this.#asked, before, limit: String(PAGE) } });
      if (mine !== this.#newest) return;
      this.lines = before ? [...(this.lines ?? []), ...page.cases] : page.cases;
      this.more = page.more;
      this.waiting = page.waiting;
      if (!before) this.newer = false;
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === this.#newest) this.error = error;
    }
  }
}
