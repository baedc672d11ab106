/**
 * The messages of a request body that is a stream (rule 22), as they arrive, cut at any byte:
 *
 *     lines    {"n":1}⏎{"n":2}⏎      what is blank is no message
 *     json     [{"n":1},{"n":2}]     one array
 *              {"n":1} {"n":2}       or values, one behind the other
 *
 * Only where an element ends is found here; what it is, the codec says.
 */
import type { FieldViolation } from '../../status/details.js';
import { gatewayError, invalidRequest, StatusError } from '../../status/status-error.js';
import type { RequestMessages } from '../transcoder.js';

export type ElementForm = 'lines' | 'json';

export interface JsonElements {
  /** The elements that are whole now. Throws 400 and 413. */
  push(chunk: Buffer): readonly Buffer[];
  /** Those that the end makes whole. Throws 400 for an end in the middle. */
  end(): readonly Buffer[];
}

export interface ElementSettings {
  /** Of one element. */
  readonly maxBytes: number;
  /**
   * Whether an element may be an array itself: then `[` begins no array of elements. `flat`: one that holds no arrays, so
   * that `[[` does.
   */
  readonly mayBeArray: boolean | 'flat';
}

export function createJsonElements(form: ElementForm, settings: ElementSettings): JsonElements {
  return form === 'lines' ? new Lines(settings.maxBytes) : new ArrayOrValues(settings);
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

/** The first byte decides, or the second one. */
class ArrayOrValues implements JsonElements {
  private elements: JsonElements | undefined;
  private isOpen = false;

  constructor(private readonly settings: ElementSettings) {}

  push(chunk: Buffer): readonly Buffer[] {
    if (this.elements !== undefined) return this.elements.push(chunk);
    const at = chunk.findIndex((byte) => !isSpace(byte));
    if (at < 0) return [];
    const { maxBytes, mayBeArray } = this.settings;
    const isArray = chunk[at] === OPEN_ARRAY;
    if (isArray && mayBeArray === 'flat' && !this.isOpen) {
      this.isOpen = true;
      return this.push(chunk.subarray(at + 1));
    }
    this.elements = isArray && mayBeArray !== true ? new ArrayElements(maxBytes) : new Values(maxBytes);
    const before = this.isOpen ? this.elements.push(OPENING) : [];
    return [...before, ...this.elements.push(chunk.subarray(at))];
  }

  end(): readonly Buffer[] {
    if (this.elements === undefined && this.isOpen) throw problem('expected the end of message 1, got the end');
    return this.elements?.end() ?? [];
  }
}

const OPENING = Buffer.from('[');

/** What may stand between two values or inside of one, and begins none. */
const BETWEEN = new Set([...',:]}'].map((char) => char.charCodeAt(0)));

class Values implements JsonElements {
  private readonly pending: Pending;
  private state: 'between' | 'nested' | 'string' | 'plain' = 'between';
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
    const take = (end: number) => {
      this.pending.add(chunk.subarray(start, end));
      found.push(this.pending.take());
      this.state = 'between';
      start = end;
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.state === 'plain' && (isSpace(byte) || isOpening(byte))) take(at);
      if (this.state === 'between') {
        start = isSpace(byte) ? at + 1 : at;
        if (!isSpace(byte)) this.begin(byte, this.count + found.length);
      } else if (this.state !== 'plain' && this.isEnd(byte)) take(at + 1);
    }
    if (this.state !== 'between') this.pending.add(chunk.subarray(start));
    this.count += found.length;
    return found;
  }

  end(): readonly Buffer[] {
    if (this.state === 'between') return [];
    if (this.state === 'plain') return [this.pending.take()];
    throw problem(`expected the end of message ${this.count + 1}, got the end`);
  }

  private begin(byte: number, before: number): void {
    if (BETWEEN.has(byte)) throw expected(`a message${before === 0 ? '' : ` after message ${before}`}`, byte);
    this.depth = byte === OPEN_OBJECT || byte === OPEN_ARRAY ? 1 : 0;
    this.inString = byte === QUOTE;
    this.state = this.depth > 0 ? 'nested' : this.inString ? 'string' : 'plain';
  }

  /** Whether the byte is the last one of the value that it stands in. */
  private isEnd(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) {
        this.inString = false;
        return this.state === 'string';
      }
      return false;
    }
    if (byte === QUOTE) this.inString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) this.depth--;
    return this.depth === 0;
  }
}

function isOpening(byte: number): boolean {
  return byte === OPEN_OBJECT || byte === OPEN_ARRAY || byte === QUOTE;
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
    // A `[`, or there would be no array.
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

function expected(what: string, byte: number): Error {
  return problem(`expected ${what}, got ${JSON.stringify(String.fromCharCode(byte))}`);
}

function problem(description: string): Error {
  return invalidRequest('INVALID_BODY', [{ field: 'body', description }]);
}
