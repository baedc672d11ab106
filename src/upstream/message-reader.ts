/**
 * Reads and writes the length-prefixed messages of gRPC (PROTOCOL-HTTP2.md): one byte with the compressed flag, four bytes with
 * the length, then the message. A message may begin and end anywhere in the DATA frames.
 */
import { answerTooLarge, brokenAnswer } from './failure.js';

export const PREFIX = 5;
/** The most bytes of memory that are taken for a message before its bytes have come. */
const FIRST_BYTES = 64 * 1024;
/** The number of read pieces after which they are removed from the list. */
const MANY = 1024;

export interface FoundMessage {
  readonly compressed: boolean;
  readonly bytes: Buffer;
}

/** A message whose prefix was read, and which is not complete. */
interface Begun {
  readonly compressed: boolean;
  readonly length: number;
  /**
   * The memory for the message. It grows with the bytes that come, up to `length`, so that a peer cannot reserve memory by a
   * large length alone.
   */
  bytes: Buffer;
  filled: number;
}

export type Keep = (piece: Buffer, start: number) => Buffer;

export class MessageReader {
  /** The pieces of the stream that were received. Those before the index `head` were read completely. */
  private pieces: Buffer[] = [];
  private head = 0;
  /** The number of bytes in `pieces` that were not read yet. */
  private waiting = 0;
  private begun: Begun | undefined;

  /**
   * `maxBytes` is the most bytes that a message may have. `keep` returns the bytes of a piece from `start` on in a form that
   * stays valid: a function that copies is needed if the caller overwrites the memory of its pieces.
   */
  constructor(
    private readonly maxBytes: number,
    private readonly keep: Keep = (piece, start) => (start === 0 ? piece : piece.subarray(start)),
  ) {}

  /** The number of bytes of the incomplete message, with its prefix; 0 as long as its prefix was not read. */
  get coming(): number {
    return this.begun === undefined ? 0 : PREFIX + this.begun.length;
  }

  /** The number of bytes of the incomplete message that have not been read yet. */
  get missing(): number {
    return this.begun === undefined ? 0 : this.begun.length - this.begun.filled;
  }

  /** The number of bytes that have come and that {@link next} has not read yet. */
  get held(): number {
    return this.waiting;
  }

  /** True if a message is incomplete. It may be read only after {@link next} has returned undefined. */
  get isCut(): boolean {
    return this.begun !== undefined || this.waiting > 0;
  }

  /**
   * Returns the message if `piece` is exactly one complete message and no other bytes wait, as with most unary answers.
   * Otherwise it returns undefined, and the piece must be passed to {@link push}.
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

  /**
   * Returns the next message; undefined if it is not complete. Throws a StatusError for a message that is too large or has a
   * wrong flag.
   */
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

  /**
   * Reads the prefix of a message, and the message too if it lies in the same piece. Returns false if the prefix is not
   * complete.
   */
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
    // Many read pieces are removed at once, because each removal moves all pieces that follow.
    pieces.splice(0, this.head);
    this.head = 0;
  }

  /** Copies the bytes of `piece` that belong to the incomplete message. Returns the bytes after them. */
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

/** Returns a message with its prefix. A small message is one Buffer, so that one write is enough; a large one is not copied. */
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
