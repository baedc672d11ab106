/**
 * Reports when one of many files has changed. The folders of the files are watched, because a watch on a file itself is lost
 * when an editor puts another file in its place. A symbolic link on the way to a file may be replaced too, as Kubernetes does
 * with a ConfigMap, so the folders that contain these links are watched as well.
 *
 *     event ─▶ is it about one of the files? ─▶ wait until it is quiet ─▶ watch new folders ─▶ onChange
 *
 * Some file systems report no changes, for example network drives. So all files are also compared regularly; the longer a
 * comparison takes, the longer is the wait until the next one.
 */
import { type FSWatcher, watch } from 'node:fs';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import type { ChangedPaths } from '../base/changed-paths.js';
import type { Clock } from '../base/clock.js';

export interface WatchTargets {
  /** The paths of single files whose changes are reported. */
  readonly files: readonly string[];
  /** The folders whose `.proto` files are watched, including those in subfolders. */
  readonly roots: readonly string[];
}

export interface FileWatchOptions {
  readonly clock: Clock;
  /**
   * Called once when files have changed and then nothing has changed for 100 ms. `changed` has the paths of the files that have
   * changed since the last call, with the real paths of their folders. It is undefined if other files may have changed too.
   */
  readonly onChange: (changed: ChangedPaths) => void;
  /**
   * Called when a folder cannot be watched, for example because the system allows no more watches. Changes in it are then found
   * only by the regular comparison.
   */
  readonly onUnwatched: (error: unknown) => void;
}

/** The milliseconds without a change after which changes are reported. */
const QUIET_MS = 100;
/** The milliseconds for which an empty file delays the report, because some editors first empty a file and then write it. */
const EMPTY_MS = 1000;
/** The milliseconds after which changes are reported in any case, even if files still change. */
const LONGEST_MS = 10_000;
/**
 * The wait between two comparisons of all files: at least `everyMs`, and at least `restFactor` times the duration of a
 * comparison.
 */
const COMPARE = { everyMs: 5000, restFactor: 100 };

/**
 * A watched folder. Changes of the files in `names` are reported. If `protos` is true, so are changes of all `.proto` files and
 * subfolders.
 */
interface Watched {
  watcher: FSWatcher | undefined;
  /** The device and the inode of the folder. If they differ, another folder has been put at the path. */
  readonly id: string;
  readonly names: Set<string>;
  protos: boolean;
}

export class FileWatch {
  private readonly folders = new Map<string, Watched>();
  private targets: WatchTargets = { files: [], roots: [] };
  /** The state of the files when they were read last. Undefined before the first `follow`. */
  private seen: State | undefined;
  private isClosed = false;
  /** True if a folder or a symbolic link has changed, so that other folders may have to be watched. */
  private isMoved = false;
  /** True if files may have changed whose paths are not in `changed`. */
  private isVague = false;
  /** The monotonic time of the first change that was not reported yet, in milliseconds. Undefined if there is none. */
  private firstAt: number | undefined;
  private changed = new Set<string>();
  private changes = 0;
  private cancelQuiet = () => {};
  private cancelCompare = () => {};
  private lastSync = Promise.resolve();

  constructor(private readonly options: FileWatchOptions) {}

  /**
   * Watches these files from now on, and no others. They were read at `readAtMs`, in milliseconds since the epoch. Changes
   * since then are reported too.
   */
  async follow(targets: WatchTargets, readAtMs: number): Promise<void> {
    if (this.seen !== undefined && JSON.stringify(targets) === JSON.stringify(this.targets)) return;
    this.targets = targets;
    await this.sync();
    const isFirst = this.seen === undefined;
    this.seen = await this.state();
    if (this.seen.newestMs >= readAtMs) this.note(undefined);
    if (isFirst) this.compareLater(0);
  }

  close(): void {
    this.isClosed = true;
    this.cancelQuiet();
    this.cancelCompare();
    for (const { watcher } of this.folders.values()) watcher?.close();
    this.folders.clear();
  }

  /** Watches the folders in which the targets are now, and no others. */
  private sync(): Promise<void> {
    this.lastSync = this.lastSync.then(() => this.syncNow());
    return this.lastSync;
  }

