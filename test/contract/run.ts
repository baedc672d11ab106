/**
 * Holds the OpenAPI document of the demo against the demo itself, from outside:
 *
 *     a client with types that openapi-typescript makes of it compiles and works, and wrong calls do not compile
 *
 *     node dist/test/contract/run.js
 *
 * It installs both packages from the registry into `.cache/contract`. The exit code is 1 if something disagrees.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { shopProtos } from '../../src/demo/protos.js';
import { ROOT, serving } from '../support/run.js';
import { until } from '../support/until.js';

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

await mkdir(FOLDER, { recursive: true });
const demo = await serving(['demo', '--port', '0', '--admin-port', '0']);
try {
  await until(() => demo.stderr().includes('Ctrl+C'));
  const credentials = new Map(
    [...demo.stderr().matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name = '', value = '']) => [name, value]),
  );
  await runClient(credentials);
} finally {
  await demo.stop();
}

async function runClient(credentials: ReadonlyMap<string, string>): Promise<void> {
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
  process.stdout.write(run(process.execPath, 'client.js', demo.url, token, key));
}
