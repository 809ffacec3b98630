/** Cuts Markdown that is still being written into blocks that will not change any more, and a rest that may. */

const FENCE = /^ {0,3}(```+|~~~+)/;
const LIST = /^ {0,3}([-*+]|\d{1,9}[.)])(\s|$)/;
/** So many characters of the next line show whether it continues a list. */
const ENOUGH = 14;

export interface Blocks {
  settled: string[];
  rest: string;
}

/**
 * A block ends at an empty line that stands outside of code and mathematics and is not followed by more of the same
 * list. The cuts of a text are also cuts of every longer one, so a block is rendered once and then left alone.
 */
export function blocks(text: string, whole: boolean): Blocks {
  const settled: string[] = [];
  let start = 0;
  let at = 0;
  let fence = "";
  let maths = "";
  let list = false;
  let gap = false;
  while (at < text.length) {
    const newline = text.indexOf("\n", at);
    const next = newline < 0 ? text.length : newline + 1;
    const line = text.slice(at, next);
    if (!fence && !maths && gap && line.trim()) {
      if (newline < 0 && !whole && line.length < ENOUGH) break;
      const continues = /^( {2,}|\t)/.test(line) || (list && LIST.test(line));
      if (!continues) {
        settled.push(text.slice(start, at));
        start = at;
        list = false;
      }
    }
    gap = !fence && !maths && !line.trim();
    if (fence) {
      if (line.trim().startsWith(fence) && /^[`~]+$/.test(line.trim())) fence = "";
    } else if (maths) {
      if (line.includes(maths)) maths = "";
    } else {
      fence = FENCE.exec(line)?.[1] ?? "";
      const opened = /^\s*(\$\$|\\\[)/.exec(line)?.[1];
      if (!fence && opened) {
        const closing = opened === "$$" ? "$$" : "\\]";
        if (!line.slice(line.indexOf(opened) + opened.length).includes(closing)) maths = closing;
      }
      if (LIST.test(line)) list = true;
    }
    at = next;
  }
  if (whole) return { settled: start < text.length ? [...settled, text.slice(start)] : settled, rest: "" };
  return { settled, rest: text.slice(start) };
}
