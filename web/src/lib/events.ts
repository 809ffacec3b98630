/** Server-sent events: numbered, resumed where they stopped, never applied twice. */
import type { Schemas } from "./api";

export type RoundEvent = Schemas["EventEnvelope"]["event"];

export interface Numbered<E> {
  id: number;
  event: E;
}

interface Listening<E> {
  /** Address to listen at, after event `last`. */
  url: (last: number) => string;
  /** Number of the last event already known. */
  last: number;
  /** Events are numbered for good: one that was seen is not taken again. */
  numbered: boolean;
  /** Names of events besides the unnamed one. */
  names?: string[];
  on: (numbered: Numbered<E>) => void;
  /** The connection came or went. */
  connected?: (is: boolean) => void;
}

const LONGEST_WAIT = 8000;

/** Listens until `close()`. A lost connection is taken up again after the last event seen, with growing pauses. */
export class Listener<E> {
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = 500;
  #last: number;

  constructor(private readonly how: Listening<E>) {
    this.#last = how.last;
    this.#open();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    const source = new EventSource(this.how.url(this.#last));
    this.#source = source;
    source.onopen = () => {
      this.#wait = 500;
      this.how.connected?.(true);
    };
    source.onerror = () => this.#again();
    const take = (message: MessageEvent<string>) => this.#take(message);
    source.onmessage = take;
    for (const name of this.how.names ?? []) source.addEventListener(name, take);
  }

  #take(message: MessageEvent<string>): void {
    const id = Number(message.lastEventId) || this.#last + 1;
    if (this.how.numbered && id <= this.#last) return;
    this.#last = id;
    this.how.on({ id, event: JSON.parse(message.data) as E });
  }

  /** The browser's own retry would ask from the first address again; ours continues after the last event. */
  #again(): void {
    this.#source?.close();
    this.#source = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.how.connected?.(false);
  }
}
