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

/** Reads every page of the repository: those of its root, and those below docs/ and examples/. */
export function readPages(): readonly Page[] {
  const isPage = (name: string) => name.endsWith('.md') && !name.includes('node_modules');
  const below = (folder: string) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`);
  const paths = [...readdirSync(ROOT), ...below('docs'), ...below('examples')].filter(isPage).sort();
  return paths.map((path) => parsePage(path, readFileSync(join(ROOT, path), 'utf8')));
}

/** Splits a page's text. A fenced block ends at the next fence. In a list, its lines are indented. */
export function parsePage(path: string, text: string): Page {
  const anchors = new Set<string>();
  const links: { target: string; line: number }[] = [];
  const blocks: Block[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1;
    const fence = /^ *```(.*)$/.exec(content);
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
  const indent = /^ */.exec(lines[0] ?? '')![0];
  const text = lines.map((one) => `${one.startsWith(indent) ? one.slice(indent.length) : one}\n`).join('');
  return { language, notRun, text, line };
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
