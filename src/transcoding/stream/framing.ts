/**
 * This module writes a stream of messages into one HTTP answer (docs/streams.md):
 *
 *     application/json       [{"n":1},{"n":2}]             it cannot report an error: the connection is cut
 *     application/x-ndjson   {"n":1}⏎{"n":2}⏎              {"error":{"code":14,…}}⏎, unless a message may look like it
 *     text/event-stream      id: 1⏎data: {"n":1}⏎⏎ …       event: end⏎id: end⏎data: {"code":14,…}⏎⏎
 */
import type { Metadata } from '../../call/metadata.js';
import type { JsonWriter } from '../../codec/json-writer.js';

export interface Framing {
  readonly contentType: string;
  /** Writes the text before the JSON of the message at `index`, which counts from 0. */
  before(out: JsonWriter, index: number): void;
  /** Writes the text after the JSON of a message. */
  after(out: JsonWriter): void;
  /** Returns the bytes that end the stream after `count` messages. */
  end(count: number): Uint8Array;
  /**
   * Returns the bytes that end the stream with an error; undefined when the framing cannot report one. `status` is a
   * google.rpc.Status as JSON. `isAmbiguous` is true if a message may have a field `error` too.
   */
  failed(status: string, isAmbiguous: boolean): Uint8Array | undefined;
  /** The bytes that show that a silent stream is alive; undefined when the framing has none. */
  readonly heartbeat: Uint8Array | undefined;
  /** The same framing with indented JSON; undefined when a line break in the JSON would break the framing. */
  readonly indented?: Framing;
  /** The level of indentation of the messages; undefined for compact JSON. */
  readonly level?: number;
}

const bytes = (text: string) => Buffer.from(text);
const OK = '{"code":0,"message":"","details":[]}';

const compactArray: Framing = {
  contentType: 'application/json',
  before: (out, index) => out.ascii(index === 0 ? '[' : ','),
  after: () => {},
  end: (count) => bytes(count === 0 ? '[]' : ']'),
  failed: () => undefined,
  heartbeat: undefined,
};

const indentedArray: Framing = {
  ...compactArray,
  level: 1,
  before: (out, index) => out.ascii(index === 0 ? '[\n  ' : ',\n  '),
  end: (count) => bytes(count === 0 ? '[]' : '\n]'),
};

const jsonArray: Framing = { ...compactArray, indented: indentedArray };

function lines(contentType: string): Framing {
  return {
    contentType,
    before: () => {},
    after: (out) => out.ascii('\n'),
    end: () => bytes(''),
    failed: (status, isAmbiguous) => (isAmbiguous ? undefined : bytes(`{"error":${status}}\n`)),
    heartbeat: undefined,
  };
}

const end = (status: string) => bytes(`event: end\nid: ${END_ID}\ndata: ${status}\n\n`);

/** The id of the event that ends a stream. A browser that reconnects with it as Last-Event-ID gets 204, which stops it. */
export const END_ID = 'end';

/** Writes the messages as server-sent events. */
export const EVENTS: Framing = {
  contentType: 'text/event-stream',
  // The codec writes no line breaks into JSON, so the data of an event is one line.
  before: (out, index) => out.ascii(`id: ${index + 1}\ndata: `),
  after: (out) => out.ascii('\n\n'),
  end: () => end(OK),
  failed: end,
  heartbeat: bytes(':\n\n'),
};

/** All framings by media type. The first one is for clients that have no preference. */
export const FRAMINGS: ReadonlyMap<string, Framing> = new Map(
  [jsonArray, lines('application/x-ndjson'), lines('application/jsonl'), EVENTS].map((one) => [one.contentType, one]),
);

/**
 * Returns the id of the last event that a reconnecting EventSource has received; undefined when there is none, or the
 * framing is not that of events.
 */
export function lastEventId(framing: Framing | undefined, header: string | readonly string[] | undefined) {
  if (framing === undefined || !isEvents(framing)) return undefined;
  return typeof header === 'string' && /^[\x20-\x7e]{1,256}$/.test(header) ? header : undefined;
}

/** Returns the metadata with the id of the client's last event, so that the upstream can continue after it. */
export function withLastEventId(metadata: Metadata, lastId: string): Metadata {
  return [...metadata.filter(([name]) => name !== 'last-event-id'), ['last-event-id', lastId]];
}

export function isEvents({ contentType }: Framing): boolean {
  return contentType === EVENTS.contentType;
}
