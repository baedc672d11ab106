/** The npm package google-proto-files, 8,051 protos of Google's APIs, kept in `.cache/`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
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
