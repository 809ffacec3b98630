/** Routes by the history API; the server answers every path of the page with its index. */
export type Room =
  | "arena" | "cases" | "inbox" | "leaderboard" | "contenders" | "card" | "field" | "reading"
  | "scorecards" | "scorecard" | "comparison" | "take" | "trial"
  | "me" | "access" | "sign_in" | "invite" | "nowhere";

interface Place {
  room: Room;
  /** `:name` of the path, decoded. */
  name: string;
  query: URLSearchParams;
}

const ROUTES: readonly [RegExp, Room][] = [
  [/^\/$/, "arena"],
  [/^\/leaderboard\/?$/, "leaderboard"],
  [/^\/contenders\/?$/, "contenders"],
  [/^\/contenders\/([^/]+)\/?$/, "card"],
  [/^\/field\/?$/, "field"],
  [/^\/how-to-read\/?$/, "reading"],
  [/^\/inbox\/?$/, "inbox"],
  [/^\/real-cases\/?$/, "cases"],
  [/^\/scorecards\/?$/, "scorecards"],
  [/^\/scorecards\/([^/]+)\/?$/, "scorecard"],
  [/^\/scorecards\/([^/]+)\/compare\/?$/, "comparison"],
  [/^\/scorecards\/([^/]+)\/take\/?$/, "take"],
  [/^\/trials\/([^/]+)\/?$/, "trial"],
  [/^\/me\/?$/, "me"],
  [/^\/access\/?$/, "access"],
  [/^\/sign-in\/?$/, "sign_in"],
  [/^\/invite\/?$/, "invite"],
];

function read(): Place {
  const query = new URLSearchParams(location.search);
  for (const [pattern, room] of ROUTES) {
    const found = pattern.exec(location.pathname);
    if (found) return { room, name: decoded(found[1] ?? ""), query };
  }
  return { room: "nowhere", name: "", query };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  place: Place = $state.raw(read());
  /** Grows with every move to another page, so that focus can follow. */
  moves = $state(0);

  constructor() {
    addEventListener("popstate", () => this.#arrive());
    document.addEventListener("click", (event) => this.#follow(event));
  }

  go(href: string): void {
    history.pushState(null, "", kept(href));
    scrollTo(0, 0);
    this.#arrive();
  }

  /** Change the query of this page, without a new entry in the history unless `entry` asks for one. */
  ask(changes: Record<string, string | null>, entry = false): void {
    const query = new URLSearchParams(location.search);
    for (const [key, value] of Object.entries(changes)) value === null ? query.delete(key) : query.set(key, value);
    const url = query.size ? `?${query}` : location.pathname;
    entry ? history.pushState(null, "", url) : history.replaceState(null, "", url);
    this.place = read();
  }

  #arrive(): void {
    this.place = read();
    this.moves += 1;
  }

  #follow(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.origin !== location.origin || link.target || link.hasAttribute("download")) return;
    if (/^\/(api|v1)\//.test(link.pathname)) return;
    if (link.pathname === location.pathname && link.hash) return;
    event.preventDefault();
    this.go(link.pathname + link.search + link.hash);
  }
}

/** The pseudo-locale of tests stays on from page to page. */
function kept(href: string): string {
  const locale = new URLSearchParams(location.search).get("locale");
  if (!locale || href.includes("locale=")) return href;
  const url = new URL(href, location.href);
  url.searchParams.set("locale", locale);
  return url.pathname + url.search + url.hash;
}

export const router = new Router();

export const cardOf = (nameOrDigest: string) => `/contenders/${encodeURIComponent(nameOrDigest)}`;
