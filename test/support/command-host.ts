/** A process that runs commands one after the other: starting a process for each takes longer than most commands do. */
import { MAIN } from './run.js';

const { main } = (await import(MAIN)) as typeof import('../../src/cli/main.js');

export interface Asked {
  readonly id: number;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface Answered {
  readonly id: number;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

let running = Promise.resolve();
process.on('message', (asked: Asked) => {
  running = running.then(async () => void process.send!(await run(asked)));
});

async function run({ id, args, cwd, env }: Asked): Promise<Answered> {
  const [stdout, stderr] = [kept(process.stdout), kept(process.stderr)];
  const before = { ...process.env };
  Object.assign(process.env, env);
  process.chdir(cwd);
  const exitCode = await main(args);
  // `serve` listens for it as soon as it begins, and its process would end now.
  process.removeAllListeners('SIGHUP');
  for (const name of Object.keys(env)) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  return { id, exitCode, stdout: stdout(), stderr: stderr() };
}

/** Keeps what is written from now on; the returned function ends that and returns the text. */
function kept(stream: NodeJS.WriteStream): () => string {
  const { write } = stream;
  let text = '';
  stream.write = (chunk: string | Uint8Array) => {
    text += chunk.toString();
    return true;
  };
  return () => {
    stream.write = write;
    // Each command listens for errors of its own output.
    stream.removeAllListeners('error');
    return text;
  };
}
