/**
 * What a request that nobody sends would come to: its messages and its metadata, or the 4xx that it earns. In the order in
 * which the gateway looks, so that the first thing that is wrong is the one that is told.
 */
import { compileDemands } from '../aggregate/demands.js';
import type { Metadata } from '../call/metadata.js';
import type { Equality } from '../paths/equality.js';
import { splitDemands } from '../policy/access/access.js';
import { tokenParameter } from '../policy/access/credentials.js';
import { notAllowed } from '../status/refusals.js';
import { type BodySizes, bodySizes, bodyTooLarge } from '../transcoding/body-size.js';
import { type ClientTimeout, clientTimeout } from '../transcoding/client-timeout.js';
import { compileRequestMetadata, type MetadataSettings } from '../transcoding/headers.js';
import { requireIdentity, requireJson, requireJsonStream } from '../transcoding/negotiate.js';
import { acceptedFraming } from '../transcoding/stream/accepted.js';
import { END_ID, type Framing, lastEventId, withLastEventId } from '../transcoding/stream/framing.js';
import { createJsonElements, type ElementForm, encodeElement } from '../transcoding/stream/json-elements.js';
import { traceContext } from '../transcoding/trace-context.js';
import type { Transcoder, TranscoderInput } from '../transcoding/transcoder.js';
import type { ExplainableAggregate, ExplainableRoute } from './explain.js';

export interface DrySettings {
  readonly metadata: MetadataSettings;
  /** Headers that pass under no pattern of `metadata`. */
  readonly guardedHeaders: readonly string[];
  /** Parameters of a query in which a token may stand. */
  readonly tokenParameters: readonly string[];
  readonly bodyBytes: number;
}

export interface DryRequest {
  readonly method: string;
  /** With the query, as it would stand in the request line. */
  readonly target: string;
  readonly body: Uint8Array;
  /** Name, value, name, value… as sent. */
  readonly rawHeaders: readonly string[];
}

/** What is asked of which route. */
export interface Asked {
  readonly route: ExplainableRoute;
  readonly transcoder: Transcoder;
  readonly captures: readonly string[];
  readonly overWebSocket: boolean;
}

export interface DryRun {
  /** Undefined: not over HTTP as a stream of JSON. */
  readonly framing: Framing | undefined;
  readonly client: ClientTimeout | undefined;
  readonly metadata: Metadata;
  readonly messages: readonly Uint8Array[];
  /** What the frames of a WebSocket will say is not known. */
  readonly awaitsFrames: boolean;
  /** Paths of the response that the client wants; undefined: all of it. */
  readonly wanted: string | undefined;
}

/** `ended`: the client has seen the whole stream, and nothing is called. */
export function dryRun(settings: DrySettings, asked: Asked, request: DryRequest): DryRun | 'ended' {
  const { route, transcoder, captures, overWebSocket } = asked;
  const { method } = route.binding;
  const demands = splitDemands(route.access, route.binding);
  const rawQuery = queryWithoutToken(settings, asked, request);
  requireOf(demands.ofPath, (one) => one.holds(transcoder.path(captures), undefined));
  const streams = !overWebSocket && method.serverStreaming && transcoder.writesJson;
  const events = !overWebSocket && method.serverStreaming && transcoder.asksForEvents(rawQuery);
  const wish = { accept: headerOf(request, 'accept'), bothWays: method.clientStreaming, events };
  const framing = streams ? acceptedFraming(wish) : undefined;
  const lastId = lastEventId(framing, headerOf(request, 'last-event-id'));
  if (lastId === END_ID) return 'ended';
  const form = method.clientStreaming && !overWebSocket ? formOf(settings, asked, request) : undefined;
  const client = clientTimeout(headerOf(request, 'grpc-timeout'), headerOf(request, 'x-request-timeout'));
  const metadata = metadataOf(settings, request);
  const awaitsFrames = overWebSocket && (method.clientStreaming || transcoder.takesBody);
  const require = awaitsFrames ? [] : demands.ofMessage;
  const { messages, wanted } = messagesOf({ ...asked, settings, form, require }, request, rawQuery);
  if (!awaitsFrames && route.aggregate !== undefined) requireOfSteps(route.aggregate, messages[0]!);
  return {
    framing,
    client,
    metadata: lastId === undefined ? metadata : withLastEventId(metadata, lastId),
    messages,
    awaitsFrames,
    wanted,
  };
}

/** As Node hands it over: several of one name are one list, but the first content type counts. */
export function headerOf({ rawHeaders }: DryRequest, name: string): string | undefined {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
  return values.length === 0 || name === 'content-type' ? values[0] : values.join(', ');
}

export function pathOf({ target }: DryRequest): string {
  return target.split('?', 1)[0]!;
}

/** Where a token may stand in the query it says nothing to the method. */
function queryWithoutToken({ tokenParameters }: DrySettings, { route, overWebSocket }: Asked, { target }: DryRequest) {
  const question = target.indexOf('?');
  const rawQuery = question < 0 ? '' : target.slice(question + 1);
  const { httpMethod, method } = route.binding;
  const mayHaveToken = overWebSocket || (httpMethod === 'GET' && method.serverStreaming);
  if (!mayHaveToken || route.access.mode === 'public') return rawQuery;
  const names = new Map(tokenParameters.map((name) => [name, name]));
  return tokenParameter(names, rawQuery)?.rawQuery ?? rawQuery;
}

