/**
 * Starts processes on chosen cores, and reads from Linux what they have used. The gateway has the first core for itself;
 * its clients, its upstream and the reader of its log share the others. With one core nothing is pinned.
 */
import { type ChildProcess, execFileSync, type StdioOptions, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const cores = availableParallelism();
export let isPinned = cores > 1 && spawnSync('taskset', ['--version']).status === 0;
const CORES = { gateway: '0', others: `1-${cores - 1}` };

export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export function startOn(
  core: keyof typeof CORES,
  [command = '', ...args]: readonly string[],
  { env = {}, stdio = ['ignore', 'ignore', 'inherit'] }: { env?: NodeJS.ProcessEnv; stdio?: StdioOptions } = {},
): Started {
  const pinned = isPinned ? ['taskset', '-c', CORES[core], command, ...args] : [command, ...args];
  // `taskset` replaces itself by the program, so the id is the program's.
  const child = spawn(pinned[0]!, pinned.slice(1), { env: { ...process.env, ...env }, stdio });
  const ended = once(child, 'exit');
  const kill = () => void child.kill('SIGKILL');
  process.on('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return {
    pid: child.pid!,
    child,
    async stop() {
      kill();
      await ended;
    },
  };
}

/** Lets all processes that are started from now on use all cores, as on a machine that others use as well. */
export function pinNothing(): void {
  isPinned = false;
}

/** Puts this process beside the clients. */
export function pinThis(): void {
  if (isPinned) execFileSync('taskset', ['-a', '-p', '-c', CORES.others, String(process.pid)], { stdio: 'ignore' });
}

/** Moves a process that runs already to the core of the gateway. */
export function pinGateway(pid: number): void {
  if (isPinned) execFileSync('taskset', ['-a', '-p', '-c', CORES.gateway, String(pid)], { stdio: 'ignore' });
}

/** It ends when the process that started it has ended. */
const AWAKE = 'const parent = process.ppid; while (process.ppid === parent) for (let i = 0; i < 1e7; i++);';

/**
 * Keeps all cores awake with processes that run only when nothing else wants the core (SCHED_IDLE). Otherwise a process pays
 * for each of its pauses: its core sleeps, a virtual machine gives the core away, and caches get cold. So a gateway whose
 * upstream answers later would seem to cost more. Returns a function that ends it.
 */
export function keepCoresAwake(): () => void {
  const started = Array.from({ length: isPinned ? cores : 0 }, (_, core) => {
    const command = ['--idle', '0', 'taskset', '-c', String(core), process.execPath, '-e', AWAKE];
    // Without `chrt` the cores sleep as usual.
    return spawn('chrt', command, { stdio: 'ignore' }).on('error', () => {});
  });
  return () => {
    for (const child of started) child.kill();
  };
}

const tickMicros = 1e6 / Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout || 100);

/** Returns the CPU time of a process so far, user and system, of all its threads. */
export function cpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program, in parentheses, may have spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMicros;
}

/** Returns for how many nanoseconds the threads of a process have run that are there now. It fits short loads. */
export function runNanos(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce(
    (sum, id) => sum + Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
    0,
  );
}

/** Returns the resident memory of a process. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
