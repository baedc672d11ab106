/** docs/headers.md has each header that the code reads or sends by its name, and no other. */
import { readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { ROOT } from '../support/run.js';

const page = readFileSync(join(ROOT, 'docs/headers.md'), 'utf8');
const listed = new Set([...page.matchAll(/^\| `([a-z-]+)` /gm)].map(([, name = '']) => name));

/** Headers that Node, @koa/cors or ws reads or sends for the gateway. */
const BY_OTHERS = [
  'access-control-allow-credentials',
  'access-control-allow-headers',
  'access-control-allow-origin',
  'access-control-expose-headers',
  'access-control-max-age',
  'access-control-request-headers',
  'sec-websocket-accept',
];

/** The ways in which the code reads or sends a header. */
const USES = [
  /setHeader\('([a-z-]+)'/g,
  /ctx\.(?:set|get)\('([a-z-]+)'/g,
  /\bheaders\['([a-z-]+)'\]/g,
  /headers\.([a-z]+)\b(?![(']|\.js)/g,
  /headerOf\(rawHeaders, '([a-z-]+)'\)/g,
  /metadata\.push\(\['([a-z-]+)'/g,
  // Headers of an answer that are an object: `headers = { allow: … }`, `{ 'sec-websocket-version': … }`.
  /headers(?::| =) \{\s*([a-z]+):/g,
  /(?<!case )'([a-z]+(?:-[a-z]+)+)':/g,
];

async function sources(folders: readonly string[]): Promise<string> {
  const files = folders.map(async (folder) => {
    const entries = await readdir(join('src', folder), { recursive: true, withFileTypes: true });
    const found = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.ts'));
    return Promise.all(found.map(({ parentPath, name }) => readFile(join(parentPath, name), 'utf8')));
  });
  return (await Promise.all(files)).flat().join('\n');
}

test('the page lists each header that the code reads or sends', async (t) => {
  const text = await sources(['server', 'policy', 'exchange', 'transcoding', 'admin', 'status']);
  const used = new Set(USES.flatMap((use) => [...text.matchAll(use)].map(([, name = '']) => name)));
  t.true(used.size > 25, `only ${used.size} found`);
  t.deepEqual(
    [...used].filter((name) => !listed.has(name)),
    [],
  );
});

test('the code knows each header that the page lists', async (t) => {
  const text = await sources(['.']);
  t.true(listed.size > 40);
  t.deepEqual(
    [...listed].filter(
      (name) => !new RegExp(`'${name}'|headers\\.${name}\\b|[{,]\\s*${name}:`).test(text) && !BY_OTHERS.includes(name),
    ),
    [],
  );
  t.deepEqual(
    BY_OTHERS.filter((name) => !listed.has(name)),
    [],
  );
});

test('the page lists each header that CORS lets web pages read', async (t) => {
  const text = await readFile('src/server/stages/cors.ts', 'utf8');
  const [, exposed = ''] = /const EXPOSED = \[([\s\S]*?)\]/.exec(text) ?? [];
  for (const [, name = ''] of exposed.matchAll(/'([a-z-]+)'/g)) t.true(listed.has(name), name);
});
