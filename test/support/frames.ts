/** Writes HTTP/2 frames as bytes, for requests that no client library would send (RFC 9113 §4.1 and §6). */

export const DATA = 0;
export const HEADERS = 1;
export const PRIORITY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const WINDOW_UPDATE = 8;
export const CONTINUATION = 9;

/** The first bytes that a client sends. */
export const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(SETTINGS, 0, 0)]);

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Returns the header block of a GET: method, scheme, path and authority as RFC 7541 literals that are not indexed. */
export function getBlock(path: string): Buffer {
  const literal = (index: number, value: string) =>
    Buffer.concat([Buffer.from([index, value.length]), Buffer.from(value)]);
  return Buffer.concat([Buffer.from([0x82, 0x86]), literal(4, path), literal(1, 'x')]);
}

/** Returns a whole GET as one HEADERS frame with END_STREAM and END_HEADERS. */
export function getFrame(stream: number, path: string): Buffer {
  return frame(HEADERS, 5, stream, getBlock(path));
}

/**
 * Returns a header block of literals with new names, which are not indexed. Names and values must be shorter than 127
 * bytes.
 */
export function literals(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}
