/**
 * This module splits the body of a client stream into its messages, as its bytes arrive (docs/streams.md#client-streams):
 *
 *     lines    {"n":1}⏎{"n":2}⏎      blank lines are no messages
 *     json     [{"n":1},{"n":2}]     one array of messages
 *              {"n":1} {"n":2}       or messages one after the other
 *
 * It only finds where an element ends. Whether the element is valid JSON is checked by the codec.
 */
import type { FieldViolation } from '../../status/details.js';
import { gatewayError, invalidRequest, StatusError } from '../../status/status-error.js';
import type { RequestBytes } from '../json-request.js';
import type { RequestMessages } from '../transcoder.js';

export type ElementForm = 'lines' | 'json';

export interface JsonElements {
  /**
   * Returns the elements that are complete with this chunk. Throws INVALID_ARGUMENT (400), and 413 for an element that is too
   * large.
   */
  push(chunk: Buffer): readonly Buffer[];
  /** Returns the elements that end with the body. Throws INVALID_ARGUMENT (400) when the body ends inside of one. */
  end(): readonly Buffer[];
}

export interface ElementSettings {
  /** The most bytes that one element may have. */
  readonly maxBytes: number;
  /**
   * True if an element may be an array itself, so that `[` begins an element. `flat` if such an array holds no arrays, so
   * that `[[` begins an array of elements.
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

/** The number of pieces that are joined into one. A client may send a byte in each, and the object around it takes two hundred bytes. */
const PIECES = 1024;

/** Collects the pieces of the element that is not whole yet. */
class Pending {
  private blocks: Buffer[] = [];
  private pieces: Buffer[] = [];
  private size = 0;

  constructor(private readonly maxBytes: number) {}

