/**
 * A real Redis for tests, on 127.0.0.1 and a port of its own, that can be killed, frozen and started again. It ends with
 * the test. Where `redis-server` is not installed, tests that need no server of their own use the one at `REDIS_URL`; the
 * others are skipped and report that. In CI none is skipped.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { saySkipped } from './commands.js';
import type { Teardown } from './gateway.js';
import { freePort } from './ports.js';
import { until } from './until.js';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** Stops the process without ending it: connections stay open and nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Runs `redis-cli` and returns its output. */
  cli(...args: readonly string[]): string;
  /** Runs `redis-cli` until its output includes the text; resolves to true then. */
  untilCli(args: readonly string[], text: string): Promise<true>;
}

const installed = (() => {
  try {
    execFileSync('redis-server', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

const given = process.env.REDIS_URL;

/** The reason why tests that need a server of their own cannot run; undefined when they can. */
export const withoutOwnRedis: string | undefined = installed ? undefined : 'redis-server is not installed';
/** The reason why tests that need any server cannot run; undefined when they can. */
export const withoutRedis: string | undefined = installed || given !== undefined ? undefined : withoutOwnRedis;

if (withoutOwnRedis !== undefined) {
  const which = withoutRedis === undefined ? 'what it does when it fails' : 'what it does';
  saySkipped(`${withoutOwnRedis}: tests of ${which} are SKIPPED (apt-get install redis-server)`);
}

/** Returns a server of the test's own, or the existing one, which may hold keys of other programs. */
export async function anyRedis(t: Teardown): Promise<{ readonly url: string }> {
  return installed ? startRedis(t) : { url: given ?? '' };
}

export async function startRedis(t: Teardown, flags: readonly string[] = []): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  async function start(): Promise<void> {
    const base = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
    child = spawn('redis-server', [...base, ...flags], { stdio: 'ignore' });
    await accepting(port);
  }
  async function kill(): Promise<void> {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    running.kill('SIGKILL');
    await once(running, 'exit');
  }
  const cli = (...args: readonly string[]) =>
    execFileSync('redis-cli', ['-p', String(port), ...args], { encoding: 'utf8' });
  await start();
  t.teardown(async () => {
    await kill();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill,
    restart: async () => {
      await kill();
      await start();
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    cli,
    untilCli: (args, text) =>
      until(
        async () => {
          // Each look starts a process.
          await sleep(50);
          return cli(...args).includes(text);
        },
        `redis-cli ${args.join(' ')}: ${text}`,
      ),
  };
}

async function accepting(port: number): Promise<void> {
  for (let waited = 0; waited < 10_000; waited += 20) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await sleep(20);
  }
  throw new Error(`expected a server on port ${port} within 10 s`);
}
