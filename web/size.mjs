// Prints the page's weight as one line of JSON: what the first visit loads, and the largest part loaded later (gzip -9).
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const page = join(dirname(fileURLToPath(import.meta.url)), "../src/fieldmark/server/page");
if (!existsSync(join(page, "index.html"))) {
  console.error(`size: no built page in ${page}; run \`npm run build\` first`);
  process.exit(1);
}

/** @param {string} name */
const weight = (name) => gzipSync(readFileSync(join(page, name)), { level: 9 }).length;
const index = readFileSync(join(page, "index.html"), "utf8");
const linked = [...index.matchAll(/(?:src|href)="\/([^"]+)"/g)].map((match) => match[1] ?? "");
const first = ["index.html", ...linked];
const lazy = readdirSync(join(page, "assets"))
  .map((name) => `assets/${name}`)
  .filter((name) => /\.(js|css)$/.test(name) && !first.includes(name))
  .map((name) => ({ name, gzip: weight(name) }))
  .sort((a, b) => b.gzip - a.gzip);

console.log(
  JSON.stringify({
    first_load_gzip: first.reduce((sum, name) => sum + weight(name), 0),
    largest_lazy_gzip: lazy[0]?.gzip ?? 0,
    first_load: first,
    largest_lazy: lazy[0]?.name ?? null,
  }),
);
