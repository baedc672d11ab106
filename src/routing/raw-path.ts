/**
 * A raw request path, cut into segments without copying: offsets into the text, and decoded text only where a `%` is.
 * One instance is used again for every request (matching is synchronous), so the arrays are allocated once.
 */

/** `path`: fit to be matched. `empty-segment`: `//` or a slash at the end, which no template matches. */
export type ScanResult = 'path' | 'empty-segment' | { readonly malformed: string };

const PERCENT = 0x25;
const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;
const HASH = 0x23;
const QUESTION_MARK = 0x3f;

export class RawPath {
  text = '';
  /** How many segments; 0 for "/". */
  count = 0;
  /** The offsets of the first and the last ":" in the last segment, or -1. A ":" at its start does not count. */
  firstColon = -1;
  lastColon = -1;
  /** Whether there is a `%` anywhere. */
  isEscaped = false;
  private starts = new Int32Array(64);
  private ends = new Int32Array(64);
  private hashes = new Int32Array(64);

  /** Takes the path of a request target, without its query. */
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

  /** Of the segment as it stands in the path: {@link hashOf} its text. */
  hash(segment: number): number {
    return this.hashes[segment]!;
  }

  /** A part of a segment, decoded; undefined: it has no escape, and is what stands in `text`. */
  decodedText(start: number, end: number): string | undefined {
    if (!this.isEscaped) return undefined;
    const raw = this.text.slice(start, end);
    return raw.includes('%') ? decodeURIComponent(raw) : undefined;
  }

  /**
   * Returns the text from segment `from` up to, not including, `to`, decoded as http.proto says: all of it for a variable
   * of one segment, all but %2F for a variable of several. `colon`: the offset of the verb's colon, where the last segment
   * ends; -1 when there is no verb.
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

  /** Looks at every escape, so that decoding cannot fail later. */
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

/** The hash that segments are looked up by; the routes choose what is in a table, so clashes cannot be provoked. */
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

/** From `start` to `end` nothing but one dot or two. */
function isDots(text: string, start: number, end: number): boolean {
  return end - start <= 2 && isDotSegment(text.slice(start, end));
}

function isDotSegment(text: string): boolean {
  return text === '.' || text === '..';
}

/** `undefined`: bytes that are no UTF-8. */
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
