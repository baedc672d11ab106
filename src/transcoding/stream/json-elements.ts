/**
 * The messages of a request body that is a stream (rule 22), as they arrive, cut at any byte:
 *
 *     lines   {"n":1}⏎{"n":2}⏎      what is blank is no message
 *     array   [{"n":1},{"n":2}]
 *
 * Only where an element ends is found here; what it is, the codec says.
 */
import type { FieldViolation } from '../../status/details.js';
import { gatewayError, invalidRequest, StatusError } from '../../status/status-error.js';
import type { RequestMessages } from '../transcoder.js';

export type ElementForm = 'lines' | 'array';

export interface JsonElements {
  /** The elements that are whole now. Throws 400 and 413. */
  push(chunk: Buffer): readonly Buffer[];
  /** Those that the end makes whole. Throws 400 for an end in the middle. */
  end(): readonly Buffer[];
}

/** `maxBytes`: of one element. */
export function createJsonElements(form: ElementForm, maxBytes: number): JsonElements {
  return form === 'lines' ? new Lines(maxBytes) : new ArrayElements(maxBytes);
}

const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** So many pieces become one: a client may send a byte in each, and the object that holds it takes two hundred. */
const PIECES = 1024;

/** What has come of the element that is not whole yet. */
class Pending {
  private blocks: Buffer[] = [];
  private pieces: Buffer[] = [];
  private size = 0;

  constructor(private readonly maxBytes: number) {}

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.size += piece.length;
    if (this.size > this.maxBytes) {
      throw gatewayError(413, 'BODY_TOO_LARGE', `body: expected messages of at most ${this.maxBytes} bytes`, {
        closeConnection: true,
      });
    }
    if (this.pieces.push(piece) < PIECES) return;
    this.blocks.push(Buffer.concat(this.pieces));
    this.pieces = [];
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  take(): Buffer {
    const [first] = this.pieces;
    const isWhole = first?.length === this.size;
    const whole = isWhole ? first : Buffer.concat([...this.blocks, ...this.pieces], this.size);
    this.blocks = [];
    this.pieces = [];
    this.size = 0;
    return whole;
  }
}

class Lines implements JsonElements {
  private readonly pending: Pending;

  constructor(maxBytes: number) {
    this.pending = new Pending(maxBytes);
  }

  push(chunk: Buffer): readonly Buffer[] {
    const found: Buffer[] = [];
    let start = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, start)) {
      // Blank lines are cheap to send.
      if (at > start || !this.pending.isEmpty) {
        this.pending.add(chunk.subarray(start, at));
        found.push(this.pending.take());
      }
      start = at + 1;
    }
    this.pending.add(chunk.subarray(start));
    return found.filter(isSomething);
  }

  end(): readonly Buffer[] {
    return [this.pending.take()].filter(isSomething);
  }
}

class ArrayElements implements JsonElements {
  private readonly pending: Pending;
  private state: 'before' | 'first' | 'element' | 'separator' | 'after' = 'before';
  /** Elements that were whole, for errors. */
  private count = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  constructor(maxBytes: number) {
    this.pending = new Pending(maxBytes);
  }

  push(chunk: Buffer): readonly Buffer[] {
    const found: Buffer[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.state !== 'first' && this.state !== 'element') {
        if (!isSpace(byte)) this.outside(byte, found);
        start = at + 1;
      } else if (this.endsElement(byte)) {
        this.pending.add(chunk.subarray(start, at));
        const element = this.pending.take();
        if (isSomething(element)) found.push(element);
        else if (byte === COMMA || this.state === 'element') throw expected(`a value${this.after(found)}`, byte);
        this.state = byte === COMMA ? 'element' : 'after';
        start = at + 1;
      } else if (byte === CLOSE_OBJECT && this.depth === 0 && !this.inString) {
        // An object does not wait for what separates it from the next.
        this.pending.add(chunk.subarray(start, at + 1));
        found.push(this.pending.take());
        this.state = 'separator';
        start = at + 1;
      }
    }
    if (this.state === 'first' || this.state === 'element') this.pending.add(chunk.subarray(start));
    this.count += found.length;
    return found;
  }

  end(): readonly Buffer[] {
    if (this.state === 'after') return [];
    if (this.state === 'before') return [];
    throw problem(`expected ']' at the end of the array, got the end${this.after([])}`);
  }

  /** `found`: by this chunk. */
  private outside(byte: number, found: readonly Buffer[]): void {
    if (this.state === 'separator') {
      if (byte !== COMMA && byte !== CLOSE_ARRAY) throw expected(`',' or ']'${this.after(found)}`, byte);
      this.state = byte === COMMA ? 'element' : 'after';
      return;
    }
    if (this.state === 'after') throw expected('the end', byte);
    if (byte !== OPEN_ARRAY) throw expected('an array of messages', byte, byte === OPEN_OBJECT ? LINES_HINT : '');
    this.state = 'first';
  }

  /** Where it is between messages: ` after message 2`. */
  private after(found: readonly Buffer[]): string {
    const count = this.count + found.length;
    return count === 0 ? '' : ` after message ${count}`;
  }

  /** Whether the byte ends the element that it stands in; keeps book of what is open. */
  private endsElement(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inString = false;
      return false;
    }
    switch (byte) {
      case QUOTE:
        this.inString = true;
        return false;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        this.depth++;
        return false;
      case CLOSE_OBJECT:
        this.depth--;
        return false;
      case CLOSE_ARRAY:
        if (this.depth <= 0) return true;
        this.depth--;
        return false;
      default:
        return byte === COMMA && this.depth <= 0;
    }
  }
}

/** The message that an element is. Errors name it: `[2].quantity`. */
export function encodeElement(messages: RequestMessages, element: Uint8Array, index: number): Uint8Array {
  try {
    return messages.encode(element);
  } catch (error) {
    const [detail] = error instanceof StatusError ? error.details : [];
    if (detail === undefined || !('fieldViolations' in detail)) throw error;
    const named = (detail.fieldViolations as readonly FieldViolation[]).map(({ field, description }) => ({
      field: field === 'body' ? `[${index}]` : `[${index}].${field}`,
      description,
    }));
    throw invalidRequest('INVALID_BODY', named);
  }
}

/** JSON's white space (RFC 8259 §2). */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === LF || byte === 0x0d || byte === 0x09;
}

function isSomething(bytes: Buffer): boolean {
  return !bytes.every(isSpace);
}

/** For those who sent a message, or lines of them, as JSON. */
const LINES_HINT = ' (or lines of messages: content-type application/x-ndjson)';

function expected(what: string, byte: number, hint = ''): Error {
  return problem(`expected ${what}, got ${JSON.stringify(String.fromCharCode(byte))}${hint}`);
}

function problem(description: string): Error {
  return invalidRequest('INVALID_BODY', [{ field: 'body', description }]);
}
