/** The headers or trailers of an answer as HPACK gives them, and the rules of HTTP/2 for them (RFC 9113 §8.2 and §8.3). */
import { isReservedMetadataKey, type Metadata, type MetadataEntry, NO_METADATA } from '../../call/metadata.js';
import { binaryValues } from '../protocol.js';
import type { ReceivedHeaders } from '../rpc.js';
import { STATIC_TABLE } from './static-table.js';

export class HeaderList implements ReceivedHeaders {
  /** The reason why the headers or trailers are wrong. Undefined if they are not. */
  readonly fault: string | undefined;
  /** True after a call of {@link metadata} has found none, so that later calls need not search again. */
  private hasNone = false;

  /** `list` has the names and values in turn: name, value, name, value. */
  constructor(
    readonly list: readonly string[],
    areTrailers: boolean,
  ) {
    this.fault = headerFault(list, areTrailers);
  }

  get(name: string): string | undefined {
    const { list } = this;
    for (let i = list.length - 2; i >= 0; i -= 2) if (list[i] === name) return list[i + 1];
    return undefined;
  }

  metadata(): Metadata {
    if (this.hasNone) return NO_METADATA;
    const { list } = this;
    let entries: MetadataEntry[] | undefined;
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i]!;
      const value = list[i + 1]!;
      if (isReservedMetadataKey(name)) continue;
      entries ??= [];
      if (!name.endsWith('-bin')) entries.push([name, value]);
      else for (const bytes of binaryValues(value)) entries.push([name, bytes]);
    }
    this.hasNone = entries === undefined;
    return entries ?? NO_METADATA;
  }
}

/** The headers of HTTP/1.1 that HTTP/2 forbids. An answer that has one of them is malformed (RFC 9113 §8.2.2). */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** Frequent header names that are known to be legal, so they are not checked. */
const KNOWN: ReadonlySet<string> = new Set([
  'grpc-status',
  'grpc-message',
  'grpc-encoding',
  'grpc-accept-encoding',
  ...STATIC_TABLE.map(([name]) => name).filter((name) => !name.startsWith(':') && !FORBIDDEN.has(name)),
]);

/** Returns what is wrong with the headers, or trailers, of an answer; undefined if nothing is. */
function headerFault(list: readonly string[], areTrailers: boolean): string | undefined {
  const first = areTrailers ? 0 : 2;
  if (!areTrailers && (list[0] !== ':status' || !/^[1-9]\d\d$/.test(list[1]!))) return 'no :status at its beginning';
  for (let i = first; i < list.length; i += 2) {
    const name = list[i]!;
    if (!KNOWN.has(name)) {
      if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) return `the name ${JSON.stringify(name)}`;
      if (FORBIDDEN.has(name)) return `the header ${name}`;
    }
    if (/[\0\r\n]/.test(list[i + 1]!)) return `a line break or NUL in ${name}`;
  }
  return undefined;
}
