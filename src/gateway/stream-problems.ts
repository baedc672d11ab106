/** What is wrong with the routes of methods that stream, or looks wrong: what the messages are, and how they are told. */
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import type { Policy } from '../policy/policy.js';
import type { Binding } from '../routing/binding.js';
import type { FieldDescriptor, MethodDescriptor } from '../schema/descriptor.js';
import { isWithoutContent } from '../status/http.js';

interface StreamRoute {
  readonly binding: Binding;
  readonly policy: Policy;
}

/** `protoNames`: how fields are named in answers. */
export function streamProblems(routes: readonly StreamRoute[], protoNames: boolean): readonly Diagnostic[] {
  return [...errorFields(routes, protoNames), ...silentStatuses(routes), ...withoutBody(routes)];
}

/** A line `{"error": …}` ends a stream that failed, and a message with such a field could look like one. */
function errorFields(routes: readonly StreamRoute[], protoNames: boolean): Diagnostic[] {
  const seen = new Set<string>();
  return routes.flatMap(({ binding }) => {
    const holder = errorHolder(binding, protoNames);
    if (holder === undefined) return [];
    const { fullName } = binding.method;
    const what = typeof holder === 'string' ? `${holder}, which may have a key 'error'` : "a field 'error'";
    const text = `${fullName}: a streamed message has ${what}, as the line that tells a failure: as lines a stream that fails is cut`;
    const position = typeof holder === 'string' ? binding.position : holder.position;
    const key = `${fullName} ${what}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [warningAt(position, 'stream-error-field', text)];
  });
}

/** Well-known types whose JSON is an object with any keys. */
const ANY_KEYS: ReadonlySet<string> = new Set(['Struct', 'Value', 'Any'].map((name) => `google.protobuf.${name}`));

/**
 * What gives a streamed message a key `error` in JSON: its field, or the name of a type with any keys; undefined: nothing.
 * `protoNames`: how fields are named in answers.
 */
export function errorHolder(
  { method, responseBody }: Binding,
  protoNames: boolean,
): FieldDescriptor | string | undefined {
  if (!method.serverStreaming) return undefined;
  if (responseBody?.cardinality === 'map') return responseBody.mapKey === 'string' ? 'a map' : undefined;
  // A list is an array, which no line is that tells a failure.
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
    const text = `${method.fullName}: expected a success_status with a body for what the server streams, got ${successStatus}`;
    return [errorAt(origins.get('successStatus') ?? position, 'policy', text)];
  });
}

/** Without a body rule every message of the client's is empty but for what path and query say. */
function withoutBody(routes: readonly StreamRoute[]): Diagnostic[] {
  return routes.flatMap(({ binding: { method, body, position } }) => {
    if (!method.clientStreaming || body.kind !== 'none') return [];
    const text = `${method.fullName}: expected a body rule, without one a client that streams has nothing to say`;
    return [warningAt(position, 'stream-without-body', text)];
  });
}