  private async syncNow(): Promise<void> {
    const wanted = new Map<string, { readonly names: Set<string>; protos: boolean }>();
    const want = (folder: string) => {
      const known = wanted.get(folder) ?? { names: new Set(), protos: false };
      wanted.set(folder, known);
      return known;
    };
    for (const path of [...this.targets.files, ...this.targets.roots]) await noteWay(path, want);
    for (const root of this.targets.roots) {
      for await (const { folder, links } of foldersBelow(root)) {
        want(folder).protos = true;
        for (const link of links) await noteWay(link, want);
      }
    }
    if (this.isClosed) return;
    for (const [folder, { watcher }] of this.folders) {
      if (wanted.has(folder) && watcher !== undefined) continue;
      watcher?.close();
      this.folders.delete(folder);
    }
    for (const [folder, { names, protos }] of wanted) await this.watchFolder(folder, names, protos);
  }

  private async watchFolder(folder: string, names: Set<string>, protos: boolean): Promise<void> {
    const id = await idOf(folder);
    const known = this.folders.get(folder);
    if (known !== undefined && known.id === id) {
      Object.assign(known, { names, protos });
      return;
    }
    known?.watcher?.close();
    if (id === undefined || this.isClosed) {
      this.folders.delete(folder);
      return;
    }
    const watched: Watched = { watcher: undefined, id, names, protos };
    this.folders.set(folder, watched);
    try {
      watched.watcher = watch(folder, { persistent: false }, (event, name) => this.onEvent(folder, event, name));
      // The folder no longer exists, or the system allows no more watches. `onMoved` leads to a new attempt to watch it.
      watched.watcher.on('error', () => {
        this.folders.delete(folder);
        this.onMoved();
      });
    } catch (error) {
      this.options.onUnwatched(error);
    }
  }

  private onEvent(folder: string, event: 'rename' | 'change' | (string & {}), name: string | null): void {
    const watched = this.folders.get(folder);
    if (watched === undefined) return;
    if (name === null) return this.onMoved();
    const path = join(folder, name);
    if (watched.names.has(name)) {
      if (event === 'rename') this.isMoved = true;
      return this.note(path);
    }
    if (!watched.protos || (name.startsWith('.') && !name.startsWith('..'))) return;
    if (name.endsWith('.proto')) return this.note(path);
    // A subfolder or a link may have been added or removed. Editors also create files with many other names, which are ignored.
    if (event === 'rename') void this.isWay(path).then((isWay) => isWay && this.onMoved());
  }

  /**
   * Returns true if the path leads to other files: it is a folder, a symbolic link, or a watched folder that no longer exists.
   */
  private async isWay(path: string): Promise<boolean> {
    if ([...this.folders.keys()].some((folder) => folder === path || folder.startsWith(path + sep))) return true;
    const stats = await lstat(path).catch(() => undefined);
    return stats?.isDirectory() === true || stats?.isSymbolicLink() === true;
  }

  private onMoved(): void {
    this.isMoved = true;
    this.note(undefined);
  }

  private note(path: string | undefined): void {
    if (this.isClosed) return;
    this.changes++;
    if (path === undefined) this.isVague = true;
    else this.changed.add(path);
    this.firstAt ??= this.options.clock.monotonic();
    this.settle(QUIET_MS);
  }

  private settle(delayMs: number): void {
    const { clock } = this.options;
    this.cancelQuiet();
    const leftMs = this.firstAt! + LONGEST_MS - clock.monotonic();
    this.cancelQuiet = clock.after(Math.max(0, Math.min(delayMs, leftMs)), () => void this.tell());
  }

  private async tell(): Promise<void> {
    const { clock, onChange } = this.options;
    const firstAt = this.firstAt!;
    const { changes } = this;
    const isEmpty = clock.monotonic() - firstAt < EMPTY_MS && (await this.hasEmpty());
    // If something has changed during the check, the wait has already been started again.
    if (changes !== this.changes) return;
    if (isEmpty) return this.settle(QUIET_MS);
    const { changed } = this;
    const isVague = this.isVague || this.isMoved;
    this.firstAt = undefined;
    this.changed = new Set();
    this.isVague = false;
    // The state is recorded before `onChange` reads the files. So a change during that reading is found by the next comparison.
    if (this.isMoved) {
      this.isMoved = false;
      await this.sync();
      this.seen = await this.state();
    } else {
      await this.stampAgain(changed);
    }
    if (!this.isClosed) onChange(isVague ? undefined : changed);
  }

  private async stampAgain(changed: ReadonlySet<string>): Promise<void> {
    for (const path of [...this.targets.files, ...changed]) {
      const stamp = await stampOf(path);
      if (stamp === undefined) this.seen?.stamps.delete(path);
      else if (path.endsWith('.proto') || this.seen?.stamps.has(path)) this.seen?.stamps.set(path, stamp.text);
    }
  }

