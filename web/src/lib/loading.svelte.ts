/** Something fetched: nothing yet, the value, or the reason why not. A newer request wins over an older one. */
import { ApiError } from "./api";

export class Loading<T> {
  value: T | null = $state.raw(null);
  error: ApiError | null = $state.raw(null);
  busy = $state(false);
  #newest = 0;

  /** Fetch (again); what is shown stays until the answer is there. */
  async load(fetching: () => Promise<T>): Promise<void> {
    const mine = ++this.#newest;
    this.busy = true;
    try {
      const value = await fetching();
      if (mine !== this.#newest) return;
      this.value = value;
      this.error = null;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (mine === this.#newest) this.error = error;
    } finally {
      if (mine === this.#newest) this.busy = false;
    }
  }
}
