/** Runs the real command line as a child process, as a user would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { assertNoSecret } from './secrets.js';

/** The root of the package. It does not depend on the folder that the build is in. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const MAIN = new URL('../../src/cli/main.js', import.meta.url).href;
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

/** Runs a command. Resolves when it has ended. */
export async function protogate(
  args: readonly string[],
  { cwd = ROOT, env }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
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
  assertNoSecret(stderr, 'stderr');
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
      assertNoSecret(stderr, 'stderr');
      return code;
    },
  };
}
