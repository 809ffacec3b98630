/** Light, dark, or as the system says. `public/theme.js` applies the stored choice before the first paint. */
import { recall, remember } from "./stored";

export type Theme = "auto" | "light" | "dark";
export const THEMES: readonly Theme[] = ["auto", "light", "dark"];

class Choice {
  #now: Theme = $state(known(recall("theme")));

  get now(): Theme {
    return this.#now;
  }

  set now(theme: Theme) {
    this.#now = theme;
    remember("theme", theme === "auto" ? null : theme);
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
  }
}

function known(stored: string | null): Theme {
  return stored === "light" || stored === "dark" ? stored : "auto";
}

export const theme = new Choice();
