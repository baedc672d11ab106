/**
 * This module splits a raw request path into segments without copying. It keeps offsets into the text, and decodes text
 * only if it contains a `%`. One instance is used for all requests, because matching is synchronous. So the arrays are
 * allocated once. docs/http-mapping.md#matching has the rules.
 */

/**
 * The result of a scan. `path` can be matched. `empty-segment` is a path with `//` or a slash at its end, which no
 * template matches.
 */
export type ScanResult = 'path' | 'empty-segment' | { readonly malformed: string };

const PERCENT = 0x25;
const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;
const HASH = 0x23;
const QUESTION_MARK = 0x3f;

export class RawPath {
  text = '';
  /** The number of segments; 0 for "/". */
  count = 0;
  /** The offsets of the first and the last ":" in the last segment, or -1. A ":" at its start does not count. */
  firstColon = -1;
  lastColon = -1;
  /** True if the path contains a `%`. */
  isEscaped = false;
  private starts = new Int32Array(64);
  private ends = new Int32Array(64);
  private hashes = new Int32Array(64);

  /** Scans the path of a request target, which must not include the query. */
  scan(text: string): ScanResult {
    this.text = text;
    this.count = 0;
    this.firstColon = -1;
    this.lastColon = -1;
    this.isEscaped = false;
    if (text.charCodeAt(0) !== SLASH) return { malformed: "expected '/' at the start of the path" };
    if (text.length === 1) return 'path';
    let emptySegment = false;
    let start = 1;
    let firstColon = -1;
    let lastColon = -1;
    let hash = 0;
    for (let at = 1; at <= text.length; at++) {
      const code = at === text.length ? SLASH : text.charCodeAt(at);
      if (code === SLASH) {
        if (at === start) emptySegment = true;
        else if (text.charCodeAt(start) === DOT && isDots(text, start, at)) return DOT_SEGMENT;
        this.push(start, at, hash);
        if (at < text.length) {
          firstColon = -1;
          lastColon = -1;
        }
        start = at + 1;
        hash = 0;
        continue;
      }
      hash = nextHash(hash, code);
      if (code === COLON) {
        if (firstColon < 0 && at > start) firstColon = at;
        lastColon = at;
      } else if (code === PERCENT) {
        this.isEscaped = true;
      } else if (code <= 0x20 || code >= 0x7f || code === HASH || code === QUESTION_MARK) {
        return { malformed: `expected a percent-encoded character, got U+${hex(code)} at offset ${at}` };
      }
    }
    if (firstColon >= 0) {
      if (isDots(text, this.start(this.count - 1), firstColon)) return DOT_SEGMENT;
      this.firstColon = firstColon;
      this.lastColon = lastColon;
    }
    const refused = this.isEscaped ? this.checkEscapes() : undefined;
    if (refused !== undefined) return refused;
    return emptySegment ? 'empty-segment' : 'path';
  }

  start(segment: number): number {
    return this.starts[segment]!;
  }

  end(segment: number): number {
    return this.ends[segment]!;
  }

  /** Returns the hash of a segment's raw text, as {@link hashOf} computes it. */
  hash(segment: number): number {
    return this.hashes[segment]!;
  }

  /** Returns a part of a segment, decoded. Undefined when it contains no escape, so that the raw text can be used. */
  decodedText(start: number, end: number): string | undefined {
    if (!this.isEscaped) return undefined;
    const raw = this.text.slice(start, end);
    return raw.includes('%') ? decodeURIComponent(raw) : undefined;
  }

  /**
   * Returns the text from segment `from` up to, not including, `to`, decoded as http.proto defines it: completely for a
   * variable of one segment, and all except %2F for a variable of several segments. `colon` is the offset of the verb's
   * colon, where the last segment ends. It is -1 when there is no verb.
   */
  capture(from: number, to: number, severalSegments: boolean, colon: number): string {
    if (from >= to) return '';
    const end = colon >= 0 && to === this.count ? colon : this.end(to - 1);
    const raw = this.text.slice(this.start(from), end);
    if (!this.isEscaped || !raw.includes('%')) return raw;
    return severalSegments ? decodeAllButSlash(raw) : decodeURIComponent(raw);
  }

  private push(start: number, end: number, hash: number): void {
    if (this.count === this.starts.length) this.grow();
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.hashes[this.count] = hash;
    this.count++;
  }

  private grow(): void {
    this.starts = doubled(this.starts);
    this.ends = doubled(this.ends);
    this.hashes = doubled(this.hashes);
  }

  /** Checks all escapes, so that decoding cannot fail later. */
  private checkEscapes(): ScanResult | undefined {
    for (let index = 0; index < this.count; index++) {
      const raw = this.text.slice(this.start(index), this.end(index));
      if (!raw.includes('%')) continue;
      const bad = /%(?![0-9A-Fa-f]{2})/.exec(raw);
      if (bad !== null) {
        return { malformed: `expected two hex digits after '%' at offset ${this.start(index) + bad.index}` };
      }
      const decoded = decodeUtf8(raw);
      if (decoded === undefined) return { malformed: `expected percent-encoded UTF-8, got '${raw.slice(0, 64)}'` };
      if (isDotSegment(decoded)) return DOT_SEGMENT;
    }
    if (this.firstColon < 0) return undefined;
    const beforeVerb = this.decodedText(this.start(this.count - 1), this.firstColon);
    return beforeVerb !== undefined && isDotSegment(beforeVerb) ? DOT_SEGMENT : undefined;
  }
}

/**
 * Returns the hash of a text, with which segments are looked up. Only routes decide what a table contains, so clients
 * cannot cause collisions.
 */
export function hashOf(text: string, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = nextHash(hash, text.charCodeAt(at));
  return hash;
}

function nextHash(hash: number, code: number): number {
  return (Math.imul(hash, 31) + code) | 0;
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

const DOT_SEGMENT: ScanResult = { malformed: "expected no '.' or '..' segment" };

/** True if the text from `start` to `end` is `.` or `..`. */
function isDots(text: string, start: number, end: number): boolean {
  return end - start <= 2 && isDotSegment(text.slice(start, end));
}

function isDotSegment(text: string): boolean {
  return text === '.' || text === '..';
}

/** Decodes percent-encoded text. Undefined when the bytes are not UTF-8. */
function decodeUtf8(raw: string): string | undefined {
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

function decodeAllButSlash(raw: string): string {
  return raw
    .split(/(%2f)/i)
    .map((part) => (part.length === 3 && part.toLowerCase() === '%2f' ? part : decodeURIComponent(part)))
    .join('');
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0');
}
