/**
 * Fetches the npm package google-proto-files, 8,051 protos of Google's APIs, and lists its routes. Both are kept in
 * `.cache/`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const GOOGLE_PROTOS = 'google-proto-files@5.0.3';

/** Returns the folder of the package, which is an import root. The first call fetches it with `npm pack`. */
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
  // The folder gets its name only when the copy is whole, because later runs look for that name.
  renameSync(unpacking, folder);
  return folder;
}

export interface HttpRoute {
  readonly method: string;
  readonly path: string;
}

/**
 * Returns the routes that `protogate routes` finds in the package, conflicting ones included. The list is kept in a file;
 * delete the file when the loader has changed.
 */
export function googleRoutes(): HttpRoute[] {
  const file = join('.cache', 'google-routes.json');
  if (!existsSync(file)) {
    const args = ['bin/protogate.js', 'routes', '--format', 'json', '--protos', googleProtos()];
    // The loader runs in a process of its own, so that the heap of the caller stays small.
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 });
    const routes = (JSON.parse(stdout) as HttpRoute[]).map(({ method, path }) => ({ method, path }));
    writeFileSync(file, JSON.stringify(routes));
  }
  return JSON.parse(readFileSync(file, 'utf8')) as HttpRoute[];
}