  private async hasEmpty(): Promise<boolean> {
    const sizes = [...this.changed].slice(0, 100).map((path) =>
      stat(path).then(
        ({ size }) => size,
        () => 1,
      ),
    );
    return (await Promise.all(sizes)).includes(0);
  }

  private compareLater(tookMs: number): void {
    if (this.isClosed) return;
    const restMs = Math.max(COMPARE.everyMs, tookMs * COMPARE.restFactor);
    this.cancelCompare = this.options.clock.after(restMs, () => void this.compare());
  }

  private async compare(): Promise<void> {
    const { clock } = this.options;
    const startedAt = clock.monotonic();
    const now = await this.state();
    this.compareLater(clock.monotonic() - startedAt);
    // If a change is already waiting to be reported, these changes are reported with it.
    if (this.firstAt === undefined && !isSame(now, this.seen)) this.onMoved();
  }

  private async state(): Promise<State> {
    const stamps = new Map<string, string>();
    let newestMs = 0;
    const look = async (path: string, isFile: boolean) => {
      const stamp = await stampOf(path);
      if (stamp === undefined) return;
      if (isFile) stamps.set(path, stamp.text);
      newestMs = Math.max(newestMs, stamp.changedAtMs);
    };
    for (const file of this.targets.files) await look(file, true);
    for (const root of this.targets.roots) {
      for await (const { folder, protos } of foldersBelow(root)) {
        await look(folder, false);
        for (const name of protos) await look(join(folder, name), true);
      }
    }
    return { stamps, newestMs };
  }
}

interface State {
  /** A text for each file, by its path. The text differs if the file has changed. */
  readonly stamps: Map<string, string>;
  /** The time of the newest change of a file or a folder, in milliseconds since the epoch. */
  readonly newestMs: number;
}

function isSame({ stamps }: State, other: State | undefined): boolean {
  if (stamps.size !== other?.stamps.size) return false;
  for (const [path, stamp] of stamps) if (other.stamps.get(path) !== stamp) return false;
  return true;
}

type Want = (folder: string) => { readonly names: Set<string> };

/** The most symbolic links on the way to a file that are followed, as in Linux. */
const MOST_LINKS = 40;

/**
 * Finds the folders that must be watched to see changes of `path`: the folder of the file, and each folder on the way to it
 * that contains a symbolic link. Calls `want` for each of them, and adds the names of the file and of the links to its `names`.
 */
async function noteWay(path: string, want: Want): Promise<void> {
  let links = 0;
  let done = resolve(path).startsWith(sep) ? sep : '';
  const parts = resolve(path)
    .split(sep)
    .filter((part) => part !== '');
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const next = done === '' ? part : join(done, part);
    const target = await readlink(next).catch(() => undefined);
    if (parts.length === 0 || target !== undefined) want(done).names.add(part);
    if (target === undefined) {
      done = next;
      continue;
    }
    if (links++ === MOST_LINKS) return;
    const absolute = resolve(done, target);
    parts.unshift(...absolute.split(sep).filter((one) => one !== ''));
    done = sep;
  }
}

interface Folder {
  /** The real path of the folder. */
  readonly folder: string;
  readonly protos: readonly string[];
  /** The paths of the symbolic links in the folder. */
  readonly links: readonly string[];
}

/**
 * Yields the root and all folders below it that may contain protos, each once. They are the folders that `protosBelow` reads.
 */
async function* foldersBelow(root: string): AsyncGenerator<Folder> {
  const visited = new Set<string>();
  const waiting = [root];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const folder = await realpath(path).catch(() => undefined);
    if (folder === undefined || visited.has(folder)) continue;
    visited.add(folder);
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    const protos: string[] = [];
    const links: string[] = [];
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const isLink = entry.isSymbolicLink();
      const inside = join(folder, entry.name);
      if (isLink) links.push(inside);
      const isFolder = entry.isDirectory() || (isLink && (await isFolderAt(inside)));
      if (isFolder) waiting.push(inside);
      else if (entry.name.endsWith('.proto')) protos.push(entry.name);
    }
    yield { folder, protos, links };
  }
}

async function isFolderAt(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() === true;
}

async function idOf(folder: string): Promise<string | undefined> {
  const stats = await stat(folder).catch(() => undefined);
  return stats === undefined ? undefined : `${stats.dev} ${stats.ino}`;
}

/**
 * Returns the identity, the size and the times of a file; undefined if there is no such file. A tool may set the time of the
 * content (mtime), but not that of the inode (ctime).
 */
async function stampOf(path: string): Promise<{ readonly text: string; readonly changedAtMs: number } | undefined> {
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = stats;
  return { text: `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`, changedAtMs: Number(ctimeMs) };
}
