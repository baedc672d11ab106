/**
 * Refuses wrong answers that grpc-js 1.14 accepts:
 *
 *     half a message, then status 0      a message with the flags 2 or 128      grpc-status: "", 1e0, 0x5
 *     content-type: application/grpc-web
 */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { Code } from '../../status/code.js';
import { isGrpcType, statusCode, statusMessage } from '../protocol.js';
import type { StreamCall } from './streams.js';

/** The beginning of the status message for each answer that is refused here. */
export const BROKEN = 'Broken answer: ';

/** Checks the headers, data and trailers of a stream before grpc-js gets them. Ends the call if they are wrong. */
export function holdStrictly(stream: ClientHttp2Stream, call: StreamCall): void {
  const messages = new MessageWalk();
  const refuse = (what: string) => call.cancelWithStatus(Code.INTERNAL, BROKEN + what);
  stream.prependListener('response', (headers, flags) => {
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) correctStatus(headers);
    else if (headers[':status'] === 200 && !isGrpcType(headers['content-type']))
      refuse(`expected content-type application/grpc, got ${JSON.stringify(headers['content-type'])}`);
  });
  let isOver = false;
  stream.prependListener('trailers', (trailers) => {
    correctStatus(trailers);
    isOver = true;
  });
  stream.prependListener('data', (chunk: Buffer) => {
    const flag = messages.walk(chunk);
    if (flag > 1) refuse(`expected the compressed flag 0 or 1, got ${flag}`);
  });
  stream.prependListener('end', () => {
    // A stream that ends without trailers fails in any case, and grpc-js reports why.
    if (isOver && messages.isCut) refuse('the answer ends in the middle of a message');
  });
}

/**
 * Corrects two headers before grpc-js reads them. A `grpc-status` that is not a number becomes UNKNOWN, because grpc-js would
 * convert it as JavaScript does, so that an empty text would mean OK. `grpc-message` is decoded and encoded again, because
 * grpc-js uses `decodeURI`, which does not decode sequences such as `%2F`.
 */
function correctStatus(headers: IncomingHttpHeaders): void {
  const { 'grpc-status': code, 'grpc-message': message } = headers;
  if (code !== undefined && Number.isNaN(statusCode(String(code)))) headers['grpc-status'] = String(Code.UNKNOWN);
  if (typeof message === 'string') headers['grpc-message'] = encodeURI(statusMessage(message));
}

const PREFIX = 5;

/** Follows the length-prefixed messages of a stream, without keeping their bytes. */
class MessageWalk {
  /** The number of bytes of the current message's prefix that have come; 5 while the message itself comes. */
  private inPrefix = 0;
  /**
   * The number of bytes of the current message that have not come yet. While its prefix comes, it is the length as far as it
   * was read.
   */
  private left = 0;

  get isCut(): boolean {
    return this.inPrefix > 0;
  }

  /** Reads a chunk of the stream. Returns the largest compressed flag of the messages that begin in it; 0 if none begins. */
  walk(chunk: Buffer): number {
    let largest = 0;
    for (let at = 0; at < chunk.length; ) {
      if (this.inPrefix < PREFIX) {
        const byte = chunk[at++]!;
        if (this.inPrefix === 0) largest = Math.max(largest, byte);
        else this.left = this.left * 256 + byte;
        this.inPrefix++;
      } else {
        const step = Math.min(this.left, chunk.length - at);
        at += step;
        this.left -= step;
      }
      if (this.inPrefix === PREFIX && this.left === 0) this.inPrefix = 0;
    }
    return largest;
  }
}
