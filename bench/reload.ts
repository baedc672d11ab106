/**
 * Reloads all of google-proto-files in a gateway under a ticker of 5 ms, and prints how late the ticks come. On a shared machine
 * they are late for other reasons too, so on Linux the CPU time of the main thread between two ticks is printed as well: this is
 * what a tick waits for on a machine of its own. Fails when that has a p99 over 50 ms or a value over 100 ms.
 *
 * Then a file is written as an editor writes it, and the watch tells the gateway. The time until it is live begins with the write.
 *
 *     npm run bench -- reload [--short]
 */
import { cpSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ChangedPaths } from '../src/base/changed-paths.js';
import { systemClock } from '../src/base/clock.js';
import type { ConfigInput } from '../src/config/config.js';
import { FileWatch } from '../src/config/file-watch.js';
import { parseConfig } from '../src/config/parse.js';
import { startGateway } from '../src/gateway/gateway.js';
import { type Plan, plan } from '../src/gateway/plan.js';
import { protosBelow } from '../src/schema/proto-folder.js';
import { createLog } from '../src/telemetry/log.js';
import { googleProtos } from './google-protos.js';

const TICK_MS = 5;
let schedstat: number | undefined;
const buffer = Buffer.alloc(64);
const MOST = { p99: 50, max: 100 };
const CHANGED = 'google/cloud/language/v1/language_service.proto';

const folder = mkdtempSync(join(tmpdir(), 'protogate-reload-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
cpSync(googleProtos(), folder, { recursive: true });

/** The files with errors, and the rpcs with conflicts: a gateway that serves has none. */
const exclude = ['google/protobuf/**'];
const conflicts = (await plan(configOf())).diagnostics.filter(({ rule }) => rule === 'binding-conflict');
exclude.push(
  ...new Set(conflicts.flatMap(({ text }) => [...text.matchAll(/([\w.]+\/\w+) \(/g)].map(([, rpc]) => rpc!))),
);

let served = await plan(configOf());
const errors = served.diagnostics.filter(({ severity }) => severity === 'error');
if (errors.length > 0) throw new Error(errors[0]!.text);
const gateway = startGateway(served, createLog({ format: 'json' }));
await gateway.prepared;
console.log(`${served.schema.files.length} files, ${served.routes.length} routes`);

const failures: string[] = [];
await reload('nothing has changed', configOf());
await reload('nothing has changed', configOf());
await reload('another config', configOf({ json: { emitDefaults: true } }));
const text = readFileSync(join(folder, CHANGED), 'utf8');
for (const verb of ['docs', 'documents', 'docs', 'documents', 'docs']) {
  writeFileSync(join(folder, CHANGED), text.replaceAll('documents:', `${verb}:`));
  await reload('one file has changed', configOf());
}
await watched(['docs', 'documents', 'docs', 'documents', 'docs']);
if (!process.argv.includes('--short')) {
  const now = new Date();
  for (const { path } of protosBelow(folder).found) utimesSync(path, now, now);
  await reload('all files have changed', configOf());
}
for (const failure of failures) console.error(failure);
process.exit(failures.length === 0 ? 0 : 1);

function configOf(more: Partial<ConfigInput> = {}): Plan['config'] {
  const upstreams = { all: { target: '127.0.0.1:1' } };
  const { config, diagnostics } = parseConfig({
    version: 1,
    schema: { protos: [folder], exclude },
    upstreams,
    ...more,
  });
  if (config === undefined) throw new Error(diagnostics[0]!.text);
  return config;
}

/** Writes the file with each of these verbs, and reloads when the watch tells of it. */
async function watched(verbs: readonly string[]): Promise<void> {
  let tell = (_: ChangedPaths) => {};
  const options = { clock: systemClock, onChange: (changed: ChangedPaths) => tell(changed), onUnwatched() {} };
  const watch = new FileWatch(options);
  await watch.follow({ files: [], roots: [folder] }, Date.now() + 1000);
  for (const verb of verbs) {
    await reload('one file, with the watch', configOf(), () => {
      const told = new Promise<ChangedPaths>((resolve) => {
        tell = resolve;
      });
      writeFileSync(join(folder, CHANGED), text.replaceAll('documents:', `${verb}:`));
      return told;
    });
  }
  watch.close();
}

/** Reloads and prints what it took. `change` changes files, and returns which ones when they are known. */
async function reload(
  name: string,
  config: Plan['config'],
  change: () => ChangedPaths | Promise<ChangedPaths> = () => undefined,
): Promise<void> {
  await sleep(300);
  const ticker = startTicker();
  const begun = performance.now();
  const cpu = cpuOfMainThread();
  const next = await plan(config, { previous: served, changed: await change() });
  (await gateway.prepare(next)).swap();
  const liveMs = performance.now() - begun;
  const cpuMs = cpuOfMainThread() - cpu;
  served = next;
  await sleep(50);
  const { wall, busy } = ticker.stop();
  console.log(
    `${name.padEnd(24)} live after ${liveMs.toFixed(0)} ms (CPU of the main thread ${cpuMs.toFixed(0)} ms) · ` +
      `tick late: p99 ${wall.p99} ms, most ${wall.max} ms · CPU between ticks: p99 ${busy.p99} ms, most ${busy.max} ms · ` +
      `RSS ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`,
  );
  if (busy.p99 > MOST.p99 || busy.max > MOST.max) failures.push(`${name}: p99 ${busy.p99} ms, most ${busy.max} ms`);
}

function startTicker() {
  const wall: number[] = [];
  const busy: number[] = [];
  let [lastMs, lastCpu] = [performance.now(), cpuOfMainThread()];
  const timer = setInterval(() => {
    const [nowMs, nowCpu] = [performance.now(), cpuOfMainThread()];
    wall.push(nowMs - lastMs - TICK_MS);
    busy.push(nowCpu - lastCpu);
    [lastMs, lastCpu] = [nowMs, nowCpu];
  }, TICK_MS);
  return {
    stop() {
      clearInterval(timer);
      return { wall: summary(wall), busy: summary(busy) };
    },
  };
}

function summary(values: readonly number[]) {
  const sorted = values.toSorted((a, b) => a - b);
  return { p99: Math.round(sorted[Math.floor(sorted.length * 0.99)] ?? 0), max: Math.round(sorted.at(-1) ?? 0) };
}

/** Returns the CPU time of the main thread in milliseconds; 0 on systems other than Linux. */
function cpuOfMainThread(): number {
  if (process.platform !== 'linux') return 0;
  schedstat ??= openSync(`/proc/self/task/${process.pid}/schedstat`, 'r');
  const length = readSync(schedstat, buffer, 0, buffer.length, 0);
  return Number(buffer.toString('latin1', 0, length).split(' ', 1)[0]) / 1e6;
}
