/**
 * This module writes to standard output and standard error of a serving process, and to its audit file. No problem with these
 * may stall or end the process:
 *
 *     a full disk, a reader or a terminal that is gone    the line is dropped
 *     a pipe or a terminal that nobody reads              up to 1 MiB of lines wait; further lines are dropped
 *     the end of the process                              lines that wait are written, for at most a second
 *     lines that come one after the other                 some wait a few milliseconds and are written in one go
 *
 * Dropped lines are counted (`protogate_log_dropped_total`).
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';

/** The most bytes that wait for a slow reader. A single longer text may wait alone. */
const MOST_WAITING = 1 << 20;
/** The time before the next attempt to write. It doubles while nobody reads. */
const RETRY = { firstMs: 5, longestMs: 200 };
/**
 * The time for which the end of the process waits for readers, in milliseconds: `nothingMs` while a reader takes nothing, and
 * `altogetherMs` in all.
 */
const LAST = { nothingMs: 200, altogetherMs: 1000 };
/** Lines that wait are joined until they have at least this many bytes. One attempt writes what was joined. */
const BATCH_BYTES = 65_536;
/** Lines that may wait are written together after `ms` milliseconds, or as soon as they have more than `bytes` bytes. */
const TOGETHER = { ms: 10, bytes: 32_768 };
/** The size of the buffer for lines that are written together. */
const ROOM_BYTES = 4 * TOGETHER.bytes;
/** The most bytes that UTF-8 needs for one unit of a string's `length`. */
const MOST_BYTES = 3;

let dropped = 0;

/** The number of lines that this process could not write. */
export function droppedLines(): number {
  return dropped;
}

export class Output {
  private fd: number | undefined;
  /** Makes sure that the next write does not wait for the reader. */
  private unblock = () => {};
  private readonly waiting: Buffer[] = [];
  private waitingBytes = 0;
  /** True if the last line that was written has not been written to its end. */
  private isInLine = false;
  /** True if the rest of that line was dropped, so that a line end must be written before the next line. */
  private hasCut = false;
  private retryMs = RETRY.firstMs;
  private retry: NodeJS.Timeout | undefined;
  /**
   * The buffer for lines that are written together; `roomBytes` of it are used. A line is a string that was joined from many
   * pieces, which garbage collection would copy if the line waited as a string.
   */
  private room: Buffer | undefined;
  private roomBytes = 0;
  private cancelTogether: NodeJS.Timeout | undefined;
  private flushesAtExit = false;

  /** `of` is 1 for standard output, 2 for standard error, or the path of a file. */
  constructor(private readonly of: 1 | 2 | string) {}

  /** Writes a whole line, with its end. Never throws. */
  write(line: string): void {
    this.writeTogether();
    this.take(Buffer.from(line));
  }

  /** Writes a whole line at the latest after a few milliseconds, together with others. Lines keep their order. */
  writeSoon(line: string): void {
    this.open();
    if (MOST_BYTES * line.length > ROOM_BYTES - TOGETHER.bytes) {
      this.write(line);
      return;
    }
    this.room ??= Buffer.allocUnsafeSlow(ROOM_BYTES);
    this.roomBytes += this.room.write(line, this.roomBytes);
    if (this.roomBytes > TOGETHER.bytes) this.writeTogether();
    else this.cancelTogether ??= setTimeout(this.writeTogether, TOGETHER.ms).unref();
  }

  private readonly writeTogether = (): void => {
    clearTimeout(this.cancelTogether);
    this.cancelTogether = undefined;
    if (this.room === undefined || this.roomBytes === 0) return;
    const lines = Buffer.from(this.room.subarray(0, this.roomBytes));
    this.roomBytes = 0;
    this.take(lines);
  };

  /** Adds the bytes of whole lines to those that wait, and writes if no retry is due. Drops the bytes if too many wait. */
  private take(bytes: Buffer): void {
    this.open();
    if (this.waitingBytes > 0 && this.waitingBytes + bytes.length > MOST_WAITING) {
      dropped += linesIn(bytes);
      return;
    }
    this.waiting.push(bytes);
    this.waitingBytes += bytes.length;
    if (this.retry === undefined) this.writeOn();
  }

  /** Closes the file, if `of` is a path. The next line opens the path again, and creates the file if it was renamed. */
  reopen(): void {
    this.writeTogether();
    if (typeof this.of !== 'string' || this.fd === undefined) return;
    closeSync(this.fd);
    this.fd = undefined;
  }

