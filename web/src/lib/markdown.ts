/** Answers as documents: Markdown without raw HTML, without anything fetched, with code that can be copied. Loaded late. */
import DOMPurify from "dompurify";
import { type Token, type TokenizerAndRendererExtension, Marked } from "marked";
import { t } from "./messages";

const TAGS = "p br hr em strong del code pre blockquote ul ol li a h3 h4 h5 h6 table thead tbody tr th td sup sub span div input".split(" ");
const ATTRIBUTES = ["href", "title", "start", "align", "class", "data-maths", "data-display", "type", "checked", "disabled"];
const SAFE_LINK = /^(https?|mailto):/i;

interface Maths {
  raw: string;
  text: string;
  display: boolean;
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

function maths(name: string, level: "block" | "inline", patterns: readonly [RegExp, boolean][]): TokenizerAndRendererExtension {
  return {
    name,
    level,
    start: (source: string) => {
      // A block begins a line: any other place would cut the paragraph in two.
      const at = source.search(level === "block" ? /^(?:\$\$|\\\[)/m : /\$|\\[([]/);
      return at < 0 ? undefined : at;
    },
    tokenizer(source: string) {
      for (const [pattern, display] of patterns) {
        const found = pattern.exec(source);
        if (found?.[1]?.trim()) return { type: name, raw: found[0], text: found[1].trim(), display };
      }
      return undefined;
    },
    renderer: (token) => {
      const { raw, text, display } = token as unknown as Maths;
      const element = display ? "div" : "span";
      return `<${element} class="maths" data-maths="${escape(text)}" data-display="${display}"><code>${escape(raw.trim())}</code></${element}>`;
    },
  };
}

const marked = new Marked({
  gfm: true,
  extensions: [
    maths("mathsBlock", "block", [
      [/^\$\$([\s\S]+?)\$\$(?:\n|$)/, true],
      [/^\\\[([\s\S]+?)\\\](?:\n|$)/, true],
    ]),
    maths("mathsInline", "inline", [
      [/^\$\$([^$]+?)\$\$/, true],
      [/^\\\(([\s\S]+?)\\\)/, false],
      [/^\\\[([\s\S]+?)\\\]/, true],
      // As pandoc does it: a price such as $5 is no mathematics.
      [/^\$(?!\s)((?:\\.|[^$\\\n])+?)(?<!\s)\$(?!\d)/, false],
    ]),
  ],
  renderer: {
    html: ({ text }) => escape(text),
    image: ({ href, text }) => {
      const label = escape(text ? t("answer.image", { what: text }) : t("answer.image_unnamed"));
      return SAFE_LINK.test(href) ? `<a href="${escape(href)}">${label}</a>` : label;
    },
    heading({ tokens, depth }) {
      const level = Math.min(depth + 2, 6);
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
    code: ({ text, lang }) => `<pre title="${escape(lang?.split(/\s/)[0] ?? "")}"><code>${escape(text)}</code></pre>\n`,
  },
});

/** The text as nodes that are safe to show. Mathematics is set when its library has arrived. */
export function render(source: string): DocumentFragment {
  const html = marked.parser(marked.lexer(source) as Token[]);
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ATTRIBUTES,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of fragment.querySelectorAll("a")) guard(link);
  for (const code of fragment.querySelectorAll("pre")) dress(code);
  for (const table of fragment.querySelectorAll("table")) wrap(table, "scroll", t("answer.table"));
  for (const box of fragment.querySelectorAll("input")) box.replaceWith(box.checked ? "☑ " : "☐ ");
  const formulas = fragment.querySelectorAll<HTMLElement>("[data-maths]");
  if (formulas.length) void set([...formulas]);
  return fragment;
}

function guard(link: HTMLAnchorElement): void {
  if (!SAFE_LINK.test(link.getAttribute("href") ?? "")) {
    link.replaceWith(...link.childNodes);
    return;
  }
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
}

function dress(code: HTMLPreElement): void {
  const box = wrap(code, "code", "");
  const bar = document.createElement("div");
  const copy = document.createElement("button");
  bar.className = "code-bar";
  bar.append(Object.assign(document.createElement("span"), { textContent: code.title || t("answer.code") }), copy);
  copy.type = "button";
  copy.className = "quiet";
  copy.textContent = t("action.copy");
  copy.addEventListener("click", () => {
    void navigator.clipboard.writeText(code.textContent).then(() => {
      copy.textContent = t("action.copied");
      setTimeout(() => (copy.textContent = t("action.copy")), 2000);
    });
  });
  code.removeAttribute("title");
  code.tabIndex = 0;
  code.setAttribute("role", "group");
  code.setAttribute("aria-label", t("answer.code"));
  box.prepend(bar);
}

function wrap(element: HTMLElement, name: string, label: string): HTMLElement {
  const box = document.createElement("div");
  box.className = name;
  if (label) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", label);
  }
  element.replaceWith(box);
  box.append(element);
  return box;
}

/** MathML needs neither fonts nor styles. What cannot be read stays as it was written. */
async function set(formulas: HTMLElement[]): Promise<void> {
  const { default: katex } = await import("katex");
  for (const formula of formulas) {
    const element = document.createElement("span");
    try {
      katex.render(formula.dataset["maths"] ?? "", element, {
        output: "mathml",
        displayMode: formula.dataset["display"] === "true",
        throwOnError: true,
        strict: "ignore",
        maxExpand: 200,
        maxSize: 20,
      });
      formula.replaceChildren(element);
    } catch {
      continue;
    }
  }
}
