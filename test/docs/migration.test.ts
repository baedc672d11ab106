/**
 * Tests the migration pages. Each row of their tables has a case with its name, which checks the protogate column at a running
 * gateway, and the config accepts each setting that a row names.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { parseConfig } from '../../src/config/parse.js';
import { afterAll } from '../support/gateway.js';
import { ROOT } from '../support/run.js';
import { ENVOY } from './envoy-rows.js';
import { GRPC_GATEWAY } from './grpc-gateway-rows.js';
import { toolsFor } from './rows.js';

const tools = toolsFor(afterAll(test));

for (const [page, cases] of [
  ['from-grpc-gateway.md', GRPC_GATEWAY],
  ['from-envoy.md', ENVOY],
] as const) {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8');
  const rows = rowsOf(text);

  for (const [name, one] of Object.entries(cases)) {
    test.serial(`${page}: ${name}`, async (t) => {
      t.true(rows.has(name), 'the page has no such row');
      await one(t, tools);
    });
  }

  test(`${page}: each row has a case with its name`, (t) => {
    t.true(rows.size > 20);
    t.deepEqual(
      [...rows.keys()].filter((name) => !(name in cases)),
      [],
    );
  });

  test(`${page}: the config accepts each setting`, (t) => {
    const settings = [...rows.values()].flatMap((cell) => [...cell.matchAll(/`([a-z]\w*(?:\.\w+)*: [^`]*)`/g)]);
    const blocks = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => parse(block!));
    const found = [...settings.map(([, setting]) => nested(setting!)), ...blocks];
    t.true(found.length > 10);
    for (const config of found) {
      const base = { version: 1, schema: { protos: ['.'] } };
      const { diagnostics } = parseConfig({ ...base, ...config });
      t.deepEqual(
        diagnostics.filter(({ severity }) => severity === 'error').map(({ text }) => text),
        [],
        JSON.stringify(config),
      );
    }
  });
}

/** Returns the rows of the table: the first cell of each, without code marks, and its last cell, which names the settings. */
function rowsOf(page: string): ReadonlyMap<string, string> {
  const [, , ...rows] = page.split('\n').filter((line) => line.startsWith('| '));
  const cells = rows.map((row) =>
    row
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
  return new Map(cells.map((row) => [row[0]!.replaceAll('`', ''), row.at(-1)!]));
}

/** Returns the config for a setting such as `a.b: c`. */
function nested(setting: string): object {
  const [path = '', value = ''] = setting.split(/: (.*)/s);
  return path.split('.').reduceRight((inside: unknown, name) => ({ [name]: inside }), parse(value)) as object;
}
