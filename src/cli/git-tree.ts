/**
 * This module reads the files of a git revision into a temporary folder, without a checkout. It runs git without a shell, takes
 * only regular files with the extensions of configs and protos, and limits their number and size. Symbolic links and submodules
 * are left out, because they may lead to other places.
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

/** The files of a revision in a temporary folder. */
export interface GitTree {
  /** The temporary folder. Paths in it are the same as in the repository. */
  readonly folder: string;
  /** The path of the current folder in the repository; empty if it is the root. */
  readonly prefix: string;
  /** Removes the temporary folder. */
  remove(): void;
}

/**
 * Reads a revision of the repository that contains `cwd`. `extra` is a path, relative to `cwd`, that is read even if it has
 * another extension. Throws a UsageError if git or the revision is missing, or if the files are too large.
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
  // A signal may end the process while the files are read, and the folder must be removed then too.
  process.once('exit', remove);
  try {
    await writeBlobs(files, root, folder);
  } catch (error) {
    remove();
    throw error;
  }
  return { folder, prefix, remove };
}

/**
 * Returns the path in the repository for a path that is relative to the current folder. Throws a UsageError for an absolute
 * path.
 */
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

/** Parses the lines `MODE blob ID SIZE\tPATH` of git, which end with NUL, and returns the files that are to be read. */
function filesOf(listing: string): readonly Blob[] {
  return listing.split('\0').flatMap((line) => {
    const [, mode, id, size, path] = /^(\d+) blob ([0-9a-f]+) +(\d+)\t([\s\S]+)$/.exec(line) ?? [];
    if (mode === undefined || !mode.startsWith('100') || path === undefined || isUnsafe(path)) return [];
    return [{ path, id: id!, size: Number(size) }];
  });
}

/**
 * Returns true for a path that would lead out of the temporary folder. Git itself makes no such path, but a repository may have
 * been made by hand.
 */
function isUnsafe(path: string): boolean {
  return path.split(/[/\\]/).some((part) => part === '' || part === '.' || part === '..');
}

/** Writes the files that `git cat-file --batch` returns, each as `ID blob SIZE\n`, the content and `\n`. */
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
    // After an error the rest of git's output is not read, so git would wait forever, and this process would wait for git.
    child.kill();
  }
  await ended;
}

/** Reads a stream in lines, or in parts with a given number of bytes. */
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
