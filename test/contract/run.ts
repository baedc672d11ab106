/**
 * Holds the OpenAPI document of the demo against the demo itself, from outside:
 *
 *     a client with types that openapi-typescript makes of it compiles and works, and wrong calls do not compile
 *     schemathesis sends requests that fit the document and requests that do not, and no answer disagrees with it
 *     each operation of grpc-gateway's own examples is compared with the document of its generator
 *
 *     node dist/test/contract/run.js [--requests 10000] [--seed 7] [client|compare|tester]…
 *
 * It installs them from their registries into `.cache/contract`. The exit code is 1 if something disagrees.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { shopProtos } from '../../src/demo/protos.js';
import { ROOT, serving } from '../support/run.js';
import { until } from '../support/until.js';
import { compareWithGenerator } from './compare.js';
import { runTester } from './tester.js';

const FOLDER = join(ROOT, '.cache/contract');
const PACKAGES = ['openapi-typescript@7.13', 'openapi-fetch@0.17', 'typescript@5.9', '@types/node@20'];
/** The config has the credentials of the demo, so that the document has the same security schemes. */
const CONFIG = {
  version: 1,
  schema: { protos: [shopProtos] },
  auth: {
    default: 'public',
    jwt: [{ issuer: 'demo', audiences: ['shop'], secret: 'a secret that only the types are made with' }],
    apiKeys: { file: 'keys.yaml' },
  },
};

const { values, positionals } = parseArgs({
  options: { requests: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const isChosen = (name: string) => positionals.length === 0 || positionals.includes(name);

await mkdir(FOLDER, { recursive: true });
if (isChosen('compare') && !(await compareWithGenerator(FOLDER))) process.exitCode = 1;
if (isChosen('client') || isChosen('tester')) await withDemo();

async function withDemo(): Promise<void> {
  const demo = await serving(['demo', '--port', '0', '--admin-port', '0']);
  try {
    await until(() => demo.stderr().includes('Ctrl+C'));
    const credentials = new Map(
      [...demo.stderr().matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name = '', value = '']) => [name, value]),
    );
    if (isChosen('client')) await runClient(demo.url, credentials);
    if (isChosen('tester')) {
      const admin = /http:\/\/[\d.:]+(?=\/readyz)/.exec(demo.stderr())![0];
      const [requests, seed] = [Number(values.requests), Number(values.seed)];
      const token = credentials.get('CLERK') ?? '';
      const agrees = await runTester({
        folder: FOLDER,
        url: demo.url,
        document: `${admin}/openapi.json?surface=web`,
        token,
        requests,
        seed,
      });
      if (!agrees) process.exitCode = 1;
    }
  } finally {
    await demo.stop();
  }
}

async function runClient(url: string, credentials: ReadonlyMap<string, string>): Promise<void> {
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { cwd: FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  await writeFile(join(FOLDER, 'package.json'), '{ "private": true, "type": "module" }\n');
  if (!existsSync(join(FOLDER, 'node_modules/openapi-fetch')))
    run('npm', 'install', '--no-audit', '--no-fund', '--loglevel=error', ...PACKAGES);
  await writeFile(join(FOLDER, 'protogate.yaml'), JSON.stringify(CONFIG));
  await writeFile(join(FOLDER, 'keys.yaml'), 'keys: []\n');
  const protogate = join(ROOT, 'bin/protogate.js');
  const types = run(process.execPath, protogate, 'openapi', '-c', 'protogate.yaml', '--typescript');
  await writeFile(join(FOLDER, 'api.d.ts'), types);
  await copyFile(join(ROOT, 'test/contract/client/client.ts'), join(FOLDER, 'client.ts'));
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2022'];
  run(process.execPath, 'node_modules/typescript/bin/tsc', ...strict, '--skipLibCheck', 'client.ts');
  const [token = '', key = ''] = ['INES', 'KEY'].map((name) => credentials.get(name));
  process.stdout.write(run(process.execPath, 'client.js', url, token, key));
}
