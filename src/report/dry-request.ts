/** What a request that nobody sends would become: its messages and its metadata, or the 4xx that it earns. */
import type { Codecs } from '../codec/codec.js';
import type { Binding } from '../routing/http-rule.js';
import { compileRequestMetadata, type MetadataSettings } from '../transcoding/headers.js';
import { requireIdentity, requireJson, requireJsonStream } from '../transcoding/negotiate.js';
import type { QuerySettings } from '../transcoding/query.js';
import { createJsonElements, encodeElement } from '../transcoding/stream/json-elements.js';
import type { Transcoder, TranscoderInput } from '../transcoding/transcoder.js';

export interface DrySettings {
  readonly codecs: Codecs;
  readonly query: QuerySettings;
  readonly metadata: MetadataSettings;
  /** Headers that pass under no pattern of `metadata`. */
  readonly guardedHeaders: readonly string[];
}

export interface DryRequest {
  readonly method: string;
  /** With the query, as it would stand in the request line. */
  readonly target: string;
  readonly body: Uint8Array;
  /** Name, value, name, value… as sent. */
  readonly rawHeaders: readonly string[];
}

export type Row = readonly [title: string, ...lines: string[]];

interface Asked {
  readonly transcoder: Transcoder;
  readonly captures: readonly string[];
  readonly request: DryRequest;
}

/** The rows `request` and `metadata`. */
export function requestRows(
  settings: DrySettings,
  { method }: Binding,
  { transcoder, captures, request }: Asked,
): readonly Row[] {
  const metadata = compileRequestMetadata(settings.metadata, settings.guardedHeaders)(request.rawHeaders);
  const { body, target } = request;
  if (body.length > 0) requireIdentity(headerOf(request, 'content-encoding'));
  const question = target.indexOf('?');
  const rawQuery = question < 0 ? '' : target.slice(question + 1);
  const input = { captures, rawQuery, body, contentType: headerOf(request, 'content-type') };
  const messages = method.clientStreaming ? streamed(transcoder, input) : [single(transcoder, input)];
  const codec = settings.codecs.of(method.input);
  const lines = messages.flatMap((message) => {
    const json = Buffer.from(codec.write(message)).toString('utf8');
    return JSON.stringify(JSON.parse(json), null, 2).split('\n');
  });
  const pairs = metadata.map(([key, value]) => `${key}: ${shown(value)}`);
  const rows: Row[] = [['request', ...(lines.length > 0 ? lines : ['no message'])]];
  if (pairs.length > 0) rows.push(['metadata', ...pairs]);
  return rows;
}

/** As Node hands it over: several of one name are one list, but the first content type counts. */
export function headerOf({ rawHeaders }: DryRequest, name: string): string | undefined {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
  return values.length === 0 || name === 'content-type' ? values[0] : values.join(', ');
}

function single(transcoder: Transcoder, input: TranscoderInput): Uint8Array {
  if (input.body.length > 0 && transcoder.readsJson) requireJson(input.contentType);
  return transcoder.request(input).message;
}

/** The messages of a client that streams. */
function streamed(transcoder: Transcoder, input: TranscoderInput): Uint8Array[] {
  const { body, contentType } = input;
  const messages = transcoder.messages(input);
  const elements = body.length === 0 ? [] : elementsOf(transcoder, Buffer.from(body), contentType);
  if (elements.length === 0 && messages.hasFirst) return [messages.encode(body.subarray(0, 0))];
  return elements.map((element, index) => encodeElement(messages, element, index));
}

function elementsOf(transcoder: Transcoder, body: Buffer, contentType: string | undefined): readonly Buffer[] {
  if (!transcoder.readsJson) return [body];
  const elements = createJsonElements(requireJsonStream(contentType, false), Number.POSITIVE_INFINITY);
  return [...elements.push(body), ...elements.end()];
}

function shown(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('base64');
}
