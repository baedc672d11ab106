/** Runs the programs that the interop suite needs: steps that prepare something, and processes that listen until the end. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT } from '../support/run.js';

const children: ChildProcess[] = [];

/** Ends all processes that were started here. */
export function endAll(): void {
  for (const child of children) child.kill();
}

/** Runs a step to its end. Throws when it fails. */
export function run(name: string, [command = '', ...args]: readonly string[]): void {
  console.error(`${name}: ${[command, ...args].join(' ').replaceAll(ROOT, '')}`);
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  if (status !== 0) throw new Error(`${command} ended with ${error?.message ?? status}`);
}

/** Starts a process and returns the `HOST:PORT` of the line `listening on …` that it prints. */
export function start(name: string, [command = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr.on('data', (text) => {
    said += text;
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${name}: ${why}\n${said.trimEnd()}`));
    const timer = setTimeout(() => fail('is not listening after 30 s'), 30_000);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code} before it listened`));
    createInterface(child.stdout).on('line', (line) => {
      const address = /^listening on (?:http:\/\/)?([\w.:-]+:\d+)/.exec(line)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      console.error(`${name}: ${line}`);
      resolve(address);
    });
  });
}
