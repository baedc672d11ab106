/**
 * Reads and writes gRPC's length-prefixed messages (PROTOCOL-HTTP2.md): one byte with the compressed flag, four bytes with
 * the length, then the message. DATA frames may cut them anywhere.
 */
import { answerTooLarge, brokenAnswer } from '../failure.js';

const PREFIX = 5;
const NONE: readonly Buffer[] = [];

export interface FoundMessage {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

export class MessageReader {
  /** The pieces of the message that is not whole yet. */
  private pieces: Buffer[] = [];
  private size = 0;
  /** The length of the first message with its prefix; until the prefix is whole, the length of the prefix. */
  private needed = PREFIX;

  constructor(private readonly maxBytes: number) {}

  /** The size of the message that is not whole yet, with its prefix; 0 as long as its prefix is not there. */
  get coming(): number {
    return this.size < PREFIX ? 0 : this.needed;
  }

  /** True if a message has begun and is not whole. */
  get isCut(): boolean {
    return this.size > 0;
  }

  /** Returns the messages that are whole now. Throws a StatusError for one that is too large or malformed. */
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
      if (flag > 1) throw brokenAnswer(`expected the compressed flag 0 or 1, got ${flag}`);
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

/** Returns a message with its prefix. Small messages are one piece, so that they are one write. */
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
