/**
 * This module finds the files whose descriptors a new registry cannot take over from the one before: those that have changed,
 * those that need one of them, and those in which a name may now mean something else. Each file is known by its `Places`
 * object, which all its declarations share.
 */
import type { Steps } from '../base/slices.js';
import { type FileDeclaration, lastSegment, type Places, type TypeReference } from './declaration.js';

interface File {
  readonly declaration: FileDeclaration;
  readonly routed: boolean;
}

/** The state of the registry before a change: the files from which it was linked, and the files that each of them needs. */
export interface Before {
  readonly files: readonly File[];
  /** Returns the files that a file needs, as far as its messages are linked or checked. Undefined if none is. */
  readonly needsOf: (places: Places) => ReadonlySet<Places> | undefined;
  /** The files of messages that have extensions. They may also need the files that declare these extensions. */
  readonly extended: readonly Places[];
}

/** A file that has changed is a removed and an added one. */
export interface ChangedFiles {
  readonly removed: readonly FileDeclaration[];
  readonly added: readonly FileDeclaration[];
}

export interface FileChanges extends ChangedFiles {
  /** The places of all files that must be linked again, and of those that were removed. */
  readonly stale: ReadonlySet<Places>;
}

/** If more than one in four files has changed, all files are linked again. */
const MANY = 4;

/** Returns the files that have changed; undefined if they are so many that everything must be linked again. */
export function* changedFiles(before: readonly File[], files: readonly File[]): Steps<ChangedFiles | undefined> {
  const [was, is] = [routedOf(before), routedOf(files)];
  yield;
  const removed = [...was.keys()].filter((one) => is.get(one) !== was.get(one));
  const added = [...is.keys()].filter((one) => was.get(one) !== is.get(one));
  return (removed.length + added.length) * MANY > files.length ? undefined : { removed, added };
}

/** Returns which files must be linked again; undefined if all of them must. */
export function* findChanges(
  before: Before,
  files: readonly File[],
  { removed, added }: ChangedFiles,
): Steps<FileChanges | undefined> {
  // Extensions change messages of other files.
  if ([...removed, ...added].some(({ extensions }) => extensions.length > 0)) return undefined;
  const stale = new Set([...before.extended, ...removed.flatMap((file) => placesOf(file) ?? [])]);
  const names = changedNames(removed, added);
  if (names.size > 0) {
    for (const { declaration: file } of files) {
      yield;
      if (![...referencesOf(file)].some(({ name }) => names.has(lastSegment(name)))) continue;
      if (file.extensions.length > 0) return undefined;
      const places = placesOf(file);
      if (places !== undefined) stale.add(places);
    }
  }
  yield* addUsers(stale, before.files, before);
  return { removed, added, stale };
}

/** Returns for each file whether its services get routes. If a file has several import names, the first one decides. */
function routedOf(files: readonly File[]): ReadonlyMap<FileDeclaration, boolean> {
  const routed = new Map<FileDeclaration, boolean>();
  for (const { declaration, routed: own } of files) if (!routed.has(declaration)) routed.set(declaration, own);
  return routed;
}

/** Returns the places that all declarations of a file share. Undefined for a file without declarations. */
export function placesOf({ messages, enums, services }: FileDeclaration): Places | undefined {
  return (messages[0] ?? enums[0] ?? services[0])?.places;
}

/** Returns the simple names of the types that were added or removed: `Order` of `shop.v1.Order`. */
function changedNames(removed: readonly FileDeclaration[], added: readonly FileDeclaration[]): ReadonlySet<string> {
  const [was, is] = [removed, added].map(
    (files) => new Set(files.flatMap(({ messages, enums }) => [...messages, ...enums].map(({ fullName }) => fullName))),
  ) as [Set<string>, Set<string>];
  const changed = [...[...was].filter((name) => !is.has(name)), ...[...is].filter((name) => !was.has(name))];
  return new Set(changed.map(lastSegment));
}

function* referencesOf({ messages, services, extensions }: FileDeclaration): Generator<TypeReference> {
  for (const { fields } of messages) for (const { type } of fields) if (typeof type !== 'string') yield type;
  for (const { methods } of services) for (const { input, output } of methods) yield* [input, output];
  for (const { extendee, field } of extensions) {
    yield extendee;
    if (typeof field.type !== 'string') yield field.type;
  }
}

/** Adds each file that needs a stale file, until all such files are stale too. */
function* addUsers(stale: Set<Places>, files: readonly File[], { needsOf }: Before): Steps<void> {
  const others: { readonly places: Places; readonly needs: ReadonlySet<Places> }[] = [];
  for (const { declaration } of files) {
    const places = placesOf(declaration);
    const needs = places === undefined || stale.has(places) ? undefined : needsOf(places);
    if (needs !== undefined && needs.size > 0) others.push({ places: places!, needs });
  }
  for (let size = -1; size !== stale.size; ) {
    yield;
    size = stale.size;
    for (const { places, needs } of others) if (!stale.has(places) && hasAny(needs, stale)) stale.add(places);
  }
}

function hasAny(needs: ReadonlySet<Places>, stale: ReadonlySet<Places>): boolean {
  for (const one of needs) if (stale.has(one)) return true;
  return false;
}
