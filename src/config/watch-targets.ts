/** This module lists the files that a config depends on. */
import type { Config } from './config.js';
import type { WatchTargets } from './file-watch.js';

/**
 * Returns the files that must be watched for changes. `configFiles` are those from which the config was read. The file of API
 * keys and the certificates of the listener are not among them, because other code watches these.
 */
export function watchTargets(
  { schema, upstreams, auth, surfaces }: Config,
  configFiles: readonly string[],
): WatchTargets {
  const files = [...configFiles, ...schema.descriptorSets, ...schema.httpRules];
  for (const { tls } of upstreams.values()) {
    for (const file of [tls?.ca, tls?.cert, tls?.key]) if (file !== undefined) files.push(file);
  }
  const issuers = [auth, ...surfaces.map((one) => one.auth)].flatMap((one) => one?.jwt ?? []);
  for (const { keys } of issuers) if (keys.kind === 'file') files.push(keys.file);
  return { files: [...new Set(files)], roots: [...new Set([...schema.protos, ...schema.imports])] };
}
