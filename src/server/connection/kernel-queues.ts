/**
 * This module finds how many bytes of a connection its client has acknowledged. A socket takes new bytes only when a third of
 * its send buffer, which may have megabytes, is free again, so a slow reader looks like one that reads nothing. Linux reports
 * more: the `tx_queue` of a socket in `/proc/net/tcp` or `tcp6` counts the bytes that are not acknowledged yet (proc(5)).
 *
 *     acknowledged = handed over - still queued in this process - tx_queue
 *
 * These files list every socket of the network namespace. They are read at most once a second, for all connections together.
 */
import { readlinkSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';

export interface Acknowledged {
  readonly bytes: number;
  /** The time of the reading, in milliseconds of the monotonic clock. */
  readonly at: number;
}

const FILES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** The time between two readings of the files: a second, and a millisecond more for each KiB of their text (seven sockets). */
const PAUSE = { leastMs: 1000, bytesPerMs: 1024 };

const ofClock = new WeakMap<Clock, KernelQueues>();

/** Returns the reader of the queues. All users of a clock share one reader: in production, the whole process has one. */
export function kernelQueues(clock: Clock): KernelQueues {
  const known = ofClock.get(clock);
  if (known !== undefined) return known;
  const made = new KernelQueues(clock);
  ofClock.set(clock, made);
  return made;
}

interface Question {
  readonly handle: TcpHandle;
  readonly inode: number;
  readonly answer: (found: Acknowledged | undefined) => void;
}

class KernelQueues {
  private waiting: Question[] = [];
  private isReading = false;
  private mayReadAt = 0;
  /** The number of times that the files were read. */
  readings = 0;

  constructor(private readonly clock: Clock) {}

  /**
   * Resolves to the number of bytes that the client has acknowledged. Resolves to undefined if the kernel does not report it:
   * on other systems than Linux, and for other sockets than TCP.
   */
  acknowledged(socket: Socket): Promise<Acknowledged | undefined> {
    const handle = tcpHandle(socket);
    const inode = handle && inodeOf(handle);
    if (handle === undefined || inode === undefined) return Promise.resolve(undefined);
    return new Promise((answer) => {
      this.waiting.push({ handle, inode, answer });
      if (this.waiting.length === 1 && !this.isReading) this.readLater();
    });
  }

  private readLater(): void {
    const delayMs = this.mayReadAt - this.clock.monotonic();
    if (delayMs > 0) this.clock.after(delayMs, () => void this.read());
    // All questions of one turn of the event loop share the reading.
    else setImmediate(() => void this.read());
  }

  private async read(): Promise<void> {
    const questions = this.waiting;
    this.waiting = [];
    this.isReading = true;
    this.readings++;
    const at = this.clock.monotonic();
    const { queues, bytes } = await readQueues(new Set(questions.map(({ inode }) => inode))).catch(() => NOTHING);
    this.mayReadAt = at + PAUSE.leastMs + bytes / PAUSE.bytesPerMs;
    this.isReading = false;
    for (const { handle, inode, answer } of questions) {
      const unacknowledged = queues.get(inode);
      const { bytesWritten, writeQueueSize } = handle;
      // If bytes wait to be handed over, the kernel's queue is full. A kernel that reports 0 then does not count (gVisor).
      const doesCount = unacknowledged !== undefined && (unacknowledged > 0 || writeQueueSize === 0);
      answer(doesCount ? { bytes: bytesWritten - writeQueueSize - unacknowledged, at } : undefined);
    }
    if (this.waiting.length > 0) this.readLater();
  }
}

interface Reading {
  /** The `tx_queue` by inode. */
  readonly queues: ReadonlyMap<number, number>;
  /** The number of bytes that were read. */
  readonly bytes: number;
}

const NOTHING: Reading = { queues: new Map(), bytes: 0 };

interface TcpHandle {
  readonly fd: number;
  /** The number of bytes that were handed over, also those that the kernel has not taken yet. */
  readonly bytesWritten: number;
  /** The number of bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
}

/** Returns Node's handle of the TCP connection. With TLS, it is the parent of the socket's own. Undefined for other streams. */
function tcpHandle(socket: Socket): TcpHandle | undefined {
  const handle = (socket as { readonly _handle?: (TcpHandle & { readonly _parent?: TcpHandle }) | null })._handle;
  const lowest = handle?._parent ?? handle ?? undefined;
  return lowest !== undefined && lowest.fd >= 0 && typeof lowest.bytesWritten === 'number' ? lowest : undefined;
}

/** Returns how many bytes were handed over to the connection so far, or 0 if that is not known. */
export function bytesGiven(socket: Socket): number {
  return tcpHandle(socket)?.bytesWritten ?? 0;
}

const inodes = new WeakMap<TcpHandle, number>();

/** Returns the inode by which the kernel's files name a socket. Undefined if it cannot be found, as on other systems. */
function inodeOf(handle: TcpHandle): number | undefined {
  const known = inodes.get(handle);
  if (known !== undefined) return known;
  try {
    const inode = Number(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${handle.fd}`))?.[1]);
    if (Number.isNaN(inode)) return undefined;
    inodes.set(handle, inode);
    return inode;
  } catch {
    return undefined;
  }
}

/**
 * Returns the queues of the sockets with these inodes. Reads the second file only if the first one does not have all of them.
 */
async function readQueues(inodes: ReadonlySet<number>): Promise<Reading> {
  const queues = new Map<number, number>();
  let bytes = 0;
  for (const file of FILES) if (queues.size < inodes.size) bytes += await scan(file, inodes, queues);
  return { queues, bytes };
}

/**
 * Matches a line, and captures what is in capitals:
 * `sl: local remote state TX_QUEUE:rx_queue timer:when retransmits uid timeout INODE …`
 */
const LINE = /^ *\d+: \S+ \S+ \S+ ([0-9A-F]+):\S+ \S+ \S+ +\d+ +\d+ (\d+) /gm;
const READ_BYTES = 65_536;

/** Adds to `queues` the lengths that the file has for the sockets. Returns the number of bytes of the file. */
async function scan(file: string, inodes: ReadonlySet<number>, queues: Map<number, number>): Promise<number> {
  const handle = await open(file);
  try {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    let rest = '';
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, READ_BYTES);
      if (bytesRead === 0) return bytes;
      bytes += bytesRead;
      const text = rest + buffer.toString('latin1', 0, bytesRead);
      const end = text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      for (const [, queue = '', inode] of text.slice(0, end).matchAll(LINE))
        if (inodes.has(Number(inode))) queues.set(Number(inode), Number.parseInt(queue, 16));
    }
  } finally {
    await handle.close();
  }
}
