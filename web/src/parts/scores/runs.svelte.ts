/** Runs under way, asked for until they are over. */
import { ApiError, type RunView, call } from "../../lib/api";

const POLL = 1000;

export class Following {
  run: RunView | null = $state.raw(null);
  error: ApiError | null = $state.raw(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #id: string | null = null;

  /** `moved` is called whenever trials were finished since, and when it is over. */
  constructor(private readonly moved: (run: RunView) => void = () => {}) {}

  /** Follow this run from now on; null: none. */
  follow(id: string | null): void {
    if (id === this.#id) return;
    this.#id = id;
    clearTimeout(this.#timer);
    if (!id) return;
    void this.#ask();
  }

  /** Tell the server to stop it, or to go on with it. */
  async tell(id: string, act: "cancel" | "continue"): Promise<void> {
    this.error = null;
    try {
      const path = { run: id };
      const run = act === "cancel" ? await call("post", "/api/v1/runs/{run}/cancel", { path }) : await call("post", "/api/v1/runs/{run}/continue", { path });
      this.run = run;
      this.moved(run);
      this.#id = null;
      this.follow(id);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    }
  }

  close(): void {
    this.#id = null;
    clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const id = this.#id;
    if (!id) return;
    try {
      const run = await call("get", "/api/v1/runs/{run}", { path: { run: id } });
      if (id !== this.#id) return;
      const before = this.run;
      this.run = run;
      this.error = null;
      if (before?.id === run.id && (before.done !== run.done || before.void !== run.void || before.state !== run.state)) this.moved(run);
      if (run.state !== "running") return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (id !== this.#id) return;
      if (error.code !== "gone") this.error = error;
    }
    this.#timer = setTimeout(() => void this.#ask(), document.hidden ? 5 * POLL : POLL);
  }
}
