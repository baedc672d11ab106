/**
 * This module reads files of a git revision into a temporary folder, without a checkout. It runs git without a shell, takes
 * only regular files with the extensions of configs and protos, and bounds their number and size. Symbolic links and
 * submodules are left out, because they may lead anywhere.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from './exit.js';

const run = promisify(execFile);

const MAX_FILES = 100_000;
const MAX_BYTES = 512 * 1024 * 1024;
/** The extensions of files that a config may name: protos, YAML, keys, certificates. */
const EXTENSIONS = /\.(?:proto|ya?ml|json|pem|crt|cer|key|txt)$/;

/** The files of a revision on disk. */
export interface GitTree {
  /** The folder with the files. Paths in it are as in the repository. */
  readonly folder: string;
  /** The place of the current folder in the repository, which is empty for its root. */
  readonly prefix: string;
  /** Removes the folder. */
  remove(): void;
}

/**
 * Reads a revision of the repository that `cwd` is in. `extra` is a path, relative to `cwd`, that is read whatever its
 * extension. Throws a UsageError if git or the revision is missing, or if the files are too large.
 */
export async function readRevision(revision: string, extra: string, cwd: string): Promise<GitTree> {
  if (revision.startsWith('-')) throw new UsageError(`git:${revision}: expected a revision, got an option`);
  if (revision === '') throw new UsageError('git:: expected a revision, such as git:main');
  const root = (await git(['rev-parse', '--show-toplevel'], cwd, `git:${revision}: ${NO_REPOSITORY}`)).trim();
  const prefix = relative(root, realpathSync(cwd)).split(sep).join('/');
  const expression = `${revision}^{commit}`;
  const wrong = `git:${revision}: expected a revision that git knows`;
  const commit = (await git(['rev-parse', '--verify', '--quiet', '--end-of-options', expression], root, wrong)).trim();
  const listing = await git(['ls-tree', '-r', '-z', '--long', '--full-tree', commit], root, wrong);
  const wanted = inRepository(extra, prefix);
  const files = filesOf(listing).filter(({ path }) => EXTENSIONS.test(path) || path === wanted);
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (files.length > MAX_FILES || bytes > MAX_BYTES) {
    const found = `${files.length} with ${Math.ceil(bytes / 2 ** 20)} MiB`;
    throw new UsageError(
      `git:${revision}: expected at most ${MAX_FILES} files with ${MAX_BYTES / 2 ** 20} MiB, got ${found}`,
    );
  }
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'protogate-git-')));
  const remove = () => {
    process.off('exit', remove);
    rmSync(folder, { recursive: true, force: true });
  };
  // A signal may end the process at any time from here on.
  process.once('exit', remove);
  try {
    await writeBlobs(files, root, folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, prefix, remove };
}

/** Returns a path of the current folder as a path of the repository. */
export function inRepository(path: string, prefix: string): string {
  if (isAbsolute(path)) throw new UsageError(`${path}: expected a path relative to the current folder`);
  const inside = relative('/', resolve('/', prefix, path))
    .split(sep)
    .join('/');
  const depth = prefix === '' ? 0 : prefix.split('/').length;
  const ups = path.split('/').filter((part) => part === '..').length;
  if (ups > depth) throw new UsageError(`${path}: expected a path inside of the repository`);
  return inside;
}

async function git(args: readonly string[], cwd: string, wrong: string): Promise<string> {
  try {
    const { stdout } = await run('git', args, { cwd, maxBuffer: 256 * 1024 * 1024, env: ENVIRONMENT });
    return stdout;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UsageError('expected git to be installed');
    throw new UsageError(wrong);
  }
}

const NO_REPOSITORY = 'expected the current folder to be in a git repository; run protogate diff in the checkout';

const ENVIRONMENT = { ...process.env, GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };

interface Blob {
  readonly path: string;
  readonly id: string;
  readonly size: number;
}

/** Reads lines of the form `MODE blob ID SIZE\tPATH`, each with a NUL at its end. */
function filesOf(listing: string): readonly Blob[] {
  return listing.split('\0').flatMap((line) => {
    const [, mode, id, size, path] = /^(\d+) blob ([0-9a-f]+) +(\d+)\t([\s\S]+)$/.exec(line) ?? [];
    if (mode === undefined || !mode.startsWith('100') || path === undefined || isUnsafe(path)) return [];
    return [{ path, id: id!, size: Number(size) }];
  });
}

/** True for a path that would lead out of the folder. Git makes no such path, but a repository may be made by hand. */
function isUnsafe(path: string): boolean {
  return path.split(/[/\\]/).some((part) => part === '' || part === '.' || part === '..');
}

/** Writes the blobs that `git cat-file --batch` returns: `ID blob SIZE\n`, the content, `\n`. */
async function writeBlobs(blobs: readonly Blob[], cwd: string, folder: string): Promise<void> {
  const child = spawn('git', ['cat-file', '--batch'], { cwd, env: ENVIRONMENT, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = once(child, 'close');
  child.stdin.on('error', () => {});
  child.stdin.end(blobs.map(({ id }) => `${id}\n`).join(''));
  const reader = new ChunkReader(child.stdout);
  try {
    for (const { path, size } of blobs) {
      const head = await reader.line();
      if (!head.endsWith(` blob ${size}`))
        throw new Error(`git cat-file: expected a blob of ${size} bytes, got '${head}'`);
      const content = await reader.take(size);
      await reader.take(1);
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
  } finally {
    // After an error nothing reads the rest of git's output, so git would wait forever, and this process for git.
    child.kill();
  }
  await ended;
}

/** Reads lines and numbers of bytes from a stream. */
class ChunkReader {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(stream: AsyncIterable<Buffer>) {
    this.chunks = stream[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    for (;;) {
      const end = this.rest.indexOf(0x0a);
      if (end >= 0) {
        const text = this.rest.toString('latin1', 0, end);
        this.rest = this.rest.subarray(end + 1);
        return text;
      }
      this.rest = Buffer.concat([this.rest, await this.next()]);
    }
  }

  async take(size: number): Promise<Buffer> {
    const parts = [this.rest];
    let length = this.rest.length;
    while (length < size) {
      const chunk = await this.next();
      parts.push(chunk);
      length += chunk.length;
    }
    const all = parts.length === 1 ? this.rest : Buffer.concat(parts);
    this.rest = all.subarray(size);
    return all.subarray(0, size);
  }

  private async next(): Promise<Buffer> {
    const { done, value } = await this.chunks.next();
    if (done === true) throw new Error('git cat-file: expected more bytes, got the end');
    return value;
  }
}
