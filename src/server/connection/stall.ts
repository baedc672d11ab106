/**
 * Finds clients that read nothing of their answers, even if they still send, so that no answer waits for ever. The gateway
 * waits for a client that reads anything, however slow it is. But clients report only in steps what they took:
 *
 *     over TCP       when a part of the receive buffer is free again, on Linux a sixteenth (RFC 9293 §3.8.6.2.2)
 *     over HTTP/2    when they have used a part of the stream's window, most libraries half of it (RFC 9113 §5.2)
 *
 * So a client has `timeoutMs` for each 128 KiB of such a step, and at least `timeoutMs`.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.js';
import {
  cut,
  isOver,
  isWhole,
  socketOf,
  streamWindow,
  unsentBytes,
  unsentBytesOfSocket,
} from '../../exchange/answer.js';
import { onClose } from '../../exchange/on-close.js';
import { bytesGiven, kernelQueues } from './kernel-queues.js';

/** The bytes that a client must be able to take within `timeoutMs`: at its default of 30 s, 4.3 KiB a second. */
const SLOWEST_BYTES = 131_072;
/**
 * The time that the gateway waits for a client whose progress it cannot see. It waits for no client longer without progress,
 * unless `timeoutMs` itself is longer.
 */
const LONGEST_MS = 300_000;
/** The number of times that the progress of a client is checked within `timeoutMs`. */
const LOOKS = 6;

/** The bytes that the gateway sends to a client, on one answer or one connection. */
export interface Outgoing {
  /** Returns the bytes that were written and have not left this process. */
  readonly unsentBytes: () => number;
  /** Undefined when the connection is closed. */
  readonly socket: Socket | undefined;
  /** The window that the client gives to one HTTP/2 stream, in bytes; 0 without HTTP/2. */
  readonly window: number;
}

export function outgoingOf(res: ServerResponse): Outgoing {
  return { unsentBytes: () => unsentBytes(res), socket: socketOf(res), window: streamWindow(res) };
}

export function outgoingOfSocket(socket: Socket): Outgoing {
  return { unsentBytes: () => unsentBytesOfSocket(socket), socket, window: 0 };
}

/**
 * Calls `onStall` with the time without progress, in milliseconds, when the client has read nothing for too long. The returned
 * function ends the watch.
 */
export function watchStall(
  { unsentBytes, socket, window }: Outgoing,
  timeoutMs: number,
  clock: Clock,
  onStall: (afterMs: number) => void,
): () => void {
  const most = Math.max(timeoutMs, LONGEST_MS);
  let before = unsentBytes();
  let since = clock.monotonic();
  // Bytes after this mark may belong to other streams, so their progress does not count for this answer.
  let mark = socket === undefined ? 0 : bytesGiven(socket);
  let acknowledged: number | undefined;
  let ended = false;
  let cancel = clock.after(timeoutMs / LOOKS, look);

  function look(): void {
    const now = unsentBytes();
    if (now === before) {
      void ask();
      return;
    }
    before = now;
    since = clock.monotonic();
    mark = socket === undefined ? 0 : bytesGiven(socket);
    acknowledged = undefined;
    lookLater();
  }

  async function ask(): Promise<void> {
    const found = socket && (await kernelQueues(clock).acknowledged(socket));
    if (ended) return;
    const known = found && Math.min(found.bytes, mark);
    const at = found?.at ?? clock.monotonic();
    if (known !== acknowledged) {
      acknowledged = known;
      // If the kernel no longer reports a number, this is not progress.
      if (known !== undefined) since = at;
    }
    const limitMs = found === undefined ? most : Math.min(most, timeoutMs * Math.max(1, stepOf(found.bytes)));
    if (unsentBytes() === before && at - since >= limitMs) onStall(at - since);
    else lookLater();
  }

  /**
   * Returns the largest step that a client may make, in units of the bytes that it must be able to take. Its receive buffer,
   * which grows, is not known, but it holds at most what was acknowledged, and takes up to four times as much memory.
   */
  function stepOf(acknowledged: number): number {
    return Math.max(acknowledged / 4, window / 2) / SLOWEST_BYTES;
  }

  function lookLater(): void {
    cancel = clock.after(timeoutMs / LOOKS, look);
  }

  return () => {
    ended = true;
    cancel();
  };
}

/**
 * Cuts an answer that was written to its end if the client then takes nothing more of it. Nearly all answers are whole at
 * the end of this turn of the event loop, and need no timer.
 */
export function cutIfStalled(res: ServerResponse, timeoutMs: number, clock: Clock): void {
  if (isWhole(res) || isOver(res)) return;
  setImmediate(cutLater, res, timeoutMs, clock);
}

function cutLater(res: ServerResponse, timeoutMs: number, clock: Clock): void {
  if (isWhole(res) || isOver(res)) return;
  const cancel = watchStall(outgoingOf(res), timeoutMs, clock, (afterMs) => {
    noteStall(res, afterMs);
    cut(res);
  });
  onClose(res, cancel);
}

const stalls = new WeakMap<ServerResponse, string>();

/** Notes for the log that an answer is cut because its client took nothing. */
export function noteStall(res: ServerResponse, afterMs: number): void {
  stalls.set(res, `the client took nothing of the answer for ${Math.round(afterMs / 1000)} s`);
}

/** Returns why an answer was cut; undefined if its client was not at fault. */
export function stallOf(res: ServerResponse): string | undefined {
  return stalls.get(res);
}
