/**
 * Reads and writes gRPC's length-prefixed messages (PROTOCOL-HTTP2.md): one byte with the compressed flag, four bytes with
 * the length, then the message. DATA frames may cut them anywhere.
 */
import { answerTooLarge, brokenAnswer } from './failure.js';

export const PREFIX = 5;
/** The most memory that is taken for a message before its bytes have come. */
const FIRST_BYTES = 64 * 1024;
/** The number of pieces that may stay in the list after they are done. */
const MANY = 1024;

export interface FoundMessage {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

/** A message that has begun and is not whole. */
interface Begun {
  readonly compressed: boolean;
  readonly length: number;
  /** The memory for the bytes that have come, and a little more. It grows up to the length. */
  bytes: Buffer;
  filled: number;
}

export type Keep = (piece: Buffer, start: number) => Buffer;

export class MessageReader {
  /** The pieces that were not looked at yet, in their order; those before `head` are done. */
  private pieces: Buffer[] = [];
  private head = 0;
  /** The number of bytes in all pieces. */
  private waiting = 0;
  private begun: Begun | undefined;

  /**
   * `keep` returns the bytes from `start` on, as bytes that stay as they are. Pass a function that copies if the memory of
   * the pieces is used again.
   */
  constructor(
    private readonly maxBytes: number,
    private readonly keep: Keep = (piece, start) => (start === 0 ? piece : piece.subarray(start)),
  ) {}

  /** The size of the message that is not whole yet, with its prefix; 0 as long as its prefix was not read. */
  get coming(): number {
    return this.begun === undefined ? 0 : PREFIX + this.begun.length;
  }

  /** Returns the number of bytes of that message that are missing. */
  get missing(): number {
    return this.begun === undefined ? 0 : this.begun.length - this.begun.filled;
  }

  /** Returns the number of bytes that have come and were not taken yet. */
  get held(): number {
    return this.waiting;
  }

  /** True if a message has begun and is not whole, after `next` has returned undefined. */
  get isCut(): boolean {
    return this.begun !== undefined || this.waiting > 0;
  }

  /**
   * Returns the message if the piece is one whole message and nothing else waits, as with most unary answers. Otherwise
   * returns undefined, and the piece must be passed to `push`.
   */
  whole(piece: Buffer): FoundMessage | undefined {
    if (this.isCut || piece.length < PREFIX) return undefined;
    const flag = piece[0]!;
    const length = piece.readUInt32BE(1);
    if (flag > 1 || length > this.maxBytes || piece.length !== PREFIX + length) return undefined;
    return { compressed: flag === 1, bytes: this.keep(piece, PREFIX) };
  }

  push(piece: Buffer): void {
    const rest = this.waiting === 0 ? this.fill(piece) : piece;
    if (rest.length === 0) return;
    this.pieces.push(this.keep(rest, 0));
    this.waiting += rest.length;
  }

  /** Returns the next message if it is whole. Throws a StatusError for one that is too large or malformed. */
  next(): FoundMessage | undefined {
    if (this.begun === undefined && !this.begin()) return undefined;
    const begun = this.begun!;
    while (this.waiting > 0 && begun.filled < begun.length) this.replaceFirst(this.fill(this.pieces[this.head]!));
    if (begun.filled < begun.length) return undefined;
    this.begun = undefined;
    return begun;
  }

  /** Drops all bytes that have come. */
  clear(): void {
    this.pieces = [];
    this.head = 0;
    this.waiting = 0;
    this.begun = undefined;
  }

  /** Reads a prefix, and the message too if it is whole in its piece. Returns false if the prefix is not whole. */
  private begin(): boolean {
    if (this.waiting < PREFIX) return false;
    if (this.pieces[this.head]!.length < PREFIX) {
      this.pieces = [Buffer.concat(this.pieces.slice(this.head))];
      this.head = 0;
    }
    const first = this.pieces[this.head]!;
    const flag = first[0]!;
    const length = first.readUInt32BE(1);
    if (flag > 1) throw brokenAnswer(`expected the compressed flag 0 or 1, got ${flag}`);
    if (length > this.maxBytes) throw answerTooLarge(this.maxBytes, `a message of ${length} bytes`);
    const end = PREFIX + length;
    const isWhole = first.length >= end;
    const bytes = isWhole
      ? first.subarray(PREFIX, end)
      : Buffer.allocUnsafe(Math.min(length, Math.max(FIRST_BYTES, this.waiting)));
    this.begun = { compressed: flag === 1, length, bytes, filled: isWhole ? length : 0 };
    this.replaceFirst(first.subarray(isWhole ? end : PREFIX));
    return true;
  }

  private replaceFirst(rest: Buffer): void {
    const { pieces } = this;
    this.waiting -= pieces[this.head]!.length - rest.length;
    pieces[this.head] = rest;
    if (rest.length > 0) return;
    this.head++;
    if (this.waiting > 0 && this.head < MANY) return;
    // Emptying the list now and then costs less than to move all that is behind for each piece.
    pieces.splice(0, this.head);
    this.head = 0;
  }

  /** Copies what belongs to the message that has begun. Returns the rest. */
  private fill(piece: Buffer): Buffer {
    const { begun } = this;
    if (begun === undefined) return piece;
    const count = Math.min(piece.length, begun.length - begun.filled);
    const needed = begun.filled + count;
    if (needed > begun.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(begun.length, Math.max(needed, begun.bytes.length * 4)));
      begun.bytes.copy(larger, 0, 0, begun.filled);
      begun.bytes = larger;
    }
    piece.copy(begun.bytes, begun.filled, 0, count);
    begun.filled += count;
    return piece.subarray(count);
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
