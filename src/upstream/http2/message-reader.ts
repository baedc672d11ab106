/**
 * gRPC's length-prefixed messages (PROTOCOL-HTTP2.md): one byte that says whether a message is compressed, four of its
 * length, then the message. DATA frames cut them as they like.
 */
import { answerTooLarge, brokenAnswer } from '../failure.js';

const PREFIX = 5;
const NONE: readonly Buffer[] = [];

export interface FoundMessage {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

export class MessageReader {
  /** What has come of a message that is not whole yet. */
  private pieces: Buffer[] = [];
  private size = 0;
  /** How much the first message takes with its prefix; unknown until the prefix is there. */
  private needed = PREFIX;

  constructor(private readonly maxBytes: number) {}

  /** True in the middle of a message. */
  get isCut(): boolean {
    return this.size > 0;
  }

  /** The messages that are whole now. Throws a StatusError for one that is too large or no message. */
  push(chunk: Buffer): readonly FoundMessage[] {
    this.size += chunk.length;
    if (this.size < this.needed) {
      this.pieces.push(chunk);
      return NONE as readonly never[];
    }
    let rest = this.pieces.length === 0 ? chunk : Buffer.concat([...this.pieces, chunk]);
    this.pieces = [];
    const found: FoundMessage[] = [];
    for (;;) {
      this.needed = PREFIX;
      if (rest.length < PREFIX) break;
      const flag = rest[0]!;
      const length = rest.readUInt32BE(1);
      if (flag > 1) throw brokenAnswer(`compressed flag ${flag}`);
      if (length > this.maxBytes) throw answerTooLarge(this.maxBytes, `a message of ${length} bytes`);
      this.needed = PREFIX + length;
      if (rest.length < this.needed) break;
      found.push({ compressed: flag === 1, bytes: rest.subarray(PREFIX, this.needed) });
      rest = rest.subarray(this.needed);
    }
    this.size = rest.length;
    if (rest.length > 0) this.pieces.push(rest);
    return found;
  }
}

/** A message with its prefix; what is small is one piece, so that it is one write. */
export function framed(message: Uint8Array): readonly Buffer[] {
  const small = message.length < 16_384;
  const head = Buffer.allocUnsafe(small ? PREFIX + message.length : PREFIX);
  head[0] = 0;
  head.writeUInt32BE(message.length, 1);
  if (small) {
    head.set(message, PREFIX);
    return [head];
  }
  return [head, Buffer.from(message.buffer, message.byteOffset, message.byteLength)];
}
