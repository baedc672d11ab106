/** The Markdown pages of the repository: their headings, links and fenced blocks, for the tests that hold them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './run.js';

/** A fenced block. */
export interface Block {
  /** The first word behind the fence: `yaml`, `proto`, `sh`. Empty if there is none. */
  readonly language: string;
  /** The reason why the block is not run. Undefined for a block that is run. */
  readonly notRun: string | undefined;
  readonly text: string;
  /** The line number of the opening fence, counted from 1. */
  readonly line: number;
}

export interface Page {
  /** The path from the root of the repository, such as `docs/streams.md`. */
  readonly path: string;
  readonly text: string;
  /** The fragments that a link to this page may have, as GitHub makes them from the headings. */
  readonly anchors: ReadonlySet<string>;
  /** The targets of the links outside of code, with their lines. */
  readonly links: readonly { readonly target: string; readonly line: number }[];
  readonly blocks: readonly Block[];
}

/** Reads README.md, CHANGELOG.md and every page below docs/. */
export function readPages(): readonly Page[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  const paths = ['README.md', 'CHANGELOG.md', ...docs.map((name) => `docs/${name}`).sort()];
  return paths.map((path) => parsePage(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** Splits a page's text. A fenced block begins at the start of a line and ends at the next fence. */
export function parsePage(path: string, text: string): Page {
  const anchors = new Set<string>();
  const links: { target: string; line: number }[] = [];
  const blocks: Block[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    const fence = /^```(.*)$/.exec(content);
    if (fence !== null && open !== undefined) {
      blocks.push(blockOf(open.info, open.lines, open.line));
      open = undefined;
    } else if (fence !== null) open = { info: fence[1]!.trim(), line, lines: [] };
    else if (open !== undefined) open.lines.push(content);
    else {
      const heading = /^#{1,6} +(.*)$/.exec(content);
      if (heading !== null) addAnchor(anchors, heading[1]!);
      const outsideCode = content.replace(/`[^`]*`/g, '');
      for (const [, target = ''] of outsideCode.matchAll(/\]\(([^)\s]+)\)/g)) links.push({ target, line });
    }
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: a fenced block has no end`);
  return { path, text, anchors, links, blocks };
}

function blockOf(info: string, lines: readonly string[], line: number): Block {
  const [, language = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(info) ?? [];
  const notRun = /^\((.+)\)$/.exec(rest)?.[1];
  return { language, notRun, text: lines.map((one) => `${one}\n`).join(''), line };
}

/** GitHub's rule: lower case, punctuation left out, spaces as hyphens, a number behind a repeated one. */
function addAnchor(anchors: Set<string>, heading: string): void {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replaceAll('`', '');
  const slug = text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
  let anchor = slug;
  for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
  anchors.add(anchor);
}
