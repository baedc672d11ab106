/**
 * This module keeps parsed files, so that a reload parses only the files that have changed. A file has changed if its inode,
 * its size or one of its times differs. The time of the inode (ctime) counts too, because a tool can set the other one.
 */
import { readFileSync, statSync } from 'node:fs';
import { BUNDLED_ROOT } from './bundled.js';
import type { FileDeclaration } from './declaration.js';
import { readDescriptorSet, type SetContent } from './descriptor-set.js';
import { parseProtoFile } from './proto-files.js';
import { Words } from './words.js';

export interface ParsedFile {
  readonly stamp: string;
  readonly declaration: FileDeclaration;
}

/** A descriptor set that was read. */
export interface ParsedSet extends SetContent {
  readonly stamp: string;
}

/** The path, the import name and the stamp of each file. The name of a descriptor set is empty. */
export type Known = readonly (readonly [path: string, name: string, stamp: string])[];

/** Returns the stamp of a file: a text that differs when the file has changed. Throws if there is no file. */
export function stampOf(path: string): string {
  // Nanoseconds as BigInts would be exact, and take three times as long. These numbers are exact to a quarter of a microsecond.
  const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
  return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

/** The most files that are compared and parsed without another thread. */
const FEW_FILES = 100;

export class ParsedFiles {
  private readonly byPath = new Map<string, ParsedFile>();
  private readonly sets = new Map<string, ParsedSet>();
  /**
   * The files that have changed, once another thread has compared the stamps of all files for the load that runs. Undefined if
   * it has not.
   */
  private stale: ReadonlySet<string> | undefined;
  private readonly used = new Set<string>();
  private words = new Words();
  private lastRoots = '';
  /** This object is replaced when this process changes the known files. */
  private version = {};

  /** Returns what a file declares. Throws if it cannot be read. */
  read(name: string, path: string): FileDeclaration {
    this.used.add(path);
    const known = this.byPath.get(path);
    const stamp = known !== undefined && this.isFresh(path) ? known.stamp : stampOf(path);
    if (known?.stamp === stamp && known.declaration.name === name) return known.declaration;
    const declaration = parseProtoFile(name, path, this.words);
    this.byPath.set(path, { stamp, declaration });
    this.version = {};
    return declaration;
  }

  /** Returns what a descriptor set declares. Throws if it cannot be read. */
  readSet(path: string): SetContent {
    this.used.add(path);
    const known = this.sets.get(path);
    const stamp = known !== undefined && this.isFresh(path) ? known.stamp : stampOf(path);
    if (known?.stamp === stamp) return known;
    const set = { stamp, ...readDescriptorSet(readFileSync(path), path, BUNDLED_ROOT) };
    this.sets.set(path, set);
    this.version = {};
    return set;
  }

  /** Returns the parsed file, without a look at the file system. */
  declarationAt(path: string): FileDeclaration | undefined {
    return this.byPath.get(path)?.declaration;
  }

  /** Returns the parsed descriptor set, without a look at the file system. */
  setAt(path: string): SetContent | undefined {
    return this.sets.get(path);
  }

  /** Returns the files and descriptor sets that are kept. */
  known(): Known {
    const known: Known[number][] = [];
    for (const [path, { stamp, declaration }] of this.byPath) known.push([path, declaration.name, stamp]);
    for (const [path, { stamp }] of this.sets) known.push([path, '', stamp]);
    return known;
  }

  /** Takes a file that another thread has parsed. */
  set(path: string, file: ParsedFile): void {
    this.byPath.set(path, file);
  }

  /** Takes a descriptor set that another thread has read. */
  setSet(path: string, set: ParsedSet): void {
    this.sets.set(path, set);
  }

  /**
   * Says that the stamps of all known files are right, except those of the files in `stale`. So they are not compared again.
   */
  confirm(stale: ReadonlySet<string>): void {
    this.stale = stale;
  }

  private isFresh(path: string): boolean {
    return this.stale !== undefined && !this.stale.has(path);
  }

  /**
   * Returns an object that is replaced when this process changes the known files. Changes by the other thread do not replace
   * it.
   */
  get knownVersion(): object {
    return this.version;
  }

  /**
   * True if these roots are those of the last load, and have so few files, and no descriptor sets, that reading them takes
   * little time.
   */
  isSmallFor(roots: unknown): boolean {
    return this.byPath.size <= FEW_FILES && this.sets.size === 0 && this.lastRoots === JSON.stringify(roots);
  }

  /** Ends a load: files that it did not use are forgotten, and the others are compared again by the next one. */
  endLoad(roots: unknown): void {
    this.lastRoots = JSON.stringify(roots);
    for (const kept of [this.byPath, this.sets]) {
      for (const path of kept.keys()) {
        if (this.used.has(path)) continue;
        kept.delete(path);
        this.version = {};
      }
    }
    this.endPart();
  }

  /** Ends a load that has read only the files that have changed. */
  endPart(): void {
    // Otherwise the words of all versions of all files would be kept.
    this.words = new Words();
    this.used.clear();
    this.stale = undefined;
  }
}
