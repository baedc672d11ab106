/** The npm package google-proto-files, 8,051 protos of Google's APIs, kept in `.cache/`, and their routes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const GOOGLE_PROTOS = 'google-proto-files@5.0.3';

/** Its folder, which is an import root; fetched by `npm pack` the first time. */
export function googleProtos(): string {
  const folder = join('.cache', 'google-proto-files');
  if (existsSync(folder)) return folder;
  const unpacking = `${folder}.${process.pid}`;
  mkdirSync(unpacking, { recursive: true });
  const printed = execFileSync('npm', ['pack', '--silent', GOOGLE_PROTOS, '--pack-destination', '.cache'], {
    encoding: 'utf8',
  });
  const archive = printed.trim().split('\n').at(-1) ?? '';
  execFileSync('tar', ['xzf', join('.cache', archive), '-C', unpacking, '--strip-components=1']);
  // Only a whole copy gets the name that later runs look for.
  renameSync(unpacking, folder);
  return folder;
}

export interface HttpRoute {
  readonly method: string;
  readonly path: string;
}

/** What `protogate routes` finds in them, conflicting ones too; kept, so delete the file when the loader finds others. */
export function googleRoutes(): HttpRoute[] {
  const file = join('.cache', 'google-routes.json');
  if (!existsSync(file)) {
    const args = ['bin/protogate.js', 'routes', '--format', 'json', '--protos', googleProtos()];
    // In a process of its own: what loading leaves on the heap is no matter of who asks.
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const routes = (JSON.parse(stdout) as HttpRoute[]).map(({ method, path }) => ({ method, path }));
    writeFileSync(file, JSON.stringify(routes));
  }
  return JSON.parse(readFileSync(file, 'utf8')) as HttpRoute[];
}
