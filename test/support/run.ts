/** Runs the real command line: commands that listen in a process of their own, others one after the other in one process. */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Answered, Asked } from './command-host.js';
import { assertNoSecret } from './secrets.js';

/** The root of the package. It does not depend on the folder that the build is in. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** The file that has `main`. `npm test` gives a bundle, which loads in half the time. */
export const MAIN =
  process.env.PROTOGATE_TEST_MAIN === undefined
    ? new URL('../../src/cli/main.js', import.meta.url).href
    : pathToFileURL(process.env.PROTOGATE_TEST_MAIN).href;
const START = `import(${JSON.stringify(MAIN)}).then(async ({ main }) => { process.exitCode = await main(process.argv.slice(1)); })`;

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Returns the command and arguments to spawn for a command line. */
export function protogateProcess(args: readonly string[]): [command: string, args: readonly string[]] {
  return [process.execPath, ['--input-type=module', '-e', START, '--', ...args]];
}

function start(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(...protogateProcess(args), {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

let host: ChildProcess | undefined;
let asked = 0;
const waiting = new Map<number, { resolve(answered: Answered): void; reject(error: Error): void }>();

/** Runs a command that listens on nothing in the process that all such commands of a test file share. */
export async function protogate(args: readonly string[], { cwd = ROOT, env = {} }: RunOptions = {}): Promise<Finished> {
  host ??= startHost();
  const question: Asked = { id: asked++, args, cwd, env };
  const answer = new Promise<Answered>((resolve, reject) => void waiting.set(question.id, { resolve, reject }));
  host.channel!.ref();
  host.send(question);
  const { exitCode, stdout, stderr } = await answer;
  assertNoSecret(stdout + stderr, args.join(' '));
  return { exitCode, stdout, stderr };
}

/** It ends with this process, and keeps it alive only while a command runs. */
function startHost(): ChildProcess {
  const child = fork(fileURLToPath(new URL('command-host.js', import.meta.url)), { execArgv: [] });
  child.unref();
  child.channel!.unref();
  child.on('message', (answered: Answered) => {
    waiting.get(answered.id)!.resolve(answered);
    waiting.delete(answered.id);
    if (waiting.size === 0) child.channel!.unref();
  });
  child.on('exit', (code) => {
    host = undefined;
    for (const { reject } of waiting.values()) reject(new Error(`the process of the commands ended with ${code}`));
    waiting.clear();
  });
  return child;
}

/** Runs a command in a process of its own; resolves when that has ended. */
export async function protogateAlone(args: readonly string[], { cwd = ROOT, env }: RunOptions = {}): Promise<Finished> {
  const child = start(args, cwd, env);
  child.stdin!.end();
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  assertNoSecret(stdout + stderr, args.join(' '));
  return { exitCode, stdout, stderr };
}

export interface Serving {
  readonly url: string;
  readonly line: string;
  readonly pid: number;
  readonly stdout: () => string;
  /** Returns the whole output on stderr so far. */
  readonly stderr: () => string;
  /** Types a line into the process. */
  readonly type: (line: string) => void;
  /** Resolves to the exit code when the process has ended. */
  readonly ended: Promise<number | null>;
  /** Sends SIGTERM; resolves to the exit code. */
  readonly stop: () => Promise<number | null>;
}

/** Starts a command that listens. Resolves once it prints that it listens, and rejects with its stderr if it ends before. */
export async function serving(
  args: readonly string[],
  { cwd = ROOT, env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Serving> {
  const child = start(args, cwd, env);
  let stdout = '';
  let stderr = '';
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const closed = once(child, 'close') as Promise<[number | null]>;
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (text) => {
      if (text.startsWith('listening on ')) resolve(text);
    });
    void closed.then(([code]) => reject(new Error(`ended with ${code}: ${stderr}`)));
  });
  return {
    url: /https?:\/\/[^\s]+:\d+/.exec(line)![0],
    line,
    pid: child.pid!,
    stdout: () => stdout,
    stderr: () => stderr,
    type: (text) => void child.stdin!.write(`${text}\n`),
    ended: closed.then(([code]) => code),
    async stop() {
      child.kill('SIGTERM');
      const [code] = await closed;
      assertNoSecret(stdout + stderr, args.join(' '));
      return code;
    },
  };
}
