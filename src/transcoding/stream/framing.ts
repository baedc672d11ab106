/**
 * How a stream of messages is written into one HTTP answer (rules 20 and 21):
 *
 *     application/json       [{"n":1},{"n":2}]             an error can't be said: the connection is cut
 *     application/x-ndjson   {"n":1}⏎{"n":2}⏎              {"error":{"code":14,…}}⏎, unless a message may look like it
 *     text/event-stream      id: 1⏎data: {"n":1}⏎⏎ …       event: end⏎id: end⏎data: {"code":14,…}⏎⏎
 */
import type { Metadata } from '../../call/metadata.js';
import type { JsonWriter } from '../../codec/json-writer.js';

export interface Framing {
  readonly contentType: string;
  /** Writes a message, whose JSON `write` writes. The first one makes the difference. */
  message(out: JsonWriter, index: number, write: (out: JsonWriter) => void): void;
  /** After `count` messages. */
  end(count: number): Uint8Array;
  /**
   * The error as the end; undefined: this framing can't say it. `status`: google.rpc.Status as JSON; `isAmbiguous`: a
   * message may have a field `error` too.
   */
  failed(status: string, isAmbiguous: boolean): Uint8Array | undefined;
  /** Says that the stream lives, while there is nothing to say. */
  readonly heartbeat: Uint8Array | undefined;
  /** The same for people to read; undefined: a line break would mean something. */
  readonly indented?: Framing;
  /** The level of indentation that its messages come in; undefined: compact. */
  readonly level?: number;
}

const bytes = (text: string) => Buffer.from(text);
const OK = '{"code":0,"message":"","details":[]}';

const compactArray: Framing = {
  contentType: 'application/json',
  message(out, index, write) {
    out.ascii(index === 0 ? '[' : ',');
    write(out);
  },
  end: (count) => bytes(count === 0 ? '[]' : ']'),
  failed: () => undefined,
  heartbeat: undefined,
};

const indentedArray: Framing = {
  ...compactArray,
  level: 1,
  message(out, index, write) {
    out.ascii(index === 0 ? '[\n  ' : ',\n  ');
    write(out);
  },
  end: (count) => bytes(count === 0 ? '[]' : '\n]'),
};

const jsonArray: Framing = { ...compactArray, indented: indentedArray };

function lines(contentType: string): Framing {
  return {
    contentType,
    message(out, _index, write) {
      write(out);
      out.ascii('\n');
    },
    end: () => bytes(''),
    failed: (status, isAmbiguous) => (isAmbiguous ? undefined : bytes(`{"error":${status}}\n`)),
    heartbeat: undefined,
  };
}

const end = (status: string) => bytes(`event: end\nid: ${END_ID}\ndata: ${status}\n\n`);

/** Of the event that ends a stream: a browser that comes back with it is told that there is no more. */
export const END_ID = 'end';

/** Server-sent events. */
export const EVENTS: Framing = {
  contentType: 'text/event-stream',
  // The codec writes no line breaks into JSON.
  message(out, index, write) {
    out.ascii(`id: ${index + 1}\ndata: `);
    write(out);
    out.ascii('\n\n');
  },
  end: () => end(OK),
  failed: end,
  heartbeat: bytes(':\n\n'),
};

/** By media type, the one for those who don't care first. */
export const FRAMINGS: ReadonlyMap<string, Framing> = new Map(
  [jsonArray, lines('application/x-ndjson'), lines('application/jsonl'), EVENTS].map((one) => [one.contentType, one]),
);

/** Where a browser's EventSource goes on from; undefined: it begins, or the answer is none for it. */
export function lastEventId(framing: Framing | undefined, header: string | readonly string[] | undefined) {
  if (framing === undefined || !isEvents(framing)) return undefined;
  return typeof header === 'string' && /^[\x20-\x7e]{1,256}$/.test(header) ? header : undefined;
}

/** Tells the upstream where the client goes on from. */
export function withLastEventId(metadata: Metadata, lastId: string): Metadata {
  return [...metadata.filter(([name]) => name !== 'last-event-id'), ['last-event-id', lastId]];
}

export function isEvents({ contentType }: Framing): boolean {
  return contentType === EVENTS.contentType;
}
