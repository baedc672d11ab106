/** docs/diagnostics.md explains each rule of `check`; its examples do what the page says. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Diagnostic } from '../../src/base/diagnostic.js';
import { RULES, type RuleId } from '../../src/base/rules.js';
import { checkFlags } from '../../src/cli/check.js';
import { ROOT } from '../support/run.js';
import { type Block, readRulePage } from './rule-page.js';

const page = readRulePage(readFileSync(join(ROOT, 'docs/diagnostics.md'), 'utf8'));

test('the page has a section for each rule of the list, and no other', (t) => {
  t.deepEqual(page.sections.map(({ rule }) => rule).sort(), Object.keys(RULES).sort());
});

test('the page says of each rule the severity that the list says', (t) => {
  for (const { rule, severity } of page.sections) t.is(severity.toLowerCase(), RULES[rule as RuleId], rule);
});

/** Rules that no config and no proto can provoke: about unreadable files, flags, two configs, and servers that do not answer. */
const WITHOUT_EXAMPLE: readonly RuleId[] = [
  'config-file',
  'flag',
  'link',
  'needs-restart',
  'proto-file',
  'upstream-unreachable',
];

test('each rule has an example, except those that no config and no proto can provoke', (t) => {
  const without = page.sections.filter(({ example }) => example.length === 0);
  t.deepEqual(without.map(({ rule }) => rule).sort(), WITHOUT_EXAMPLE);
});

/** Runs `check` over an example. */
async function check(blocks: readonly Block[]): Promise<readonly Diagnostic[]> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-rule-'));
  try {
    await page.write(folder, blocks);
    const config = join(folder, 'protogate.yaml');
    const nothing = { protos: [], import: [], descriptorSet: [], upstream: [] };
    return (await checkFlags({ ...nothing, config })).diagnostics;
  } finally {
    await rm(folder, { recursive: true });
  }
}

for (const { rule, example, mended } of page.sections) {
  if (example.length === 0) continue;
  test(`the example of ${rule} reports ${rule} and nothing else, and its mend reports nothing`, async (t) => {
    const found = await check(example);
    t.deepEqual([...new Set(found.map((one) => one.rule))], [rule as RuleId], JSON.stringify(found));
    for (const { severity } of found) t.true(RULES[rule as RuleId].includes(severity));
    if (mended.length > 0) t.deepEqual(await check(mended), []);
  });
}

test('the schema and the config around the examples have no problem', async (t) => {
  t.deepEqual(await check([]), []);
});
