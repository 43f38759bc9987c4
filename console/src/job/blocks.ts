const LEAST = 4_000; // UTF-16 code units of a block; after them it ends at the next line
const MOST = 16_000; // then it ends wherever it can

/**
 * Cuts a text into blocks at the ends of lines, so that a browser lays out only those that are in view.
 *
 * A block depends only on the text up to its end. When a text grows, only its last block changes.
 */
export function blocksOf(text: string): readonly string[] {
  const blocks: string[] = [];
  let start = 0;
  while (text.length - start > LEAST) {
    const line = text.indexOf("\n", start + LEAST);
    let end = line + 1;
    if (line < 0 || line > start + MOST) {
      if (text.length - start <= MOST) break;
      end = wordEnd(text, start);
    }
    blocks.push(text.slice(start, end));
    start = end;
  }
  if (start < text.length) blocks.push(text.slice(start));
  return blocks;
}

/** The last space before the greatest end of a block; or that end, but not within a character. */
function wordEnd(text: string, start: number): number {
  const space = text.lastIndexOf(" ", start + MOST - 1);
  if (space > start + LEAST) return space + 1;
  const isInside = (text.charCodeAt(start + MOST) & 0xfc00) === 0xdc00;
  return start + MOST - (isInside ? 1 : 0);
}

/**
 * Cuts Markdown at blank lines outside of fenced code. All parts but the last are complete, so that only the last one is
 * parsed again while the text grows.
 */
export function partsOf(markdown: string): readonly string[] {
  const parts: string[] = [];
  let part: string[] = [];
  let fence: string | null = null;
  for (const line of markdown.split("\n")) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined) {
      if (fence === null) fence = mark;
      else if (mark.startsWith(fence)) fence = null;
    }
    const isBlank = fence === null && line.trim() === "";
    // A list or a quotation may continue after a blank line.
    const mayContinue = /^\s*([-*+>]|\d+[.)])\s/.test(part.find((it) => it.trim() !== "") ?? "");
    if (isBlank && part.length > 0 && !mayContinue) {
      parts.push(part.join("\n"));
      part = [];
    } else if (!isBlank || part.length > 0) {
      part.push(line);
    }
  }
  if (part.length > 0) parts.push(part.join("\n"));
  return parts;
}
