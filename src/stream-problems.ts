/** What is wrong with the routes of methods that stream, or looks wrong: what the messages are, and how they are told. */
import { type Diagnostic, errorAt, warningAt } from './base/diagnostic.js';
import type { Policy } from './policy/policy.js';
import type { Binding } from './routing/http-rule.js';
import type { FieldDescriptor, MethodDescriptor } from './schema/descriptor.js';
import { isWithoutContent } from './status/http.js';

interface StreamRoute {
  readonly binding: Binding;
  readonly policy: Policy;
}

/** `protoNames`: how fields are named in answers. */
export function streamProblems(routes: readonly StreamRoute[], protoNames: boolean): readonly Diagnostic[] {
  return [...errorFields(routes, protoNames), ...silentStatuses(routes), ...withoutBody(routes)];
}

/** Rule 21: a line `{"error": …}` ends a stream that failed; a message with such a field could look like one. */
function errorFields(routes: readonly StreamRoute[], protoNames: boolean): Diagnostic[] {
  const seen = new Set<FieldDescriptor>();
  return routes.flatMap(({ binding: { method, responseBody } }) => {
    if (!method.serverStreaming) return [];
    const type = responseBody === undefined ? undefined : responseBody.type;
    const message = type === undefined ? method.output : type.kind === 'message' ? type.message : undefined;
    const field = message?.fields.find(({ name, jsonName }) => (protoNames ? name : jsonName) === 'error');
    if (field === undefined || seen.has(field)) return [];
    seen.add(field);
    const text = `${method.fullName}: expected a streamed message without a field 'error', which tells a stream's failure`;
    return [errorAt(field.position, 'stream-error-field', text)];
  });
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
