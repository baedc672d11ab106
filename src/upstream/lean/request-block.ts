/**
 * Encodes the headers of calls (RFC 7541) into one buffer, which the next call overwrites. The headers that all calls of a
 * method have in common are encoded once. Nothing is added to the dynamic table of the peer, so a block does not depend on
 * earlier ones, and is valid on every connection.
 */
import type { Clock } from '../../base/clock.js';
import type { CallMethod, CallRequest } from '../../call/call.js';
import { isReservedMetadataKey, type MetadataEntry } from '../../call/metadata.js';
import { grpcTimeout, metadataValue } from '../protocol.js';

/** The byte for `:method: POST`, by its index in the static table. */
const POST = 0x83;
/** The bytes for `:scheme: http` and `:scheme: https`, by their index in the static table. */
const SCHEME = { http: 0x86, https: 0x87 } as const;
/** The first byte of a header that is not added to the dynamic table, and whose name follows as text (RFC 7541 §6.2.2). */
const LITERAL = 0x00;
/** The first byte of such a header if proxies must not add it to a dynamic table either (RFC 7541 §6.2.3). */
const NEVER_INDEXED = 0x10;
/** The headers with secrets, which no proxy may add to its tables (RFC 7541 §7.1.3). */
const SECRET: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'x-api-key']);
/** The most metadata keys that are kept in encoded form. There must be a limit, because clients may choose keys. */
const MOST_KEYS = 1000;

/** A metadata key in encoded form. */
interface Key {
  /** The encoded key. It is empty for a key that is not sent. */
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

export class RequestBlock {
  /** The headers of the latest call in encoded form, in the first `length` bytes. */
  buffer = Buffer.allocUnsafeSlow(4096);
  length = 0;
  private readonly methods = new WeakMap<CallMethod, Buffer>();
  private readonly keys = new Map<string, Key>();

  constructor(
    private readonly scheme: 'http' | 'https',
    private readonly authority: string,
    private readonly clock: Clock,
  ) {}

  /** Encodes the headers of a call into `buffer`, and returns this object. Throws a TypeError for illegal metadata. */
  encode({ method, metadata, deadline }: CallRequest): this {
    const common = this.methods.get(method) ?? this.commonOf(method);
    this.length = 0;
    this.reserve(common.length);
    common.copy(this.buffer);
    this.length = common.length;
    for (const entry of metadata) this.entry(entry);
    const timeout = deadline && grpcTimeout(deadline.at - this.clock.now());
    if (timeout !== undefined) {
      this.bytes(TIMEOUT);
      this.text(timeout);
    }
    return this;
  }

  private commonOf(method: CallMethod): Buffer {
    const block = Buffer.concat([
      Buffer.from([POST, SCHEME[this.scheme]]),
      literal(':authority', this.authority),
      literal(':path', method.path),
      literal('te', 'trailers'),
      literal('content-type', 'application/grpc'),
      literal('user-agent', 'protogate'),
      literal('grpc-accept-encoding', 'identity, gzip'),
    ]);
    this.methods.set(method, block);
    return block;
  }

  private entry([key, value]: MetadataEntry): void {
    const known = this.keys.get(key) ?? this.keyOf(key, value);
    if (known.bytes.length === 0) return;
    this.bytes(known.bytes);
    if (known.isBinary || typeof value !== 'string') this.text(metadataValue(key, value));
    else if (!this.text(value)) metadataValue(key, value); // this throws
  }

  private keyOf(key: string, value: string | Uint8Array): Key {
    const isReserved = isReservedMetadataKey(key);
    if (!isReserved) metadataValue(key, value); // this throws for an illegal key
    const made = {
      bytes: isReserved ? Buffer.alloc(0) : literalName(key),
      isBinary: key.endsWith('-bin'),
    };
    if (this.keys.size < MOST_KEYS) this.keys.set(key, made);
    return made;
  }

  /** Writes the length and the bytes of a string. Returns false, and adds nothing, if a character is not printable ASCII. */
  private text(value: string): boolean {
    this.reserve(value.length + LONGEST_INTEGER);
    const { buffer } = this;
    let at = writeLength(buffer, this.length, value.length);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code < 0x20 || code > 0x7e) return false;
      buffer[at++] = code;
    }
    this.length = at;
    return true;
  }

  private bytes(bytes: Buffer): void {
    this.reserve(bytes.length);
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

/** The most bytes of an encoded integer. */
const LONGEST_INTEGER = 6;
const TIMEOUT = literalName('grpc-timeout');

function literal(name: string, value: string): Buffer {
  return Buffer.concat([literalName(name), string(value)]);
}

function literalName(name: string): Buffer {
  return Buffer.concat([Buffer.from([SECRET.has(name) ? NEVER_INDEXED : LITERAL]), string(name)]);
}

function string(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  const head = Buffer.alloc(LONGEST_INTEGER);
  return Buffer.concat([head.subarray(0, writeLength(head, 0, bytes.length)), bytes]);
}

/**
 * Writes the length of a string that is not Huffman-coded, as an integer with a prefix of 7 bits (RFC 7541 §5.1). Returns the
 * offset after it.
 */
function writeLength(buffer: Buffer, start: number, length: number): number {
  let at = start;
  if (length < 127) {
    buffer[at++] = length;
    return at;
  }
  buffer[at++] = 127;
  let rest = length - 127;
  for (; rest >= 128; rest = Math.floor(rest / 128)) buffer[at++] = (rest & 127) | 128;
  buffer[at++] = rest;
  return at;
}
