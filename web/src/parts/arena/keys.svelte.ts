/** Single-key shortcuts: never while typing, never behind a dialog, and they can be switched off (WCAG 2.1.4). */
import { recall, remember } from "../../lib/stored";

class Keys {
  #on = $state(recall("keys") !== "off");

  get on(): boolean {
    return this.#on;
  }

  set on(value: boolean) {
    this.#on = value;
    remember("keys", value ? null : "off");
  }

  /** The key that was pressed as a shortcut, or null. */
  pressed(event: KeyboardEvent): string | null {
    if (!this.#on || event.defaultPrevented || event.isComposing || event.repeat) return null;
    if (event.ctrlKey || event.metaKey || event.altKey) return null;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("input, textarea, select, summary, [contenteditable], [role=listbox], dialog")) return null;
    if (document.querySelector("dialog[open]")) return null;
    return event.key;
  }
}

export const keys = new Keys();
