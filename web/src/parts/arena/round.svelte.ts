/** One round as the page knows it: the server's view, then its events, one change of the page per frame. */
import { ApiError, address, call, type Choice, type RoundView, type Side, SIDES } from "../../lib/api";
import { Listener, type Numbered, type RoundEvent } from "../../lib/events";

type Remark = { tags: Record<Side, string[]>; rubric: Record<string, Record<Side, number>>; comment: string };

const HIDDEN_FRAME = 250;
const LONGEST_WAIT = 8000;

export class Round {
  view: RoundView = $state()!;
  /** An action that did not go through. What was typed stays where it is. */
  error: ApiError | null = $state.raw(null);
  /** An action is on its way. */
  busy = $state(false);
  /** The stream is interrupted and is being taken up again. */
  lost = $state(false);
  /** When the vote can no longer be undone, by `performance.now()`. */
  undoUntil = $state(0);

  /** Sides that the vote stopped, as far as this page saw it: the server's view only says that a side did. */
  stopped: Side[] = $state.raw([]);

  #applied = 0;
  #queue: Numbered<RoundEvent>[] = [];
  #frame = false;
  #listener: Listener<RoundEvent> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = 500;
  #closed = false;

  constructor(view: RoundView) {
    this.#adopt(view);
  }

  get writing(): boolean {
    return this.view.state === "open" && this.view.turns.some((turn) => SIDES.some((s) => turn[s].state === "waiting" || turn[s].state === "writing"));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#hush();
  }

  vote = (choice: Choice) =>
    this.#act(() => {
      const turn = this.view.turns.at(-1);
      this.stopped = SIDES.filter((side) => turn?.[side].state === "waiting" || turn?.[side].state === "writing");
      return call("post", "/api/v1/battles/{battle}/vote", { path: this.#path, body: { choice } });
    });
  undo = () => this.#act(() => call("delete", "/api/v1/battles/{battle}/vote", { path: this.#path }));
  retry = (side: Side) => this.#act(() => call("post", "/api/v1/battles/{battle}/retry", { path: this.#path, body: { side } }));
  follow = (prompt: string) => this.#act(() => call("post", "/api/v1/battles/{battle}/turns", { path: this.#path, body: { prompt } }));
  abandon = () => this.#act(() => call("post", "/api/v1/battles/{battle}/abandon", { path: this.#path }));

  /** Reasons, if any, and then the names. */
  reveal = (remark: Remark | null) =>
    this.#act(async () => {
      if (remark) await call("post", "/api/v1/battles/{battle}/remark", { path: this.#path, body: remark });
      return call("post", "/api/v1/battles/{battle}/reveal", { path: this.#path });
    });

  get #path() {
    return { battle: this.view.id };
  }

  async #act(action: () => Promise<RoundView>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    try {
      this.#adopt(await action());
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
      if (error.status === 409) await this.#reload();
      return false;
    } finally {
      this.busy = false;
      this.#flush();
    }
  }

  /** Take the server's view, unless events already went past it: then ask for a newer one. */
  #adopt(view: RoundView): void {
    if (this.view && view.last_event < this.#applied && view.state === "open") {
      void this.#reload();
      return;
    }
    this.view = view;
    this.#applied = view.last_event;
    this.#queue = this.#queue.filter(({ id }) => id > view.last_event);
    this.undoUntil = view.undo_ms ? performance.now() + view.undo_ms : 0;
    if (view.state === "open") this.#listen();
    else this.#hush();
  }

  async #reload(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      const view = await call("get", "/api/v1/battles/{battle}", { path: this.#path });
      if (this.#closed) return;
      this.#hush();
      this.#queue = [];
      this.#applied = 0;
      this.#wait = 500;
      this.lost = false;
      if (this.error?.code === "gone") this.error = null;
      this.#adopt(view);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#closed) return;
      if (error.code !== "gone") {
        // The server no longer knows this round as ours: nothing can be done with it but begin another.
        this.error = error;
        if (error.status === 404 || error.status === 403) this.view.state = "abandoned";
        return;
      }
      this.lost = true;
      this.#timer = setTimeout(() => void this.#reload(), this.#wait);
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    }
  }

  #listen(): void {
    if (this.#listener || this.#closed) return;
    this.#listener = new Listener<RoundEvent>({
      url: (last) => address("/api/v1/battles/{battle}/events", this.#path, { after: String(last) }),
      last: this.#applied,
      numbered: true,
      names: ["started", "delta", "finished", "failed", "hanging", "leaked", "ready", "closed"],
      on: (numbered) => this.#take(numbered),
      // A server that was restarted may number its events anew, so the view is asked for before the stream goes on.
      connected: (is) => {
        if (is) return;
        this.#hush();
        this.lost = true;
        this.#timer = setTimeout(() => void this.#reload(), this.#wait);
      },
    });
  }

  #hush(): void {
    this.#listener?.close();
    this.#listener = null;
  }

  #take(numbered: Numbered<RoundEvent>): void {
    this.#queue.push(numbered);
    if (this.#frame) return;
    this.#frame = true;
    // Frames stand still in a hidden page; the text must not wait for that.
    if (document.hidden) setTimeout(() => this.#flush(), HIDDEN_FRAME);
    else requestAnimationFrame(() => this.#flush());
  }

  #flush(): void {
    this.#frame = false;
    // The answer to an action brings its own view; events wait for it.
    if (this.busy) return;
    const texts = new Map<string, { turn: number; side: Side; text: string }>();
    const write = () => {
      for (const { turn, side, text } of texts.values()) this.#append(turn, side, text);
      texts.clear();
    };
    for (const { id, event } of this.#queue.splice(0)) {
      if (id <= this.#applied) continue;
      this.#applied = id;
      if (event.type === "delta") {
        const key = `${event.turn}${event.side}`;
        const seen = texts.get(key);
        if (seen) seen.text += event.text;
        else texts.set(key, { turn: event.turn, side: event.side, text: event.text });
      } else {
        write();
        this.#change(event);
      }
    }
    write();
  }

  #append(turn: number, side: Side, text: string): void {
    const answer = this.view.turns[turn - 1]?.[side];
    if (!answer) return;
    answer.text += text;
    answer.state = "writing";
    answer.hanging = false;
  }

  #change(event: Exclude<RoundEvent, { type: "delta" }>): void {
    if (event.type === "closed") {
      void this.#reload();
      return;
    }
    if (event.type === "ready") {
      this.view.writing = false;
      return;
    }
    const answer = this.view.turns[event.turn - 1]?.[event.side];
    if (!answer) {
      // A turn that was begun in another tab of the same voter.
      void this.#reload();
      return;
    }
    if (event.type === "started") {
      if (event.attempt > answer.attempt) Object.assign(answer, { text: "", leak: false });
      Object.assign(answer, { state: answer.text ? "writing" : "waiting", failure: null, hanging: false, attempt: event.attempt });
      this.view.writing = true;
    } else if (event.type === "finished") answer.state = "finished";
    else if (event.type === "failed") Object.assign(answer, { state: "failed", failure: event.failure, hanging: false });
    else if (event.type === "hanging") answer.hanging = true;
    else answer.leak = true;
  }
}
