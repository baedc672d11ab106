/**
 * This module runs in the thread that looks for changed files and parses them. Only `parse-thread.ts` starts it. Between two
 * questions the thread keeps the stamps of the files, and the code, which V8 has optimised by then.
 */
import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { BUNDLED_ROOT } from './bundled.js';
import { readDescriptorSet } from './descriptor-set.js';
import { KnownPlaces } from './known-places.js';
import { plainOf } from './packed.js';
import type { Answer, Done, Question } from './parse-thread.js';
import { type Known, stampOf } from './parsed-files.js';
import { parseProtoFile } from './proto-files.js';
import { digestOf, protosBelow } from './proto-folder.js';
import { Words } from './words.js';

/**
 * When files with this many bytes of text have been parsed, their declarations are sent to the main thread, which needs some
 * milliseconds to receive them.
 */
const BATCH_BYTES = 64 * 1024;

const port = parentPort!;
let goOn = () => {};
/** The files that the main thread has, by path. */
let known = new Map<string, { readonly name: string; readonly stamp: string }>();

/**
 * Sends an answer, and waits until the main thread has read it. Otherwise that thread would read all answers without a pause.
 */
function send(answer: Answer): Promise<void> {
  return new Promise((resolve) => {
    goOn = resolve;
    port.postMessage(answer);
  });
}

async function answer({ roots, sets, known: text, digest }: Extract<Question, { kind: 'refresh' }>): Promise<void> {
  if (text !== undefined)
    known = new Map((JSON.parse(text) as Known).map(([path, name, stamp]) => [path, { name, stamp }]));
  const scanned = roots.map((root) => [root, protosBelow(root)] as const);
  const names = new Map<string, string>();
  for (const [path, { name }] of known) if (name !== '') names.set(path, name);
  for (const [, { found }] of scanned) for (const { name, path } of found) if (!names.has(path)) names.set(path, name);
  const gone: string[] = [];
  const words = new Words();
  let files: Extract<Answer, { kind: 'files' }>['files'] = [];
  let bytes = 0;
  for (const [path, name] of names) {
    try {
      const stamp = stampOf(path);
      if (known.get(path)?.stamp === stamp) continue;
      const file = plainOf(parseProtoFile(name, path, words));
      files.push({ path, stamp, file });
      known.set(path, { name, stamp });
      bytes += Number(stamp.split(' ')[2]);
    } catch {
      // The loader reads it again, and reports the reason.
      known.delete(path);
      gone.push(path);
    }
    if (bytes < BATCH_BYTES) continue;
    await send({ kind: 'files', files });
    files = [];
    bytes = 0;
  }
  if (files.length > 0) await send({ kind: 'files', files });
  for (const path of sets) {
    try {
      const stamp = stampOf(path);
      if (known.get(path)?.stamp === stamp) continue;
      await sendSet(path, stamp);
      known.set(path, { name: '', stamp });
    } catch {
      // The loader reads it again, and reports the reason.
      known.delete(path);
      gone.push(path);
    }
  }
  const done: Done = { scanned: digestOf(scanned) === digest ? undefined : scanned, gone };
  port.postMessage({ kind: 'done', done: JSON.stringify(done) } satisfies Answer);
}

async function sendSet(path: string, stamp: string): Promise<void> {
  const { files, diagnostics } = readDescriptorSet(readFileSync(path), path, BUNDLED_ROOT);
  for (let at = 0; at < files.length; at += SET_FILES) {
    const part = files.slice(at, at + SET_FILES).map((declaration) => {
      const { messages, enums, services, extensions } = declaration;
      const places = [messages, enums, services, extensions].find((list) => list.length > 0)?.[0]?.places;
      return { file: plainOf(declaration), maps: places instanceof KnownPlaces ? places.maps : undefined };
    });
    await send({ kind: 'set-files', files: part });
  }
  await send({ kind: 'set', path, stamp, diagnostics });
}

/** The number of files of a descriptor set that are sent at once. */
const SET_FILES = 20;

port.on('message', (question: Question) => {
  if (question.kind === 'read') goOn();
  else void answer(question);
});
