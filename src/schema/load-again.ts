/** This module loads a schema again while the process serves requests. */
import type { ChangedPaths } from '../base/changed-paths.js';
import { inSlices } from '../base/slices.js';
import type { SchemaSources } from './loaded-files.js';
import { refresh } from './parse-thread.js';
import { ParsedFiles } from './parsed-files.js';
import { schemaWith } from './patched-schema.js';
import { rootsOf, type Schema, schemaSteps } from './source.js';

/** The most changed files that are parsed without another thread. */
const FEW_CHANGED = 10;

/**
 * Loads a schema again. Files that have not changed are not parsed again. A small schema is loaded without another thread. If
 * at most ten files may have changed since `previous` was loaded, and `changed` has their real paths, only these are read.
 * Otherwise a thread compares all files.
 */
export async function loadAgain(sources: SchemaSources, previous: Schema, changed?: ChangedPaths): Promise<Schema> {
  const { parsed = new ParsedFiles(), linked } = previous;
  if (parsed.isSmallFor(rootsOf(sources))) return inSlices(schemaSteps(sources, { parsed, previous }));
  if (changed !== undefined && changed.size <= FEW_CHANGED) {
    const patched = await inSlices(schemaWith(sources, previous, changed));
    if (patched !== undefined) return patched;
  }
  let look = await refresh(parsed, sources, linked?.loaded?.digest);
  if (look !== undefined && look.scanned === undefined) {
    const patched = await inSlices(schemaWith(sources, previous, look.changed));
    if (patched !== undefined) return patched;
    // The thread has not sent the names that it has found, because they are those of the last load.
    look = await refresh(parsed, sources, undefined);
  }
  return inSlices(schemaSteps(sources, { parsed, previous, scanned: look?.scanned }));
}
