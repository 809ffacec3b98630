/** What this browser keeps: drafts and preferences. With storage off, the page works and forgets. */
export type Slot = "theme" | "draft" | "keys";

export function remember(slot: Slot, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`fieldmark.${slot}`);
    else localStorage.setItem(`fieldmark.${slot}`, value);
  } catch {
    return;
  }
}

export function recall(slot: Slot): string | null {
  try {
    return localStorage.getItem(`fieldmark.${slot}`);
  } catch {
    return null;
  }
}
