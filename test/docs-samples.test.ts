/** Every sample of every page runs: one test a page, its blocks in their order, one demo for all. */
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import { findCommand } from './support/commands.js';
import { afterAll } from './support/gateway.js';
import { type Page, readPages } from './support/pages.js';
import { ROOT, serving } from './support/run.js';
import { type SampleServer, Samples } from './support/samples.js';
import { until } from './support/until.js';

/** Pages whose samples another test runs. */
const RUN_ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['CONTRIBUTING.md', 'test/docs.test.ts'],
  ['README.md', 'test/docs.test.ts'],
  ['docs/configuration.md', 'test/reference/configuration.test.ts'],
  ['docs/diagnostics.md', 'test/reference/diagnostics.test.ts'],
  ['docs/from-envoy.md', 'test/docs/migration.test.ts'],
  ['docs/from-grpc-gateway.md', 'test/docs/migration.test.ts'],
  ['docs/library.md', 'test/docs-library.test.ts'],
  ['examples/README.md', 'test/examples.test.ts'],
  ['examples/jwt/README.md', 'test/examples.test.ts'],
  ['examples/koa/README.md', 'test/examples.test.ts'],
  ['examples/proxy/README.md', 'test/examples.test.ts'],
  ['examples/two-gateways/README.md', 'test/examples.test.ts'],
]);

const run = readPages().filter(
  ({ path, blocks }) => !RUN_ELSEWHERE.has(path) && blocks.some(({ notRun }) => notRun === undefined),
);
const others = [...RUN_ELSEWHERE].map(([path, file]) => ({ path, file, text: readFileSync(join(ROOT, file), 'utf8') }));
const curl = findCommand(['curl'], 'the samples of the docs', 'curl');
const t = afterAll(test);
let demo: SampleServer;

test.before(async () => {
  const server = await serving(['demo', '--port', '0', '--admin-port', '0']);
  t.teardown(async () => void (await server.stop()));
  await until(() => server.stderr().includes('Ctrl+C'));
  const admin = /http:\/\/127\.0\.0\.1:\d+(?=\/readyz)/.exec(server.stderr())?.[0] ?? '';
  const env = [...server.stderr().matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name!, value!]);
  demo = { url: server.url, adminUrl: admin, env: Object.fromEntries(env) };
});

for (const page of run) {
  (curl === undefined ? test.skip : test.serial)(`${page.path}: its samples run`, async (t) => {
    const samples = await Samples.open(demo);
    t.teardown(() => samples.close());
    const failures = await failuresOf(page, samples);
    t.deepEqual(failures, []);
  });
}

async function failuresOf({ path, blocks }: Page, samples: Samples): Promise<string[]> {
  const failures: string[] = [];
  for (const block of blocks) {
    await samples.run(block).catch((error: Error) => failures.push(`${path}:${block.line}: ${error.message}`));
  }
  return failures;
}

for (const { path, file, text } of others) {
  test(`${path}: its samples are run by ${file}`, (t) => {
    t.true(text.includes(basename(path)) && text.includes(basename(dirname(path))));
  });
}
