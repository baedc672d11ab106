/** This module finds errors and risks in the routes of methods that stream. */
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import { isStreaming } from '../call/call.js';
import type { Policy } from '../policy/policy.js';
import type { Binding } from '../routing/binding.js';
import { webSocketRoutes } from '../routing/binding-table.js';
import type { FieldDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import { isWithoutContent } from '../status/http.js';

interface StreamRoute {
  readonly binding: Binding;
  readonly policy: Policy;
}

/** The problems that concern only one service. */
export interface StreamProblems {
  /** The routes that stream. */
  readonly streams: readonly StreamRoute[];
  readonly errorFields: readonly Diagnostic[];
  readonly silentStatuses: readonly Diagnostic[];
  readonly withoutBody: readonly Diagnostic[];
}

/**
 * Returns the problems of the streaming routes of a service. `protoNames` is true if answers have fields under their names in
 * the protos, and not under their JSON names.
 */
export function streamProblems(routes: readonly StreamRoute[], protoNames: boolean): StreamProblems {
  const streams = routes.filter(({ binding }) => isStreaming(binding.method));
  return {
    streams,
    errorFields: errorFields(streams, protoNames),
    silentStatuses: silentStatuses(streams),
    withoutBody: withoutBody(streams),
  };
}

/**
 * Warns of streamed messages that have a key `error` in their JSON. A stream that fails ends with a line `{"error": …}`, and
 * such a message could be taken for that line.
 */
function errorFields(routes: readonly StreamRoute[], protoNames: boolean): Diagnostic[] {
  const seen = new Set<string>();
  return routes.flatMap(({ binding }) => {
    const holder = errorHolder(binding, protoNames);
    if (holder === undefined) return [];
    const { fullName } = binding.method;
    const what = typeof holder === 'string' ? `${holder}, which may contain a key 'error'` : "a field 'error'";
    const text = `${fullName}: a streamed message has ${what} and looks like the line {"error": …} with which a stream of JSON lines reports a failure; so a stream of lines that fails is cut off without it; rename the field`;
    const position = typeof holder === 'string' ? binding.position : holder.position;
    const key = `${fullName} ${what}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [warningAt(position, 'stream-error-field', text)];
  });
}

/** The well-known types whose JSON is an object with any keys. */
const ANY_KEYS: ReadonlySet<string> = new Set(['Struct', 'Value', 'Any'].map((name) => `google.protobuf.${name}`));

/**
 * Returns why the JSON of a streamed message can have a key `error`: its field with that name, or a type that can have any
 * keys. Undefined when it cannot. `protoNames` is true if answers have fields under their names in the protos.
 */
export function errorHolder(
  { method, responseBody }: Binding,
  protoNames: boolean,
): FieldDescriptor | string | undefined {
  if (!method.serverStreaming) return undefined;
  if (responseBody?.cardinality === 'map') return responseBody.mapKey === 'string' ? 'a map' : undefined;
  // A list becomes a JSON array, which cannot be taken for the line of a failure.
  if (responseBody?.cardinality === 'repeated') return undefined;
  const type = responseBody?.type ?? { kind: 'message' as const, message: method.output };
  if (type.kind !== 'message') return undefined;
  const { message } = type;
  if (ANY_KEYS.has(message.fullName)) return message.fullName;
  return message.fields.find(({ name, jsonName }) => (protoNames ? name : jsonName) === 'error');
}

function silentStatuses(routes: readonly StreamRoute[]): Diagnostic[] {
  const seen = new Set<MethodDescriptor>();
  return routes.flatMap(({ binding: { method, position }, policy: { settings, origins } }) => {
    const { successStatus } = settings;
    if (!method.serverStreaming || successStatus === undefined || !isWithoutContent(successStatus) || seen.has(method))
      return [];
    seen.add(method);
    const text = `${method.fullName}: expected a success_status that allows a body, because the server streams messages, got ${successStatus}`;
    return [errorAt(origins.get('successStatus') ?? position, 'policy', text)];
  });
}

/**
 * Warns of methods with a client stream whose HTTP rule has no `body` and is not a GET: without a WebSocket, their messages can
 * have only the values of path and query. A GET rule is meant for WebSockets, because every handshake is a GET.
 */
function withoutBody(routes: readonly StreamRoute[]): Diagnostic[] {
  return routes.flatMap(({ binding: { method, httpMethod, body, position } }) => {
    if (!method.clientStreaming || body.kind !== 'none' || httpMethod === 'GET') return [];
    const text = `${method.fullName}: expected a body rule such as body: "*", got none, so the client can send messages only over a WebSocket`;
    return [warningAt(position, 'stream-without-body', text)];
  });
}

/**
 * Warns of methods that cannot be reached by a WebSocket, because another method has the same path. A handshake is a GET, so it
 * reaches the method with a GET rule, or else the first one.
 */
export function hiddenFromWebSockets(streams: readonly StreamRoute[]): readonly Diagnostic[] {
  const reached = webSocketRoutes(streams.map(({ binding }) => ({ binding, value: binding.method })));
  const byShape = new Map(reached.map(({ binding, value }) => [binding.template.shape, value]));
  return streams.flatMap(({ binding: { method, httpMethod, template, position } }) => {
    const other = byShape.get(template.shape);
    if (other === undefined || other === method) return [];
    const text = `${method.fullName}: ${httpMethod} ${template.text} cannot be opened as a WebSocket, because ${other.fullName} has the same path and gets the handshakes; give one of them another path if clients need both`;
    return [warningAt(position, 'hidden-websocket', text)];
  });
}
