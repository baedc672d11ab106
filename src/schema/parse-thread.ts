/**
 * Finds and parses the changed files of a schema in another thread, so that a process that serves goes on meanwhile:
 *
 *     this process                            the thread
 *     roots, stamps of known files ─────────▶ looks through the roots, compares the stamps, parses what has changed
 *     takes the declarations in parts ◀────── a part, when the last one was taken
 *
 * The thread ends when nobody has asked it for a while.
 */
import { Worker } from 'node:worker_threads';
import type { Diagnostic } from '../base/diagnostic.js';
import { KnownPlaces, type PlaceMaps } from './known-places.js';
import { type PlainFile, withPlaces } from './packed.js';
import type { ParsedFiles } from './parsed-files.js';
import { placesOf } from './places.js';
import type { Scanned } from './proto-folder.js';

export type Question =
  | {
      readonly kind: 'refresh';
      /** The roots whose files are all loaded. */
      readonly roots: readonly string[];
      /** The paths of descriptor sets. */
      readonly sets: readonly string[];
      /** The import name and the stamp of each file that is parsed already, by path. */
      readonly known: ReadonlyMap<string, { readonly name: string; readonly stamp: string }>;
    }
  /** The last answer was read. */
  | { readonly kind: 'read' };

export type Answer =
  | { readonly kind: 'files'; readonly files: { path: string; stamp: string; file: PlainFile }[] }
  /** Files of the descriptor set that follows. */
  | { readonly kind: 'set-files'; readonly files: readonly { file: PlainFile; maps: PlaceMaps | undefined }[] }
  | { readonly kind: 'set'; readonly path: string; readonly stamp: string; readonly diagnostics: readonly Diagnostic[] }
  /** The end. `same` has the files that have not changed. */
  | {
      readonly kind: 'done';
      readonly scanned: readonly (Scanned & { root: string })[];
      readonly same: readonly string[];
    };

/** How long the thread stays without a question. */
const IDLE_MS = 30_000;

let thread: Worker | undefined;
let idle: NodeJS.Timeout | undefined;
let last: Promise<unknown> = Promise.resolve();

/**
 * Brings `parsed` up to date, and returns the files below each root. If the thread cannot work, undefined is returned and
 * `parsed` has less: what it lacks is parsed when it is read.
 */
export function refresh(
  parsed: ParsedFiles,
  sources: { readonly protos: readonly string[]; readonly descriptorSets: readonly string[] },
): Promise<ReadonlyMap<string, Scanned> | undefined> {
  // One question at a time, because the answers do not say to which one they belong.
  const asked = last.then(() => ask(parsed, sources)).catch(() => undefined);
  last = asked;
  return asked;
}

function ask(
  parsed: ParsedFiles,
  { protos, descriptorSets }: Parameters<typeof refresh>[1],
): Promise<ReadonlyMap<string, Scanned>> {
  clearTimeout(idle);
  thread ??= start();
  const worker = thread;
  return new Promise<ReadonlyMap<string, Scanned>>((resolve, reject) => {
    let ofSet: Extract<Answer, { kind: 'set-files' }>['files'][number][] = [];
    const onAnswer = (answer: Answer) => {
      switch (answer.kind) {
        case 'files':
          for (const { path, stamp, file } of answer.files)
            parsed.set(path, { stamp, declaration: withPlaces(file, placesOf(path)) });
          break;
        case 'set-files':
          ofSet.push(...answer.files);
          break;
        case 'set': {
          const { path, stamp, diagnostics } = answer;
          const files = ofSet.map(({ file, maps }) => {
            return withPlaces(file, new KnownPlaces(maps ?? { file: file.name, positions: NONE, comments: NONE }));
          });
          parsed.setSet(path, { stamp, files, diagnostics });
          ofSet = [];
          break;
        }
        case 'done':
          for (const path of answer.same) parsed.confirm(path);
          resolve(new Map(answer.scanned.map(({ root, ...rest }) => [root, rest])));
          return;
      }
      // What waits in this process has its turn before the next part is read.
      setImmediate(() => worker.postMessage({ kind: 'read' } satisfies Question));
    };
    worker.on('message', onAnswer);
    worker.once('error', reject);
    worker.once('exit', () => {
      thread = undefined;
      reject(new Error('the thread that parses has ended'));
    });
    worker.ref();
    worker.postMessage({
      kind: 'refresh',
      roots: protos,
      sets: descriptorSets,
      known: parsed.known(),
    } satisfies Question);
  }).finally(() => {
    worker.removeAllListeners();
    worker.unref();
    if (thread === undefined) return;
    worker.once('exit', () => {
      thread = undefined;
    });
    // Without a listener, an error of the thread would end the process.
    worker.on('error', () => {});
    idle = setTimeout(() => void worker.terminate(), IDLE_MS).unref();
  });
}

const NONE = new Map<string, never>();

function start(): Worker {
  // The thread needs no flags or environment of its process.
  const worker = new Worker(new URL('./parse-worker.js', import.meta.url), { execArgv: [], env: {} });
  worker.unref();
  return worker;
}
