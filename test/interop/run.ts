/**
 * The interop suite: starts gRPC servers in Go, Python and Rust, puts `protogate serve` in front of each, with nothing but
 * the protos, over each transport, sends the same requests to all of them and compares the answers with the expected ones.
 * Then Google's generated REST clients call a gateway (`google/clients.ts`).
 *
 *     node dist/test/interop/run.js [go] [python] [rust] [google] [lean] [http2] [grpc-js]
 *
 * Prints `N passed, N failed`; the exit code is 1 if anything failed. A language that is not installed is skipped with a
 * message; with CI=true that is a failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/run.js';
import { BROKEN_UPLOAD_CASES } from './broken-uploads.js';
import type { Gateway, InteropCase } from './cases.js';
import { DETAIL_CASES } from './details.js';
import { askGoogleClients } from './google/clients.js';
import { HTTP_BODY_CASES } from './http-bodies.js';
import { KIND_CASES } from './kinds.js';
import { IMPORTS, LANGUAGES, type Language } from './languages.js';
import { endAll, run, start } from './processes.js';
import { REQUEST_CASES } from './requests.js';
import { SILENT_CASES } from './silence.js';

const CASES: readonly InteropCase[] = [
  ...REQUEST_CASES,
  ...KIND_CASES,
  ...BROKEN_UPLOAD_CASES,
  ...HTTP_BODY_CASES,
  ...DETAIL_CASES,
];
const TRANSPORTS = ['lean', 'http2', 'grpc-js'] as const;
/** The number of cases that run at once: the slow ones mostly wait. */
const AT_ONCE = 8;
/** The most time for a case, some of which wait as long as `until` does. */
const LIMIT_MS = 60_000;

const isTransport = (name: string) => (TRANSPORTS as readonly string[]).includes(name);
const wanted = process.argv.slice(2).filter((name) => !isTransport(name));
const wantedTransports = process.argv.slice(2).filter(isTransport);
const folder = await mkdtemp(join(tmpdir(), 'protogate-interop-'));
let passed = 0;
let failed = 0;
try {
  for (const [name, language] of LANGUAGES) {
    if (wanted.length === 0 || wanted.includes(name)) await runLanguage(name, language);
  }
  if (wanted.length === 0 || wanted.includes('google')) await runGoogle();
} finally {
  endAll();
  await rm(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runGoogle(): Promise<void> {
  try {
    const found = await askGoogleClients(folder);
    passed += found.passed;
    failed += found.failed;
  } catch (error) {
    failed++;
    console.error(`FAILED: google: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function runLanguage(name: string, { needs, prepare, serve, tellsResets }: Language): Promise<void> {
  const [command = '', ...args] = needs;
  if (spawnSync(command, args).status !== 0) {
    console.error(`SKIPPED: ${name}: \`${needs.join(' ')}\` does not run here`);
    if (process.env.CI === 'true') failed++;
    return;
  }
  try {
    for (const step of prepare()) run(name, step);
    const target = await start(`${name} server`, serve);
    for (const transport of TRANSPORTS) {
      if (wantedTransports.length > 0 && !wantedTransports.includes(transport)) continue;
      const url = `http://${await start(`gateway, ${transport}`, await gatewayTo(target, transport))}`;
      // With grpc-js a stream that breaks off may end before it is cancelled (docs/streams.md).
      const gateway = { url, tellsBreaks: tellsResets && transport !== 'grpc-js' };
      const waiting = CASES.values();
      const askAll = async () => {
        for (const one of waiting) await ask(`${name}, ${transport}`, gateway, one);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, askAll));
      for (const one of SILENT_CASES) await ask(`${name}, ${transport}`, gateway, one);
    }
  } catch (error) {
    failed++;
    console.error(`FAILED: ${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Starts a gateway for the target. */
async function gatewayTo(target: string, transport: (typeof TRANSPORTS)[number]): Promise<readonly string[]> {
  const config = join(folder, `${transport}.yaml`);
  const upstreams = { server: { target, services: ['*'], transport } };
  await writeFile(config, JSON.stringify({ version: 1, listen: { h2c: true }, upstreams }));
  const ports = ['--port', '0', '--admin-port', '0'];
  return [
    process.execPath,
    join(ROOT, 'bin/protogate.js'),
    'serve',
    '--protos',
    IMPORTS[0],
    '--config',
    config,
    ...ports,
  ];
}

async function ask(where: string, gateway: Omit<Gateway, 'teardown'>, { name, check }: InteropCase): Promise<void> {
  const tasks: (() => void | Promise<void>)[] = [];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    await Promise.race([check({ ...gateway, teardown: (task) => void tasks.push(task) }), late]);
    passed++;
  } catch (error) {
    failed++;
    console.error(`FAILED: ${where}: ${name}`);
    console.error(`  ${(error instanceof Error ? error.message : String(error)).replaceAll('\n', '\n  ')}`);
  } finally {
    clearTimeout(timer);
    for (const task of tasks) await task();
  }
}