  private open(): void {
    if (this.fd !== undefined) return;
    if (typeof this.of === 'string') {
      this.fd = openFile(this.of);
    } else {
      this.fd = openUnblocked(this.of);
      if (this.fd === this.of) this.unblock = unblockerOf(this.of);
    }
    if (!this.flushesAtExit) process.on('exit', () => this.flush());
    this.flushesAtExit = true;
  }

  /** Writes the lines that wait. Blocks the process while it waits for the reader, at most for the times of {@link LAST}. */
  flush(): void {
    this.writeTogether();
    clearTimeout(this.retry);
    const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const end = performance.now() + LAST.altogetherMs;
    for (let idleMs = 0; idleMs < LAST.nothingMs && performance.now() < end; idleMs += RETRY.firstMs) {
      if (this.writeSome()) idleMs = 0;
      if (this.waiting.length === 0) return;
      Atomics.wait(sleeper, 0, 0, RETRY.firstMs);
    }
  }

  private readonly writeOn = (): void => {
    this.retryMs = this.writeSome() ? RETRY.firstMs : Math.min(RETRY.longestMs, 2 * this.retryMs);
    this.retry = this.waiting.length > 0 ? setTimeout(this.writeOn, this.retryMs).unref() : undefined;
  };

  /** Writes until nothing waits or the pipe is full. Returns false if the pipe was full at the first attempt. */
  private writeSome(): boolean {
    let wrote = false;
    while (this.waiting.length > 0) {
      const batch = this.nextBatch();
      try {
        this.open();
        this.unblock();
        if (this.fd === undefined) throw new Error('the file cannot be opened');
        const bytes = this.hasCut ? Buffer.concat([LINE_END, batch]) : batch;
        const written = writeSync(this.fd, bytes) - (bytes.length - batch.length);
        this.hasCut = false;
        this.isInLine = written > 0 && batch[written - 1] !== NEWLINE;
        this.remove(written);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return wrote;
        dropped += linesIn(batch);
        this.remove(batch.length);
        this.hasCut ||= this.isInLine;
        this.isInLine = false;
      }
      wrote = true;
    }
    return true;
  }

  /** Joins lines that wait, so that one attempt writes many, and returns them. They stay the first in `waiting`. */
  private nextBatch(): Buffer {
    const first = this.waiting[0]!;
    if (this.waiting.length === 1 || first.length >= BATCH_BYTES) return first;
    let count = 0;
    for (let bytes = 0; count < this.waiting.length && bytes < BATCH_BYTES; count++)
      bytes += this.waiting[count]!.length;
    const batch = Buffer.concat(this.waiting.splice(0, count));
    this.waiting.unshift(batch);
    return batch;
  }

  private remove(bytes: number): void {
    this.waitingBytes -= bytes;
    const first = this.waiting[0]!;
    if (bytes < first.length) this.waiting[0] = first.subarray(bytes);
    else this.waiting.shift();
  }
}

function linesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

const NEWLINE = 0x0a;
const LINE_END = Buffer.from([NEWLINE]);

export const standardOutput = new Output(1);
export const standardError = new Output(2);

/** Opens or creates a file to append lines to it. Returns its descriptor; undefined if that is not possible now. */
function openFile(path: string): number | undefined {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NONBLOCK, O_NOCTTY } = constants;
  try {
    return openSync(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY, 0o600);
  } catch {
    return undefined;
  }
}

/**
 * Returns a descriptor for the same pipe or terminal whose writes do not wait for the reader. Other processes may share `fd`,
 * and each of them can make its writes wait again, so a new descriptor is opened where the system can (Linux). Otherwise, and
 * for a file, it returns `fd`.
 */
function openUnblocked(fd: 1 | 2): number {
  try {
    // Files do not wait for readers, and a second descriptor would write over what the first one has written.
    if (isFile(fd)) return fd;
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}

interface Handle {
  readonly setBlocking?: (isBlocking: boolean) => number;
}

/**
 * Returns a function that makes the writes to a socket not wait; for a file it does nothing. systemd and Node give sockets to
 * their children, and no second descriptor can be opened for a socket. All processes that have the socket share this setting,
 * and each one that starts or ends makes the writes wait again.
 */
function unblockerOf(fd: 1 | 2): () => void {
  if (isFile(fd)) return () => {};
  const stream = fd === 1 ? process.stdout : process.stderr;
  const { _handle: handle } = stream as { readonly _handle?: Handle | null };
  return () => void handle?.setBlocking?.(false);
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}
