/**
 * Measures what a request costs a server: the CPU time that its process reports (user and system) per GET, over a
 * number of connections. Each measurement gets a process of its own, because the compiler's result differs from process to process.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';

/** The script of the gateway's process. It uses the public API alone, so that any version can be measured. */
export const GATEWAY = `
import { createServer } from 'node:http';
const [root, config] = process.argv.slice(2);
const { createGateway } = await import(root);
const gateway = await createGateway(JSON.parse(config));
const server = createServer(gateway.callback()).listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
process.on('message', () => process.send({ cpu: process.cpuUsage(), rss: process.memoryUsage().rss }));
`;

export interface Load {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly warmUp: number;
  readonly requests: number;
  /** How many connections send requests, each one after the other. */
  readonly connections: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly port: number;
  readonly agent: Agent;
}

/** Returns the CPU time per request in microseconds. The script must report its port and, when asked, its CPU time. */
export async function costOf(script: string, args: readonly string[], measured: Load): Promise<number> {
  const child = fork(script, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  const agent = new Agent({ keepAlive: true, maxSockets: measured.connections });
  const running = { child, port, agent };
  try {
    await load(running, measured, measured.warmUp);
    const before = await cpuOf(running);
    await load(running, measured, measured.requests);
    return ((await cpuOf(running)) - before) / measured.requests;
  } finally {
    agent.destroy();
    child.kill();
  }
}

async function cpuOf({ child }: Running): Promise<number> {
  child.send({});
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: { user: number; system: number } }];
  return cpu.user + cpu.system;
}

async function load(running: Running, measured: Load, requests: number): Promise<void> {
  let left = requests;
  const worker = async () => {
    while (left-- > 0) await get(running, measured);
  };
  await Promise.all(Array.from({ length: measured.connections }, worker));
}

function get({ port, agent }: Running, { path, headers }: Load): Promise<void> {
  return new Promise((done, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, agent, headers }, (res) => {
      if (res.statusCode !== 200) reject(new Error(`expected 200, got ${res.statusCode}`));
      res.resume().on('end', done);
    });
    sent.on('error', reject).end();
  });
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