  add(piece: Buffer): void {
    if (piece.length === 0) return;
    this.size += piece.length;
    if (this.size > this.maxBytes) {
      throw gatewayError('BODY_TOO_LARGE', `body: expected messages of at most ${this.maxBytes} bytes`, {
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
      // A client may send many blank lines at little cost: they are skipped here.
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

/**
 * Finds out from the first byte whether the body is an array of messages or messages one after the other. If a message may be
 * an array, the second byte is needed too.
 */
class ArrayOrValues implements JsonElements {
  private elements: JsonElements | undefined;
  /** True when an opening bracket has come that may begin a message or an array of messages. */
  private isOpen = false;

  constructor(private readonly settings: ElementSettings) {}

  push(chunk: Buffer): readonly Buffer[] {
    if (this.elements !== undefined) return this.elements.push(chunk);
    const at = chunk.findIndex((byte) => !isSpace(byte));
    if (at < 0) return [];
    const { maxBytes, mayBeArray } = this.settings;
    const isBracket = chunk[at] === OPEN_ARRAY;
    if (isBracket && mayBeArray === 'flat' && !this.isOpen) {
      this.isOpen = true;
      return this.push(chunk.subarray(at + 1));
    }
    if (isBracket && mayBeArray !== true) {
      this.elements = new ArrayElements(maxBytes);
      return this.elements.push(chunk.subarray(this.isOpen ? at : at + 1));
    }
    this.elements = new Values(maxBytes);
    if (this.isOpen) this.elements.push(OPENING);
    return this.elements.push(chunk.subarray(at));
  }

  end(): readonly Buffer[] {
    if (this.elements === undefined && this.isOpen) throw problem('expected the end of message 1, got the end');
    return this.elements?.end() ?? [];
  }
}

const OPENING = Buffer.from('[');

/** Follows the strings and brackets of JSON text. */
class Nesting {
  private depth = 0;
  private inString = false;
  private isEscaped = false;

  /** True if no string and no bracket is open. */
  get isOutside(): boolean {
    return this.depth === 0 && !this.inString;
  }

  /** Reads the next byte. Returns true if it closes the last string or bracket that was open. */
  read(byte: number): boolean {
    if (this.inString) {
      if (this.isEscaped) this.isEscaped = false;
      else if (byte === BACKSLASH) this.isEscaped = true;
      else if (byte === QUOTE) {
        this.inString = false;
        return this.depth === 0;
      }
      return false;
    }
    if (byte === QUOTE) this.inString = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.depth++;
    else if ((byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) && this.depth > 0) return --this.depth === 0;
    return false;
  }
}

/** Bytes with which no JSON value begins, although they may stand inside of one or between two. */
const NO_BEGINNING: ReadonlySet<number> = new Set(Buffer.from(',:]}'));

class Values implements JsonElements {
  private readonly pending: Pending;
  private readonly nesting = new Nesting();
  /** `enclosed` is inside an object, an array or a string; `plain` is inside a number, a boolean or null. */
  private state: 'between' | 'enclosed' | 'plain' = 'between';
  /** The number of messages that were complete before this chunk, for errors. */
  private count = 0;

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
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (this.state === 'plain' && (isSpace(byte) || isOpening(byte))) take(at);
      if (this.state === 'between') {
        if (isSpace(byte)) continue;
        if (NO_BEGINNING.has(byte)) throw expected(`a message${afterMessage(this.count + found.length)}`, byte);
        this.state = isOpening(byte) ? 'enclosed' : 'plain';
        start = at;
      }
      if (this.state === 'enclosed' && this.nesting.read(byte)) take(at + 1);
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
}

function isOpening(byte: number): boolean {
  return byte === OPEN_OBJECT || byte === OPEN_ARRAY || byte === QUOTE;
}

/** Reads the elements of an array, after its opening bracket. */
class ArrayElements implements JsonElements {
  private readonly pending: Pending;
  private readonly nesting = new Nesting();
  private state: 'first' | 'element' | 'separator' | 'after' = 'first';
  /** The number of elements that were complete before this chunk, for errors. */
  private count = 0;

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
      } else if (this.nesting.isOutside && (byte === COMMA || byte === CLOSE_ARRAY)) {
        this.pending.add(chunk.subarray(start, at));
        const element = this.pending.take();
        if (isSomething(element)) found.push(element);
        else if (byte === COMMA || this.state === 'element') throw expected(`a value${this.after(found)}`, byte);
        this.state = byte === COMMA ? 'element' : 'after';
        start = at + 1;
      } else if (this.nesting.read(byte) && byte === CLOSE_OBJECT) {
        // An object is whole at its closing bracket: it does not wait for the comma after it.
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
    throw problem(`expected ']' at the end of the array, got the end${this.after([])}`);
  }

  /** Reads a byte between two elements. `found` are the elements that this chunk has completed. */
  private outside(byte: number, found: readonly Buffer[]): void {
    if (this.state === 'after') throw expected('the end', byte);
    if (byte !== COMMA && byte !== CLOSE_ARRAY) throw expected(`',' or ']'${this.after(found)}`, byte);
    this.state = byte === COMMA ? 'element' : 'after';
  }

  private after(found: readonly Buffer[]): string {
    return afterMessage(this.count + found.length);
  }
}

/** Returns where a problem stands between messages: ` after message 2`. */
function afterMessage(count: number): string {
  return count === 0 ? '' : ` after message ${count}`;
}

/** Encodes an element as a request message, as `messages.encode` does. Errors name the element: `[2].quantity`. */
export function encodeElement(messages: RequestMessages, element: Uint8Array, index: number): RequestBytes {
  try {
    const message = messages.encode(element);
    if (!(message instanceof Promise)) return message;
    return message.catch((error) => {
      throw problemOfElement(error, index);
    });
  } catch (error) {
    throw problemOfElement(error, index);
  }
}

function problemOfElement(error: unknown, index: number): unknown {
  const [detail] = error instanceof StatusError ? error.details : [];
  if (detail === undefined || !('fieldViolations' in detail)) return error;
  const named = (detail.fieldViolations as readonly FieldViolation[]).map(({ field, description }) => ({
    field: field === 'body' ? `[${index}]` : `[${index}].${field}`,
    description,
  }));
  return invalidRequest('INVALID_BODY', named);
}

/** True for JSON's white space (RFC 8259 §2). */
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
