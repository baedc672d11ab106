/**
 * What grpc-js 1.14 takes for a good answer and is none, told to it as an error:
 *
 *     half a message, then status 0      a message with the flags 2 or 128      grpc-status: "", 1e0, 0x5
 *     content-type: application/grpc-web
 */
import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from 'node:http2';
import { status as GrpcStatus } from '@grpc/grpc-js';
import { isGrpcType, statusCode, statusMessage } from '../protocol.js';
import type { StreamCall } from './streams.js';

/** How the text of such an error begins. */
export const BROKEN = 'Broken answer: ';

/** Before grpc-js hears of it, whatever comes on the stream is looked at. */
export function holdStrictly(stream: ClientHttp2Stream, call: StreamCall): void {
  const messages = new MessageWalk();
  const refuse = (what: string) => call.cancelWithStatus(GrpcStatus.INTERNAL, BROKEN + what);
  stream.prependListener('response', (headers, flags) => {
    if ((flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0) correctStatus(headers);
    else if (headers[':status'] === 200 && !isGrpcType(headers['content-type']))
      refuse(`content-type ${JSON.stringify(headers['content-type'])}`);
  });
  let isOver = false;
  stream.prependListener('trailers', (trailers) => {
    correctStatus(trailers);
    isOver = true;
  });
  stream.prependListener('data', (chunk: Buffer) => {
    const flag = messages.walk(chunk);
    if (flag > 1) refuse(`compressed flag ${flag}`);
  });
  stream.prependListener('end', () => {
    // What ends without trailers ends badly anyhow, and grpc-js knows why.
    if (isOver && messages.isCut) refuse('it ends in the middle of a message');
  });
}

/**
 * What is no number becomes UNKNOWN: grpc-js reads it as JavaScript does, and an empty text as OK. Of a message grpc-js decodes
 * with `decodeURI`, which leaves `%2F` and its kind.
 */
function correctStatus(headers: IncomingHttpHeaders): void {
  const { 'grpc-status': code, 'grpc-message': message } = headers;
  if (code !== undefined && Number.isNaN(statusCode(String(code)))) headers['grpc-status'] = String(GrpcStatus.UNKNOWN);
  if (typeof message === 'string') headers['grpc-message'] = encodeURI(statusMessage(message));
}

const PREFIX = 5;

/** Walks over length-prefixed messages without keeping them. */
class MessageWalk {
  /** How many bytes of the prefix have come: all of them while the message itself comes. */
  private inPrefix = 0;
  /** How many bytes of the message are still to come; while the prefix comes, what it has said of the length. */
  private left = 0;

  get isCut(): boolean {
    return this.inPrefix > 0;
  }

  /** The largest compressed flag that begins a message in the chunk. */
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
