/** Reads what came back on a connection as HTTP/1.1 answers, without a library that forgives mistakes (RFC 9112). */

export interface RawAnswer {
  readonly status: number;
  /** The values by name in lower case, in the order in which they came. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

/** Throws an Error if the bytes are not a sequence of whole answers. `methods`: the method of each request, where known. */
export function readAnswers(bytes: Buffer, methods: readonly string[]): RawAnswer[] {
  const answers: RawAnswer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf('\r\n\r\n', at, 'latin1');
    if (headEnd < 0) throw new Error(`a head without an end: ${bytes.toString('latin1', at, at + 80)}`);
    const [statusLine = '', ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n');
    const match = /^HTTP\/1\.1 (\d{3}) [\t\x20-\x7e]*$/.exec(statusLine);
    if (match === null) throw new Error(`a status line: ${JSON.stringify(statusLine.slice(0, 80))}`);
    const status = Number(match[1]);
    const headers = readHeaders(lines);
    at = headEnd + 4;
    if (status < 200) continue;
    const isHead = methods[answers.length] === 'HEAD';
    const { body, end } = readBody(bytes, at, status, headers, isHead);
    answers.push({ status, headers, body });
    at = end;
  }
  return answers;
}

function readHeaders(lines: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line);
    if (match === null) throw new Error(`a header: ${JSON.stringify(line.slice(0, 80))}`);
    const name = match[1]!.toLowerCase();
    headers.set(name, [...(headers.get(name) ?? []), match[2]!.trim()]);
  }
  return headers;
}

function readBody(
  bytes: Buffer,
  start: number,
  status: number,
  headers: ReadonlyMap<string, readonly string[]>,
  isHead: boolean,
): { readonly body: Buffer; readonly end: number } {
  if (isHead || status === 204 || status === 304) return { body: Buffer.alloc(0), end: start };
  if (headers.get('transfer-encoding')?.[0] === 'chunked') return readChunks(bytes, start);
  const lengths = headers.get('content-length');
  if (lengths === undefined) return { body: bytes.subarray(start), end: bytes.length };
  if (lengths.length > 1) throw new Error('two content-lengths');
  const end = start + Number(lengths[0]);
  if (end > bytes.length) throw new Error(`a body of ${bytes.length - start} bytes, announced with ${lengths[0]}`);
  return { body: bytes.subarray(start, end), end };
}

function readChunks(bytes: Buffer, start: number): { readonly body: Buffer; readonly end: number } {
  const chunks: Buffer[] = [];
  let at = start;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new CutBody(Buffer.concat(chunks));
    at = lineEnd + 2;
    if (size === 0) {
      const end = bytes.indexOf('\r\n', at, 'latin1');
      return { body: Buffer.concat(chunks), end: end < 0 ? bytes.length : end + 2 };
    }
    if (at + size > bytes.length) throw new CutBody(Buffer.concat(chunks));
    chunks.push(bytes.subarray(at, at + size));
    at += size + 2;
  }
}

/** A chunked body that ends without its last chunk: how a stream that has begun fails over HTTP/1.1. */
export class CutBody extends Error {
  constructor(readonly body: Buffer) {
    super('a chunked body that is cut');
  }
}
