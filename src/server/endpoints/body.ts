/**
 * Reads a request's body, and refuses one that is too large or takes too long. Node has no timer for a body alone (its
 * `requestTimeout` would cut steady uploads), so the timer is here. After a refusal the connection is closed, so that the rest
 * of the body need not be read.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.js';
import { hasBody } from '../../exchange/answer.js';
import type { Context } from '../../exchange/exchange.js';
import { Code } from '../../status/code.js';
import { gatewayError, StatusError } from '../../status/status-error.js';
import { bodyTooLarge } from '../../transcoding/body-size.js';
import { type RequestRoom, roomOf } from '../connection/room.js';

export interface BodyLimits {
  readonly maxBytes: number;
  /** The time that the whole body may take, counted from the call of `readBody`. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

const EMPTY = new Uint8Array(0);

/**
 * The number of pieces of a body that are joined into one. A client may send one byte in each, and the object of a piece takes
 * 200 bytes.
 */
const PIECES = 1024;

/** Returns the body's bytes. Throws 413 over `maxBytes`, 408 after `timeoutMs`, CANCELLED when the client goes away. */
export async function readBody(ctx: Context, limits: BodyLimits): Promise<Uint8Array> {
  const { req, res } = ctx;
  if (!hasBody(req)) return EMPTY;
  const parsed = parsedBody(ctx);
  const tooLong = parsed === undefined ? announcesMore(req, limits.maxBytes) : parsed.length > limits.maxBytes;
  if (tooLong) throw bodyTooLarge(limits.maxBytes);
  if (parsed !== undefined) return parsed;
  continueIfAsked(req, res);
  return collect(req, limits, roomOf(res));
}

interface Parsed {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

/**
 * Returns the body if a parser in front of an embedded gateway has read it and kept it as bytes or text (`express.raw()`,
 * `express.text()`, `koa-bodyparser`); undefined if it has not been read. Throws 500 if only parsed values are left: they may
 * differ from what was sent (numbers beyond 2^53, repeated keys).
 */
export function parsedBody({ req, request }: Context): Uint8Array | undefined {
  if (!req.readableDidRead) return undefined;
  const kept = [req as Parsed, request as Parsed].flatMap(({ rawBody, body }) => [rawBody, body]);
  if (req.readableEnded) {
    const found = kept.find((one) => typeof one === 'string' || one instanceof Uint8Array);
    if (found !== undefined) return typeof found === 'string' ? Buffer.from(found) : (found as Uint8Array);
  }
  throw gatewayError('BODY_ALREADY_READ', ALREADY_READ);
}

const ALREADY_READ =
  'body: a body parser before the gateway has read it and kept neither bytes nor text; mount the parser after the gateway, or use one such as express.raw()';

/** True if `content-length` announces more than `maxBytes`. */
export function announcesMore({ headers }: IncomingMessage, maxBytes: number): boolean {
  return Number(headers['content-length'] ?? 0) > maxBytes;
}

function collect(
  req: IncomingMessage,
  { maxBytes, timeoutMs, clock }: BodyLimits,
  room: RequestRoom | undefined,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const blocks: Buffer[] = [];
    let chunks: Buffer[] = [];
    let size = 0;
    const cancelTimer = clock.after(timeoutMs, () => settle(() => reject(tooSlow(timeoutMs))));
    req.on('data', onData).on('end', onEnd).on('error', onGone).on('close', onGone);

    function onData(chunk: Buffer) {
      size += chunk.length;
      if (size > maxBytes) return settle(() => reject(bodyTooLarge(maxBytes)));
      if (room?.readBody(chunk.length, () => void req.resume()) === false) req.pause();
      if (chunks.push(chunk) === PIECES) {
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
      room?.endBody();
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
  return gatewayError('BODY_TIMEOUT', `body: expected the whole body within ${timeoutMs} ms, got a part`, {
    closeConnection: true,
  });
}
