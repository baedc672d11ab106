/** This module defines the part of a call that its HTTP/2 connection uses: the stream of the call. */
import type { StreamEnd } from '../rpc.js';
import type { DecodedHeaders } from './hpack-decoder.js';
import type { SendingStream } from './sender.js';

export interface Stream {
  readonly sending: SendingStream;
  /** True if the upstream has sent headers that are not interim ones (status 1xx). */
  readonly hasHeaders: boolean;
  /**
   * Called with the headers or trailers of the answer; `list` is undefined if they were too large. `isLast` is true if they end
   * the stream.
   */
  receiveHeaders(list: DecodedHeaders, isLast: boolean): void;
  /**
   * Called at the start of a DATA frame of `length` bytes. Throws a ConnectionError if the upstream has no window for so many.
   */
  receiveData(length: number): void;
  /** Called with each piece of a DATA frame. The piece is valid only until the call returns. */
  receivePiece(piece: Buffer): void;
  /** Called at the end of a DATA frame. Allows the upstream to send as many more bytes as the consumer has read. */
  grant(): void;
  /** Called when the upstream has ended its side of the stream. */
  receiveEnd(): void;
  /** Called when the stream has ended in another way: by a reset, a GOAWAY or the loss of the connection. */
  lose(end: StreamEnd): void;
}
