/**
 * Reads a request body within a size and a time. Node has no timer for a body (its `requestTimeout` would cut steady
 * uploads), so the timer is here. A refused body closes the connection: the rest of it is not worth reading.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.js';
import { Code } from '../status/code.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import { bodyTooLarge } from '../transcoding/body-size.js';
import { hasBody } from './answer.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** For the whole body, from the first call on. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const EMPTY = new Uint8Array(0);

/** So many pieces become one: a client may send a byte in each, and the object that holds it takes two hundred. */
const PIECES = 1024;

/** The body's bytes. Throws 413 over `maxBytes`, 408 after `timeoutMs`, CANCELLED when the client goes away. */
export function readBody(req: IncomingMessage, res: ServerResponse, limits: BodyLimits): Promise<Uint8Array> {
  if (!hasBody(req)) return Promise.resolve(EMPTY);
  if (announcesMore(req, limits.maxBytes)) return Promise.reject(bodyTooLarge(limits.maxBytes));
  continueIfAsked(req, res);
  return collect(req, limits);
}

/** True if the head says that the body is longer. */
export function announcesMore({ headers }: IncomingMessage, maxBytes: number): boolean {
  return Number(headers['content-length'] ?? 0) > maxBytes;
}

function collect(req: IncomingMessage, { maxBytes, timeoutMs, clock }: BodyLimits): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const blocks: Buffer[] = [];
    let chunks: Buffer[] = [];
    let size = 0;
    const cancelTimer = clock.after(timeoutMs, () => settle(() => reject(tooSlow(timeoutMs))));
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);

    function onData(chunk: Buffer) {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(bodyTooLarge(maxBytes)));
      else if (chunks.push(chunk) === PIECES) {
        blocks.push(Buffer.concat(chunks));
        chunks = [];
      }
    }
    function onEnd() {
      settle(() => resolve(size === chunks[0]?.length ? chunks[0] : Buffer.concat([...blocks, ...chunks], size)));
    }
    function onGone() {
      settle(() => reject(new StatusError(Code.CANCELLED, 'the client went away')));
    }
    function settle(conclude: () => void) {
      cancelTimer();
      req.off('data', onData).off('end', onEnd).off('error', onGone).off('close', onGone);
      req.on('error', ignore);
      conclude();
    }
  });
}

const ignore = () => {};
const awaitingContinue = new WeakSet<IncomingMessage>();

/** Marks a request whose client waits for `100 Continue`; it is sent when the body is wanted, not before. */
export function expectContinue(req: IncomingMessage): void {
  awaitingContinue.add(req);
}

/** Sends `100 Continue` to a client that waits for it. */
export function continueIfAsked(req: IncomingMessage, res: ServerResponse): void {
  if (awaitingContinue.delete(req)) res.writeContinue();
}

function tooSlow(timeoutMs: number): StatusError {
  return gatewayError(408, 'BODY_TIMEOUT', `body: expected within ${timeoutMs} ms`, { closeConnection: true });
}
