/** The order of reloads: one after the other, none while the gateway drains, and a bad one leaves everything as it is. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Registry } from 'prom-client';
import { errorAt } from '../../src/base/diagnostic.js';
import { parseConfig } from '../../src/config/parse.js';
import type { Plan } from '../../src/gateway/plan.js';
import { type Prepared, type ReadConfig, Reloads } from '../../src/process/reloads.js';
import { createLog } from '../../src/telemetry/log.js';
import { createReloadMetrics } from '../../src/telemetry/metrics.js';
import { handClock } from '../support/clock.js';
import { planOf, protoFolder } from '../support/gateway.js';
import { LIBRARY } from '../support/protos.js';
import { until } from '../support/until.js';

const PUBLIC = { default: 'public' } as const;

async function start(t: ExecutionContext) {
  const plan = await planOf(t, LIBRARY);
  const folder = await protoFolder(t, LIBRARY);
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line: string) => void lines.push(line) } });
  const registry = new Registry();
  const upstreams = { shop: { target: '127.0.0.1:1' } };
  const good = (extra: object = {}): ReadConfig => ({
    config: parseConfig({ version: 1, schema: { protos: [folder] }, upstreams, auth: PUBLIC, ...extra }).config,
    diagnostics: [],
    placeOf: (path) => ({ file: path.join('.') }),
    configFiles: [],
    configHash: 'abc',
  });
  const steps: string[] = [];
  const told: string[] = [];
  const parts = {
    read: async (): Promise<ReadConfig> => good(),
    prepare: async (_next: Plan): Promise<Prepared> => ({
      swap: () => void steps.push('swap'),
      discard: async () => void steps.push('discard'),
    }),
  };
  const source = { configFile: 'c.yaml', configFiles: [], readAtMs: 0, configHash: 'first', read: () => parts.read() };
  const reloads = new Reloads(plan, source, {
    prepare: (next) => parts.prepare(next),
    log,
    clock: handClock(),
    metrics: createReloadMetrics(registry),
    manager: {
      ready: (status) => void told.push(`ready: ${status}`),
      reloading: () => void told.push('reloading'),
      stopping: () => void told.push('stopping'),
    },
  });
  const logged = () => lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const metric = async (name: string) => (await registry.getSingleMetric(name)!.get()).values;
  return { reloads, parts, good, steps, told, logged, metric, plan, folder };
}

test('all reloads that are requested during a reload become one', async (t) => {
  const { reloads, parts, good, steps } = await start(t);
  let reads = 0;
  let go = () => {};
  parts.read = async () => {
    reads++;
    if (reads === 1) await new Promise<void>((resolve) => (go = resolve));
    return good();
  };
  reloads.request('SIGHUP');
  for (let i = 0; i < 5; i++) reloads.request('SIGHUP');
  await until(() => reads === 1);
  go();
  t.true(await until(() => steps.length === 2));
  t.is(reads, 2);
});

test('a reload that is ready when the drain has begun is discarded, and later ones are not made', async (t) => {
  const { reloads, parts, steps, logged, plan } = await start(t);
  const { prepare } = parts;
  parts.prepare = (next) => {
    reloads.drain();
    return prepare(next);
  };
  reloads.request('SIGHUP');
  t.true(await until(() => steps.length > 0));
  reloads.request('watch');
  t.deepEqual(steps, ['discard']);
  t.is(reloads.plan, plan);
  t.true(await until(() => logged().length === 2));
  const text = 'reload ignored: the gateway is draining';
  t.deepEqual(
    logged().map(({ msg, cause }) => [msg, cause]),
    [
      [text, 'SIGHUP'],
      [text, 'watch'],
    ],
  );
});

test('a refused reload is in the log, in /readyz and in the metrics, and the next valid one is taken', async (t) => {
  const { reloads, parts, good, steps, told, logged, metric, plan } = await start(t);
  t.like(reloads.state, { success: true, config: 'first' });
  const many = Array.from({ length: 25 }, (_, i) => errorAt({ file: 'c.yaml', line: i + 1 }, 'unknown-key', 'x'));
  parts.read = async () => ({ ...good(), config: undefined, diagnostics: many });
  reloads.request('SIGHUP');
  t.true(await until(() => logged().length === 1));
  t.like(logged()[0], { level: 'error', cause: 'SIGHUP', moreProblems: 5 });
  t.like(reloads.state, { success: false, config: 'first', moreProblems: 5 });
  t.is(reloads.state.problems!.length, 20);
  t.is(reloads.state.problems![0], 'c.yaml:1: error: x [unknown-key]');
  t.is((await metric('protogate_reload_success'))[0]!.value, 0);
  t.is(reloads.plan, plan);
  parts.read = async () => good();
  reloads.request('SIGHUP');
  t.true(await until(() => logged().length === 2));
  t.deepEqual(Object.keys(reloads.state).sort(), ['at', 'config', 'success']);
  t.like(reloads.state, { success: true, config: 'abc' });
  t.is((await metric('protogate_reload_success'))[0]!.value, 1);
  t.deepEqual((await metric('protogate_config_info'))[0]!.labels, { hash: 'abc' });
  t.deepEqual(
    (await metric('protogate_reloads_total')).map(({ labels, value }) => [labels.outcome, value]),
    [
      ['refused', 1],
      ['taken', 1],
    ],
  );
  t.deepEqual(steps, ['swap']);
  t.deepEqual(told, ['reloading', 'ready: serving; the last reload was refused', 'reloading', 'ready: serving']);
  t.not(reloads.plan, plan);
});

test('the log names the protos that a reload has changed, added and removed', async (t) => {
  const { reloads, logged, folder } = await start(t);
  const reload = async () => {
    const before = logged().length;
    reloads.request('SIGHUP');
    await until(() => logged().length > before, 'the reload');
    return logged().at(-1)!.filesChanged;
  };
  await reload();
  t.is(await reload(), undefined);
  const added = join(folder, 'added.proto');
  await writeFile(added, 'syntax = "proto3"; package added.v1; message One {}');
  t.deepEqual(await reload(), ['added.proto']);
  await writeFile(added, 'syntax = "proto3"; package added.v1; message Another {}');
  await writeFile(join(folder, 'other.proto'), 'syntax = "proto3"; package other.v1;');
  t.deepEqual(await reload(), ['added.proto', 'other.proto']);
  await rm(added);
  t.deepEqual(await reload(), ['added.proto']);
});

test('a reload that is taken logs the warnings that are new, wherever the old ones stand by now', async (t) => {
  const { reloads, parts, good, logged } = await start(t);
  const reload = async (selectors: readonly string[]) => {
    const before = logged().length;
    parts.read = async () => good({ policies: selectors.map((selector) => ({ selector, timeout: '1s' })) });
    reloads.request('SIGHUP');
    await until(() => logged().length > before, 'the reload');
    return logged()
      .slice(before)
      .filter(({ level }) => level === 'warn')
      .map(({ problem, moreProblems }) => [/selector .* got '(.*)'/.exec(String(problem))?.[1], moreProblems]);
  };
  t.deepEqual(await reload(['no.such.One']), [['no.such.One', undefined]]);
  t.deepEqual(await reload(['*', 'no.such.One']), []);
  const many = Array.from({ length: 23 }, (_, i) => `no.such.N${i}`);
  const shown = await reload(['no.such.One', ...many]);
  t.is(shown.length, 20);
  t.deepEqual(
    [shown[0], shown[19]],
    [
      ['no.such.N0', undefined],
      ['no.such.N19', 3],
    ],
  );
});

test('settings that are read once, and a config without upstreams, are refused at their keys', async (t) => {
  const { reloads, parts, good, steps } = await start(t);
  for (const [extra, key, rule] of [
    [{ workers: 3, log: { format: 'text' } }, 'workers', 'needs-restart'],
    [{ upstreams: {} }, 'upstreams', 'no-upstreams'],
  ] as const) {
    parts.read = async () => good(extra);
    reloads.request('SIGHUP');
    t.true(await until(() => reloads.state.problems?.[0]?.endsWith(`[${rule}]`) === true));
    t.true(reloads.state.problems![0]!.startsWith(`${key}: error: `), reloads.state.problems![0]);
  }
  t.deepEqual(steps, []);
});

test('a snapshot that cannot be prepared is refused with its reason', async (t) => {
  const { reloads, parts, logged } = await start(t);
  parts.prepare = () => Promise.reject(new Error('a worker has no memory'));
  reloads.request('SIGHUP');
  t.true(await until(() => logged().length === 1));
  t.deepEqual(reloads.state.problems, ['Error: a worker has no memory']);
});
