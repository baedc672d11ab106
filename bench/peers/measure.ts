/** Measures one gateway once: starts it, checks its answer, loads it, and reads what its process has used. */
import { deepStrictEqual } from 'node:assert';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/support/ports.js';
import type { Gateway } from './gateways.js';
import { cpuMicros, residentBytes, type Started, startOn } from './pinned.js';
import { type Case, SMALL_PATH } from './shop.js';

const READY_WITHIN_MS = 20_000;
/** The most loads of one second before the measurement: a gateway that waits for a slow machine uses little CPU time. */
const MOST_WARM_UPS = 8;

export interface Serving extends Started {
  readonly port: number;
  readonly adminPort: number;
  /** The time from the start of the process to the first answer of 200, in milliseconds. */
  readonly readyMs: number;
}

export interface Options {
  readonly upstream: string;
  readonly more?: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Starts a gateway. Resolves when it answers. */
export async function serve(gateway: Gateway, { upstream, more = {}, headers = {} }: Options): Promise<Serving> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-bench-'));
  const [port, adminPort] = [await freePort(), await freePort()];
  const reader = readPipe(join(folder, 'log'));
  const command = gateway.command({ folder, port, adminPort, upstream, more });
  const begun = performance.now();
  const started = startOn('gateway', command, { env: gateway.env ?? {}, stdio: ['ignore', reader.fd, reader.fd] });
  const stop = async () => {
    await started.stop();
    reader.child.kill();
    await rm(folder, { recursive: true });
  };
  try {
    for (;;) {
      // A connection that stays open would be counted among those of the load.
      const closing = { ...headers, connection: 'close' };
      const response = await fetch(`http://127.0.0.1:${port}${SMALL_PATH}`, { headers: closing }).catch(
        () => undefined,
      );
      await response?.arrayBuffer();
      if (response?.status === 200) break;
      if (performance.now() - begun > READY_WITHIN_MS || started.child.exitCode !== null)
        throw new Error(`${gateway.name}: expected an answer of 200, got ${response?.status ?? 'none'}`);
      await sleep(5);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...started, port, adminPort, readyMs: performance.now() - begun, stop };
}

/** Makes a pipe that a program of its own reads, as the log of a container is read. */
function readPipe(path: string): { readonly fd: number; readonly child: ChildProcess } {
  execFileSync('mkfifo', [path]);
  const child = spawn('sh', ['-c', `exec cat '${path}' > /dev/null`], { stdio: 'ignore' });
  // This waits until the other process has opened the pipe.
  return { fd: openSync(path, 'w'), child };
}

/** Throws if the answer is not what all gateways must answer. */
export async function check(name: string, port: number, asked: Case, headers: Options['headers'] = {}): Promise<void> {
  const { path, body, answer, messages } = asked;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { method: 'POST', body }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${name}: expected 200, got ${response.status}: ${text.slice(0, 300)}`);
  if (answer !== undefined) deepStrictEqual(JSON.parse(text), answer, name);
  const orders = text.match(/"customers\/42"/g)?.length;
  if (messages !== undefined && orders !== messages)
    throw new Error(`${name}: expected ${messages} messages, got ${orders}`);
}

export interface Used {
  /** The CPU time of the process for one request or one message, in microseconds. */
  readonly cpuMicros: number;
  readonly perSecond: number;
  /** The most resident memory while requests ran. */
  readonly loadedBytes: number;
}

/** The lengths of one measurement, in seconds. */
export interface Times {
  /** The CPU time that the gateway uses before it is measured: its compiler is done after so much work, not after a time. */
  readonly warmUp: number;
  readonly seconds: number;
}

/** Warms a gateway up and loads it. `load` runs for the given time and resolves to the number of requests. */
export async function used(
  { pid }: Serving,
  { messages = 1 }: Pick<Case, 'messages'>,
  load: (seconds: number) => Promise<number>,
  times: Times,
): Promise<Used> {
  const start = cpuMicros(pid);
  for (let i = 0; i < MOST_WARM_UPS && cpuMicros(pid) - start < times.warmUp * 1e6; i++) await load(1);
  let loadedBytes = 0;
  const timer = setInterval(() => {
    loadedBytes = Math.max(loadedBytes, residentBytes(pid));
  }, 100);
  const [cpu, begun] = [cpuMicros(pid), performance.now()];
  const count = (await load(times.seconds).finally(() => clearInterval(timer))) * messages;
  const perRequest = (cpuMicros(pid) - cpu) / count;
  return { cpuMicros: perRequest, perSecond: count / ((performance.now() - begun) / 1000), loadedBytes };
}