/** Demands over the caller are left to the caller: a dry run knows nobody. */
function requireOf(demands: readonly Equality[], holds: (one: Equality) => boolean, index?: number): void {
  if (!demands.filter(({ readsCaller }) => !readsCaller).every(holds)) throw notAllowed(index);
}

/** The demands of required steps that are known before any call is made. */
function requireOfSteps({ plan, calls }: ExplainableAggregate, message: Uint8Array): void {
  const authorize = calls.map((call) => {
    const decided = call?.access.require.filter(({ readsCaller }) => !readsCaller) ?? [];
    return decided.length === 0
      ? undefined
      : (asked: Uint8Array) => requireOf(decided, (one) => one.holds(asked, undefined));
  });
  compileDemands(plan, authorize, false).askFirst?.(message, undefined);
}

function formOf(settings: DrySettings, { route, transcoder }: Asked, request: DryRequest): ElementForm | undefined {
  if (request.body.length === 0) return undefined;
  const { readsJson } = transcoder;
  requireIdentity(headerOf(request, 'content-encoding'));
  const form = readsJson ? requireJsonStream(headerOf(request, 'content-type'), false) : undefined;
  const { maxStreamBytes } = sizesOf(settings, route, transcoder);
  if (maxStreamBytes !== undefined && request.body.length > maxStreamBytes) throw bodyTooLarge(maxStreamBytes);
  return form;
}

function sizesOf({ bodyBytes }: DrySettings, { policy }: ExplainableRoute, { readsJson }: Transcoder): BodySizes {
  return bodySizes(policy.settings.maxRequestBytes, bodyBytes, !readsJson);
}

/** What of the client's headers goes on; the gateway adds a request id and the client's address. */
function metadataOf(settings: DrySettings, request: DryRequest): Metadata {
  const allowed = compileRequestMetadata(settings.metadata, settings.guardedHeaders)(request.rawHeaders);
  return [...allowed, ...traceContext(headerOf(request, 'traceparent'), headerOf(request, 'tracestate'))];
}

interface Reading extends Asked {
  readonly settings: DrySettings;
  /** Of a body of several messages. */
  readonly form: ElementForm | undefined;
  /** Of the message, or the first one. */
  readonly require: readonly Equality[];
}

type Read = Pick<DryRun, 'messages' | 'wanted'>;

function messagesOf(reading: Reading, request: DryRequest, rawQuery: string): Read {
  const { route, transcoder, captures, overWebSocket, settings, require } = reading;
  const { body } = request;
  const input = { captures, rawQuery, body, contentType: headerOf(request, 'content-type') };
  if (overWebSocket) {
    const { clientStreaming } = route.binding.method;
    const messages = transcoder.messages({ ...input, contentType: clientStreaming ? input.contentType : undefined });
    const message = messages.encode(NO_BODY);
    requireOf(require, (one) => one.holds(message, undefined));
    return { messages: [message], wanted: messages.wanted };
  }
  const { maxBodyBytes } = sizesOf(settings, route, transcoder);
  if (route.binding.method.clientStreaming) return streamed(reading, input, maxBodyBytes);
  if (body.length > 0) {
    requireIdentity(headerOf(request, 'content-encoding'));
    if (transcoder.readsJson) requireJson(input.contentType);
    if (body.length > maxBodyBytes) throw bodyTooLarge(maxBodyBytes);
  }
  const { message, wanted } = transcoder.request(input);
  requireOf(require, (one) => one.holds(message, undefined));
  return { messages: [message], wanted };
}

const NO_BODY = new Uint8Array(0);

/** Of a client that streams, in the pieces in which a body that comes at once is read. */
function streamed({ route, transcoder, form, require }: Reading, input: TranscoderInput, maxBodyBytes: number): Read {
  const body = Buffer.from(input.body);
  const source = transcoder.messages(input);
  const messages: Uint8Array[] = [];
  if (form !== undefined) {
    const elements = createJsonElements(form, maxBodyBytes);
    for (const element of elements.push(body)) take(encodeElement(source, element, messages.length));
    for (const element of elements.end()) take(encodeElement(source, element, messages.length));
  } else if (body.length > 0) take(source.encode(body));
  if (messages.length === 0) {
    // An empty stream is a call too, and is told what is wrong with it.
    const message = source.encode(NO_BODY);
    requireOf(require, (one) => one.holds(message, undefined));
    if (source.hasFirst) messages.push(message);
  }
  return { messages, wanted: source.wanted };

  function take(message: Uint8Array): void {
    const index = messages.length;
    if (index === 0) requireOf(require, (one) => one.holds(message, undefined), index);
    else requireOf(route.access.require, (one) => one.holdsBehind(message, undefined, source.head), index);
    messages.push(message);
  }
}
