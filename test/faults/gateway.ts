/** The processes of a scenario: a gateway, as a user starts it, and a gRPC server behind it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { certificates } from '../support/certificates.js';
import { freePort } from '../support/ports.js';
import { childrenOf } from '../support/processes.js';
import { protogateProcess } from '../support/run.js';
import { PROTO } from './notes.js';

export interface GatewayOptions {
  readonly workers?: number;
  readonly tls?: boolean;
  readonly grace?: string;
  /** The upstreams as YAML. Without it, there is one, and its server is started and stopped with the gateway. */
  readonly upstreams?: string;
  /** The targets of its standard output and standard error. Default: pipes that are read. */
  readonly stdio?: readonly ['pipe' | number, 'pipe' | number];
  /** False if nobody reads the pipes. */
  readonly isRead?: boolean;
  /** More options of `serve`. */
  readonly flags?: readonly string[];
  /** JavaScript that runs in the gateway's processes before they start. */
  readonly preload?: string;
}

export interface FaultGateway {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** The folder with `protogate.yaml` and `a.proto`. */
  readonly folder: string;
  /** Returns how many connections the gateway has opened to its upstream. */
  readonly upstreamConnections: () => Promise<number>;
  readonly child: ChildProcess;
  /** Resolves to the exit code. */
  readonly ended: Promise<number | null>;
  readonly stderr: () => string;
  /** Returns the lines of its access log. */
  readonly logged: () => readonly { readonly status: number; readonly durationMs: number }[];
  readonly workers: () => number[];
  readonly admin: (path: string) => Promise<{ readonly status: number; readonly text: string }>;
  /** The resident memory of all of its processes, in MiB. */
  readonly memory: () => number;
  readonly stop: () => Promise<number | null>;
}

export const CA = certificates();

/** Starts both. They end with `stop`. */
export async function startGateway(options: GatewayOptions = {}): Promise<FaultGateway> {
  const {
    workers = 1,
    tls = false,
    grace = '1s',
    stdio = ['pipe', 'pipe'],
    isRead = true,
    flags: more = [],
    preload,
  } = options;
  const upstream = options.upstreams === undefined ? await startUpstreamProcess() : undefined;
  const upstreams = options.upstreams ?? `{ a: { target: "${upstream!.target}" } }`;
  const folder = mkdtempSync(join(tmpdir(), 'protogate-faults-'));
  writeFileSync(join(folder, 'a.proto'), `syntax = "proto3";\n${PROTO}`);
  writeFileSync(join(folder, 'cert.pem'), CA.server.cert);
  writeFileSync(join(folder, 'key.pem'), CA.server.key);
  const listen = tls ? 'tls: { cert: cert.pem, key: key.pem }' : 'h2c: true';
  writeFileSync(
    join(folder, 'protogate.yaml'),
    `version: 1\nlisten: { ${listen} }\ndrain: { grace: ${grace}, timeout: 30s }\nschema: { protos: [.] }\n` +
      `upstreams: ${upstreams}\n`,
  );
  const [port, adminPort] = [await freePort(), await freePort()];
  const flags = ['--port', String(port), '--admin-port', String(adminPort), '--workers', String(workers), ...more];
  const started = protogateProcess(['serve', '-c', join(folder, 'protogate.yaml'), ...flags]);
  const child = spawn(...started, {
    stdio: ['ignore', ...stdio],
    env: {
      ...process.env,
      ...(preload === undefined
        ? {}
        : { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` }),
    },
  });
  let stderr = '';
  let stdout = '';
  if (isRead) {
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk;
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk;
    });
  }
  endWithThis(child);
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  const admin = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}${path}`);
    return { status: response.status, text: await response.text() };
  };
  const workerPids = () => childrenOf(child.pid!);
  const cleanUp = async () => {
    await upstream?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  for (;;) {
    const ready = await admin('/readyz').catch(() => undefined);
    if (ready?.status === 200) break;
    const early = await Promise.race([ended, new Promise<'runs'>((resolve) => setTimeout(resolve, 50, 'runs'))]);
    if (early === 'runs') continue;
    await cleanUp();
    throw new Error(`the gateway ended with ${early}: ${stderr}`);
  }
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    pid: child.pid!,
    folder,
    upstreamConnections: async () => (await upstream?.connections()) ?? 0,
    child,
    ended,
    stderr: () => stderr,
    logged: () =>
      stdout
        .split('\n')
        .filter((line) => line.includes('"msg":"request'))
        .map((line) => JSON.parse(line)),
    workers: workerPids,
    admin,
    memory: () => [child.pid!, ...workerPids()].reduce((sum, pid) => sum + residentMiB(pid), 0),
    async stop() {
      child.kill('SIGTERM');
      const code = await ended;
      await cleanUp();
      return code;
    },
  };
}

async function startUpstreamProcess() {
  const child = spawn(process.execPath, [fileURLToPath(new URL('./upstream.js', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  endWithThis(child);
  const [target] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
  const exited = once(child, 'exit');
  return {
    target,
    async connections(): Promise<number> {
      child.send('connections');
      const [total] = (await once(child, 'message')) as [number];
      return total;
    },
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Stops all processes, so that none of them outlives a scenario that fails. */
function endWithThis(child: ChildProcess): void {
  const end = () => void child.kill('SIGKILL');
  process.on('exit', end);
  child.once('exit', () => process.off('exit', end));
}

function residentMiB(pid: number): number {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kib ?? 0) / 1024);
}
