/** The keys that docs/not-yet.md lists are refused. When one is added, it must be removed from the page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parseConfig } from '../src/config/parse.js';
import { ROOT } from './support/run.js';

const text = readFileSync(join(ROOT, 'docs/not-yet.md'), 'utf8');

/** The words of the page, and a config that would need the feature. */
const MISSING: Readonly<Record<string, readonly object[]>> = {
  'refusing requests when CPU time is short': [{ overload: {} }],
  '`xds:///` targets': [{ upstreams: { a: { target: 'xds:///orders' } } }],
  'gRPC server reflection': [{ schema: { reflection: ['a'] } }],
  'compressed request bodies and answers': [{ compression: {} }],
  'validation by `buf.validate`': [{ policies: [{ selector: '*', validate: 'enforce' }] }],
  'priorities of requests': [{ policies: [{ selector: '*', priority: 'high' }] }],
};

for (const [words, configs] of Object.entries(MISSING)) {
  test(`not there yet: ${words}`, (t) => {
    t.true(text.includes(words));
    for (const config of configs)
      t.is(parseConfig({ version: 1, ...config }).config, undefined, JSON.stringify(config));
  });
}
