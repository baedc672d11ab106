/** The pages as a net: every link resolves, and every page can be reached from the index. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';
import { type Page, parsePage, readPages } from './support/pages.js';
import { ROOT } from './support/run.js';

const pages = new Map(readPages().map((page) => [page.path, page]));
const INDEX = 'docs/README.md';

/** Returns the problem of a link from the folder `from`, or undefined if it resolves. */
function problemOf(from: string, target: string, known: ReadonlyMap<string, Page> = pages): string | undefined {
  const [file = '', fragment] = target.split('#');
  const path = normalize(join(from, file));
  if (!known.has(path)) return existsSync(join(ROOT, path)) ? undefined : `${target}: no such file`;
  if (fragment === undefined || known.get(path)!.anchors.has(fragment)) return undefined;
  return `${target}: ${path} has no heading of that name`;
}

function isRelative(target: string): boolean {
  return !/^[a-z]+:/i.test(target);
}

test('every relative link of the pages names a file that exists and a heading that it has', (t) => {
  const broken = [...pages.values()].flatMap(({ path, links }) =>
    links
      .filter(({ target }) => isRelative(target))
      .flatMap(({ target, line }) => {
        const ownHeading = target.startsWith('#') ? `${path.split('/').at(-1)}${target}` : target;
        const problem = problemOf(dirname(path), ownHeading);
        return problem === undefined ? [] : [`${path}:${line}: ${problem}`];
      }),
  );
  t.deepEqual(broken, []);
});

test('a link to a file or a heading that does not exist is found', (t) => {
  const page = parsePage('docs/x.md', '# One page\n\n[a](#one-page) `[b](no.md)`\n');
  const known = new Map([[page.path, page]]);
  t.deepEqual(
    page.links.map(({ target }) => target),
    ['#one-page'],
  );
  t.is(problemOf('docs', 'x.md#one-page', known), undefined);
  t.is(problemOf('docs', 'x.md#two', known), 'x.md#two: docs/x.md has no heading of that name');
  t.is(problemOf('docs', 'nowhere.md', known), 'nowhere.md: no such file');
});

test('the index names every page of docs, and every decision', (t) => {
  const index = pages.get(INDEX)!;
  const named = new Set(index.links.map(({ target }) => normalize(join('docs', target.split('#')[0]!))));
  const below = [...pages.keys()].filter((path) => path.startsWith('docs/') && path !== INDEX);
  t.deepEqual(
    below.filter((path) => !named.has(path)),
    [],
  );
});

test('code and protos cite pages and headings that exist', async (t) => {
  const broken: string[] = [];
  for (const folder of ['src', 'test', 'bench', 'bin', 'protos', '.github', 'deploy', 'examples']) {
    if (!existsSync(join(ROOT, folder))) continue;
    for (const name of await readdir(join(ROOT, folder), { recursive: true })) {
      if (!/\.(ts|js|proto|md|ya?ml)$/.test(name) || name.includes('node_modules')) continue;
      const text = await readFile(join(ROOT, folder, name), 'utf8');
      for (const [target] of text.matchAll(/\bdocs\/[\w/-]+\.md(?:#[\w-]+)?/g)) {
        const problem = name.startsWith('docs-links.test') ? undefined : problemOf('.', target);
        if (problem !== undefined) broken.push(`${folder}/${name}: ${problem}`);
      }
    }
  }
  t.deepEqual(broken, []);
});
