/** What every screen shares: the field's status, followed live, and whether the server still answers. */
import { type FieldView, type Status, ApiError, call, token } from "./api";
import { Listener } from "./events";
import { session } from "./session.svelte";

const LONGEST_WAIT = 10_000;

class Live {
  status: Status | null = $state.raw(null);
  field: FieldView | null = $state.raw(null);
  /** No server answers. */
  gone = $state(false);
  /** Grows whenever counted votes or contenders changed. */
  version = $state(0);
  /** One sentence for screen readers; see StatusLine. */
  said = $state("");

  #events: Listener<unknown> | null = null;
  #wait = 1000;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Begin. The stream is given back while nobody looks: browsers allow few connections per server. */
  async start(): Promise<void> {
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#rest() : this.#listen()));
    await this.refresh();
    this.#listen();
  }

  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await token();
      if (!session.may("viewer")) {
        this.#rest();
        Object.assign(this, { status: null, field: null, gone: false });
        return;
      }
      const [status, field] = await Promise.all([call("get", "/api/v1/status"), call("get", "/api/v1/field")]);
      this.status = status;
      this.field = field;
      if (this.gone) this.version += 1;
      this.gone = false;
      this.#wait = 1000;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.gone = error.code === "gone";
      this.#timer = setTimeout(() => void this.refresh(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    }
  }

  /** Somebody signed in or out. */
  async restart(): Promise<void> {
    this.#rest();
    await this.refresh();
    this.version += 1;
    this.#listen();
  }

  say(sentence: string): void {
    this.said = "";
    setTimeout(() => (this.said = sentence), 50);
    setTimeout(() => (this.said === sentence ? (this.said = "") : undefined), 4000);
  }

  #listen(): void {
    if (this.#events || !session.may("viewer")) return;
    let lost = false;
    this.#events = new Listener({
      url: () => "/api/v1/status/events",
      last: 0,
      numbered: false,
      names: ["changed"],
      on: () => this.#changed(),
      connected: (is) => {
        if (lost === !is) return;
        lost = !is;
        if (is) this.#changed();
        else void this.refresh();
      },
    });
  }

  #rest(): void {
    this.#events?.close();
    this.#events = null;
  }

  #changed(): void {
    this.version += 1;
    void this.refresh();
  }
}

export const live = new Live();

/** The name of a category in this field. */
export function categoryName(id: string | null): string {
  return live.field?.categories.find((category) => category.id === id)?.name ?? id ?? "";
}
