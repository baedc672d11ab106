/**
 * This module lists the settings that are read only at the start of a process. A reload that changes one of them is refused,
 * because the change would have no effect until the next start.
 */
import { type Diagnostic, errorAt, type Position } from '../base/diagnostic.js';
import type { Config } from './config.js';

interface ReadOnce {
  /** The path of the key in the config file. */
  readonly path: readonly string[];
  /** Returns the setting, or the part of it that a reload cannot change. */
  readonly of: (config: Config) => unknown;
  /** The part of the setting that a reload cannot change, in words. Absent when the whole setting cannot change. */
  readonly what?: string;
}

const READ_ONCE: readonly ReadOnce[] = [
  { path: ['listen', 'host'], of: ({ listen }) => listen.host },
  { path: ['listen', 'port'], of: ({ listen }) => listen.port },
  { path: ['listen', 'tls'], of: ({ listen }) => listen.tls !== undefined, what: 'turning TLS on or off' },
  {
    path: ['listen', 'tls', 'clientCa'],
    of: ({ listen: { tls } }) => tls !== undefined && tls.clientCa !== undefined,
    what: 'asking clients for certificates or no longer asking them',
  },
  { path: ['admin'], of: ({ admin }) => admin !== undefined, what: 'turning the admin port on or off' },
  { path: ['admin', 'host'], of: ({ admin }) => admin?.host },
  { path: ['admin', 'port'], of: ({ admin }) => admin?.port },
  { path: ['workers'], of: ({ workers }) => workers },
  { path: ['limits', 'headerBytes'], of: ({ limits }) => limits.headerBytes },
  { path: ['log', 'format'], of: ({ log }) => log.format },
  { path: ['log', 'audit'], of: ({ log }) => log.audit },
];

/** Returns the position of a key in the config file. */
export type PlaceOf = (path: readonly PropertyKey[]) => Position;

/** Returns an error for each setting that a reload cannot change, and that differs between the present config and `next`. */
export function restartProblems(served: Config, next: Config, placeOf: PlaceOf): readonly Diagnostic[] {
  const changed = READ_ONCE.filter(({ of }) => of(served) !== of(next));
  // If a whole block is added or removed, one error for the block is enough.
  const outermost = changed.filter(
    ({ path }) => !changed.some((other) => other.path !== path && isWithin(path, other)),
  );
  return outermost.map(({ path, what = 'a change of it' }) => {
    const text = `${path.join('.')}: expected the value from the start, because ${what} needs a restart`;
    return errorAt(placeOf(path), 'needs-restart', text);
  });
}

function isWithin(path: readonly string[], { path: outer }: ReadOnce): boolean {
  return outer.length < path.length && outer.every((key, index) => path[index] === key);
}
