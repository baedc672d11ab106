/**
 * Runs Google's generated REST clients, in Python and JavaScript, against `protogate serve` in front of a gRPC server with
 * their APIs' protos. Each client prints a line for each of its cases.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../../support/run.js';
import { run, start } from '../processes.js';
import { serveGoogle } from './services.js';

const HERE = join(ROOT, 'test/interop/google');
const PYTHON = join(ROOT, '.cache/interop-google-python');
const GAX = join(ROOT, '.cache/interop-google-gax');
const GAX_CLIENTS = ['@google-cloud/kms@5.7.0', '@google-ai/generativelanguage@3.7.1'];

interface Client {
  readonly name: string;
  /** Returns the commands that prepare the client to run. */
  prepare(): readonly (readonly string[])[];
  command(host: string, port: string): readonly string[];
}

const CLIENTS: readonly Client[] = [
  {
    name: 'google-cloud-kms and google-ai-generativelanguage, REST transport',
    prepare() {
      const python = join(PYTHON, 'bin/python');
      const imports = 'import google.cloud.kms_v1, google.ai.generativelanguage_v1beta';
      if (spawnSync(python, ['-c', imports]).status === 0) return [];
      const install = [python, '-m', 'pip', 'install', '--quiet', '-r', join(HERE, 'requirements.txt')];
      return [['python3', '-m', 'venv', PYTHON], install];
    },
    command: (host, port) => [join(PYTHON, 'bin/python'), '-B', join(HERE, 'clients.py'), `${host}:${port}`],
  },
  {
    name: 'google-gax, fallback transport',
    prepare() {
      if (existsSync(join(GAX, 'node_modules/google-gax'))) return [];
      return [['npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', GAX, ...GAX_CLIENTS]];
    },
    command: (host, port) => [process.execPath, '--no-warnings', join(HERE, 'clients.mjs'), GAX, host, port],
  },
];

/** Returns how many cases passed and failed. Files are written to `folder`. */
export async function askGoogleClients(folder: string): Promise<{ readonly passed: number; readonly failed: number }> {
  const protos = join(folder, 'google-protos');
  const upstream = await serveGoogle(protos);
  const config = join(folder, 'google.yaml');
  await writeFile(config, 'version: 1\nerrors: { format: aip193 }\n');
  const flags = [
    '--protos',
    protos,
    '--config',
    config,
    '--upstream',
    upstream.target,
    '--port',
    '0',
    '--admin-port',
    '0',
  ];
  const address = await start('gateway for Google', [
    process.execPath,
    join(ROOT, 'bin/protogate.js'),
    'serve',
    ...flags,
  ]);
  const [host = '', port = ''] = address.split(':');
  let passed = 0;
  let failed = 0;
  for (const { name, prepare, command } of CLIENTS) {
    for (const step of prepare()) run(name, step);
    const lines = await linesOf(command(host, port));
    passed += lines.filter((line) => line.startsWith('ok ')).length;
    const wrong = lines.filter((line) => !line.startsWith('ok '));
    for (const line of wrong) console.error(`FAILED: ${name}: ${line}`);
    // A client that could not start prints no lines, which counts as one failure.
    failed += lines.length === 0 ? 1 : wrong.length;
  }
  // The gateway, which ends later, would keep its connection open.
  upstream.cut();
  await upstream.close();
  return { passed, failed };
}

/** Returns the lines that a client prints on stdout; its stderr goes to the terminal. */
async function linesOf([command = '', ...args]: readonly string[]): Promise<string[]> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) lines.push(line);
  return lines;
}
