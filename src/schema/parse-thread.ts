/**
 * This module finds and parses the changed files of a schema in another thread, so that the process can serve requests at the
 * same time:
 *
 *     this process                            the thread
 *     roots, stamps of known files ─────────▶ looks through the roots, compares the stamps, parses what has changed
 *     takes the declarations in parts ◀────── a part, when the last one was taken
 *
 * The thread ends when it has got no question for 30 seconds.
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
      /**
       * The files that are parsed already (`ParsedFiles.known`), as JSON: copying thousands of objects takes much longer. Undefined
       * if these are the files that the thread has found the last time.
       */
      readonly known: string | undefined;
      /** The digest of the files that were found below the roots in the last load. */
      readonly digest: string | undefined;
    }
  /** Tells the thread that this process has read the last answer, so that it can send the next one. */
  | { readonly kind: 'read' };

export type Answer =
  | { readonly kind: 'files'; readonly files: { path: string; stamp: string; file: PlainFile }[] }
  /** Files of the descriptor set that follows. */
  | { readonly kind: 'set-files'; readonly files: readonly { file: PlainFile; maps: PlaceMaps | undefined }[] }
  | { readonly kind: 'set'; readonly path: string; readonly stamp: string; readonly diagnostics: readonly Diagnostic[] }
  /** The end: {@link Done} as JSON. */
  | { readonly kind: 'done'; readonly done: string };

export interface Done {
  /** The files below the roots. Undefined if their digest is the one of the question. */
  readonly scanned: readonly (readonly [root: string, Scanned])[] | undefined;
  /** The paths of known files that could not be read. */
  readonly gone: readonly string[];
}

/** The result of a look at all files. */
export interface Look {
  /** The files below the roots. Undefined if their digest is that of the last load. */
  readonly scanned: ReadonlyMap<string, Scanned> | undefined;
  /** The paths of files that were parsed, and of those that could not be read. */
  readonly changed: ReadonlySet<string>;
}

/** The time after which a thread without a question ends, in milliseconds. */
const IDLE_MS = 30_000;

let thread: Worker | undefined;
let idle: NodeJS.Timeout | undefined;
let last: Promise<unknown> = Promise.resolve();
/** The version of the files that the thread knows. */
let sentVersion: object | undefined;
/** These functions receive the answers to the last question, and its failure. */
let onAnswer: (answer: Answer) => void = () => {};
let onFailure: (error: Error) => void = () => {};

/**
 * Brings `parsed` up to date, and returns what has changed. `digest` is that of the last load. Returns undefined if the thread
 * cannot work. Then the files that `parsed` lacks are parsed when they are read.
 */
export function refresh(parsed: ParsedFiles, sources: Sources, digest: string | undefined): Promise<Look | undefined> {
  // One question at a time, because the answers do not say to which one they belong.
  const asked = last.then(() => ask(parsed, sources, digest)).catch(() => undefined);
  last = asked;
  return asked;
}

interface Sources {
  readonly protos: readonly string[];
  readonly descriptorSets: readonly string[];
}

async function ask(
  parsed: ParsedFiles,
  { protos, descriptorSets }: Sources,
  digest: string | undefined,
): Promise<Look> {
  clearTimeout(idle);
  const isKnown = sentVersion === parsed.knownVersion;
  sentVersion = undefined;
  thread ??= start();
  const worker = thread;
  const tell = (question: Question) => worker.postMessage(question);
  worker.ref();
  try {
    return await new Promise((resolve, reject) => {
      const changed = new Set<string>();
      const take = takerOf(parsed, changed);
      onFailure = reject;
      onAnswer = (answer) => {
        if (answer.kind === 'done') {
          const { scanned, gone } = JSON.parse(answer.done) as Done;
          parsed.confirm(new Set(gone));
          for (const path of gone) changed.add(path);
          sentVersion = parsed.knownVersion;
          return resolve({ scanned: scanned && new Map(scanned), changed });
        }
        take(answer);
        // Events that wait in this process are handled before the next part is read.
        setImmediate(() => tell({ kind: 'read' }));
      };
      const known = isKnown ? undefined : JSON.stringify(parsed.known());
      tell({ kind: 'refresh', roots: protos, sets: descriptorSets, known, digest });
    });
  } finally {
    worker.unref();
    idle = setTimeout(() => end(worker), IDLE_MS).unref();
  }
}

/** Returns a function that puts what the thread has parsed into `parsed`, and the paths into `changed`. */
function takerOf(parsed: ParsedFiles, changed: Set<string>): (answer: Exclude<Answer, { kind: 'done' }>) => void {
  let ofSet: Extract<Answer, { kind: 'set-files' }>['files'][number][] = [];
  return function take(answer) {
    if (answer.kind === 'files') {
      for (const { path, stamp, file } of answer.files) {
        parsed.set(path, { stamp, declaration: withPlaces(file, placesOf(path)) });
        changed.add(path);
      }
    } else if (answer.kind === 'set-files') {
      ofSet.push(...answer.files);
    } else {
      const { path, stamp, diagnostics } = answer;
      const files = ofSet.map(({ file, maps }) => {
        return withPlaces(
          file,
          new KnownPlaces(maps ?? { file: file.name, positions: NONE, comments: NONE, options: NONE }),
        );
      });
      parsed.setSet(path, { stamp, files, diagnostics });
      changed.add(path);
      ofSet = [];
    }
  };
}

const NONE = new Map<string, never>();

/** Ends the thread. The next question starts another one. */
function end(worker: Worker): void {
  if (thread === worker) [thread, sentVersion] = [undefined, undefined];
  void worker.terminate();
}

function start(): Worker {
  // The thread needs no flags or environment of its process.
  const worker = new Worker(new URL('./parse-worker.js', import.meta.url), { execArgv: [], env: {} });
  worker.on('message', (answer: Answer) => onAnswer(answer));
  worker.on('error', (error: Error) => onFailure(error));
  worker.once('exit', () => {
    if (thread !== worker) return;
    [thread, sentVersion] = [undefined, undefined];
    onFailure(new Error('the thread that parses has ended'));
  });
  return worker;
}
