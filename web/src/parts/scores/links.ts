/** Where the pages of scorecards lie. */
import { address } from "../../lib/api";

export const scorecardOf = (name: string) => address("/scorecards/{name}", { name });
export const trialOf = (id: string) => address("/trials/{id}", { id });
export const takeOf = (name: string) => address("/scorecards/{name}/take", { name });
export const compareOf = (name: string, a = "", b = "") => address("/scorecards/{name}/compare", { name }, { a, b });
export const bundleOf = (name: string) => address("/api/v1/scorecards/{name}/bundle", { name });

/** The list of trials, with a filter. */
export const trialsOf = (name: string, filter: Record<string, string> = {}) => address("/scorecards/{name}", { name }, { show: "trials", ...filter });

export function artifactOf(id: string, path: string): string {
  return `/api/v1/trials/${encodeURIComponent(id)}/artifacts/${path.split("/").map(encodeURIComponent).join("/")}`;
}
