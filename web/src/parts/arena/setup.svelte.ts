/** How the next round is to be asked; kept from one round to the next. */
import { recall, remember } from "../../lib/stored";

class Setup {
  prompt: string = $state(recall("draft") ?? "");
  category = $state("");
  chosen = $state(false);
  first = $state("");
  second = $state("");
  /** A prompt of the field stays its own as long as it is not changed. */
  taken: string | null = $state(null);

  get own(): boolean {
    return this.taken === null || this.prompt.trim() !== this.taken.trim();
  }

  keep(): void {
    remember("draft", this.prompt.trim() && this.own ? this.prompt : null);
  }

  take(prompt: { text: string; category?: string | null }): void {
    this.prompt = this.taken = prompt.text;
    if (prompt.category) this.category = prompt.category;
  }

  clear(): void {
    this.prompt = "";
    this.taken = null;
    this.keep();
  }
}

export const setup = new Setup();
