/** The stream of one call, as its connection sees it. */
import type { StreamEnd } from '../rpc.js';
import type { DecodedHeaders } from './hpack-decoder.js';
import type { SendingStream } from './sender.js';

export interface Stream {
  readonly sending: SendingStream;
  /** True if the upstream has sent headers that are no interim ones. */
  readonly hasHeaders: boolean;
  /** Takes a header block. Undefined if it was too large. */
  receiveHeaders(list: DecodedHeaders, isLast: boolean): void;
  /** Takes the beginning of a DATA frame. Throws a ConnectionError if the upstream may not send so much. */
  receiveData(length: number): void;
  /** Takes a part of a DATA frame, whose memory is used again afterwards. */
  receivePiece(piece: Buffer): void;
  /** Takes the end of a DATA frame: lets the upstream send what the consumer takes. */
  grant(): void;
  /** Called when the upstream has ended its side of the stream. */
  receiveEnd(): void;
  /** Called when the stream has ended in another way. */
  lose(end: StreamEnd): void;
}
