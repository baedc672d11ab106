/** This module compares two routes that belong together: how requests become messages, and how messages become answers. */
import type { PlannedRoute } from '../route/planned-route.js';
import type { Binding, BodyRule } from '../routing/binding.js';
import { givesRawBody, takesRawBody } from '../routing/is-http-body.js';
import { ANY_METHOD } from '../routing/matcher.js';
import { type FieldDescriptor, type MethodDescriptor, type Streaming, streamingOf } from '../schema/descriptor.js';
import { fieldChanges, typeText, valueChange } from './compare-fields.js';
import type { PathFields } from './compare-messages.js';
import type { Versions, Where } from './direction.js';
import { breaking, type Cause, type Effect, type Findings, risky } from './finding.js';
import type { MessageGraph } from './message-graph.js';

/**
 * The tools of the comparison of two routes: `graph` compares the messages of all routes, and `findings` collects the
 * changes of the route itself.
 */
export interface RouteUse extends Versions {
  readonly graph: MessageGraph;
  readonly findings: Findings;
  /** The name of the route in findings. */
  readonly route: string;
}

/** Returns a route as text for people: `GET /v1/items`. */
export function routeText({ basePath, binding: { httpMethod, template } }: PlannedRoute): string {
  return `${httpMethod === ANY_METHOD ? 'any method' : httpMethod} ${basePath}${template.text}`;
}

export function compareRoutes(old: PlannedRoute, now: PlannedRoute, use: RouteUse): void {
  const [a, b] = [old.binding, now.binding];
  const causes = [...streamChanges(a, b), ...requestChanges(a, b, use), ...answerChanges(a, b, use)];
  for (const cause of causes) {
    const place = { old: cause.old ?? a.position, new: cause.new ?? b.position };
    use.findings.add({ ...cause, ...place, subject: cause.subject === '' ? use.route : cause.subject }, [use.route]);
  }
}

/** Returns a change whose subject is the route itself. */
function atRoute(change: Cause['change'], what: string, ...effects: readonly Effect[]): Cause {
  return { change, subject: '', what, effects, old: undefined, new: undefined };
}

const STREAMS: Readonly<Record<Streaming, string>> = {
  unary: 'one message for one',
  server: 'a stream of answers',
  client: 'a stream of requests',
  bidi: 'streams both ways',
};

function streamChanges({ method: old }: Binding, { method: now }: Binding): readonly Cause[] {
  if (streamingOf(old) === streamingOf(now)) return [];
  const effects: Effect[] = [];
  if (old.serverStreaming !== now.serverStreaming) {
    effects.push(breaking(`clients get ${now.serverStreaming ? 'a list of messages' : 'one message'} as the answer`));
  }
  if (old.clientStreaming && !now.clientStreaming) effects.push(breaking('a body with several messages gets 400'));
  if (!old.clientStreaming && now.clientStreaming) {
    effects.push(risky('a body with one message is a stream of one'));
  }
  return [
    atRoute(
      'stream-kind',
      `the rpc is ${STREAMS[streamingOf(now)]} instead of ${STREAMS[streamingOf(old)]}`,
      ...effects,
    ),
  ];
}

function requestChanges(old: Binding, now: Binding, use: RouteUse): readonly Cause[] {
  const { route, graph } = use;
  const path = pathFieldsOf(old, now);
  const causes = [...variableChanges(old, now, use)];
  const [before, after] = [old.body, now.body];
  const raw = rawChange(takesRawBody(old), takesRawBody(now), 'request body');
  if (raw !== undefined) return [...causes, raw];
  if (before.kind === 'none' && after.kind === 'none') {
    graph.addMessage(old.method.input, now.method.input, { direction: 'query', path, route });
  } else if (before.kind === 'whole' && after.kind === 'whole') {
    graph.addMessage(old.method.input, now.method.input, { direction: 'body', path, route });
  } else if (before.kind === 'field' && after.kind === 'field') {
    const inQuery = withBody(path, before.field, after.field);
    graph.addMessage(old.method.input, now.method.input, { direction: 'query', path: inQuery, route });
    const isUpdate = old.httpMethod === 'PATCH' && now.httpMethod === 'PATCH';
    causes.push(...partChanges(before.field, after.field, { direction: 'body', isUpdate }, use));
  } else {
    causes.push(...bodyRuleChanges(old, now, path));
  }
  return causes;
}

/** Returns the top-level fields that the path sets as a whole. */
function pathFieldsOf(old: Binding, now: Binding): PathFields {
  const of = ({ variables }: Binding) =>
    new Set(variables.flatMap(({ fieldPath: [top, ...more] }) => (top === undefined || more.length > 0 ? [] : [top])));
  return { old: of(old), new: of(now) };
}

function withBody({ old, new: now }: PathFields, before: FieldDescriptor, after: FieldDescriptor): PathFields {
  return { old: new Set([...old, before]), new: new Set([...now, after]) };
}

/** Compares the fields that are the body or the answer. Their names do not matter, because clients do not see them. */
function partChanges(old: FieldDescriptor, now: FieldDescriptor, where: Where, use: RouteUse): readonly Cause[] {
  use.graph.addType(old.type, now.type, { ...where, route: use.route });
  const meeting = { ...use, ...where };
  return fieldChanges(old, now, meeting).filter(({ change }) => change === 'field-type');
}

function variableChanges(old: Binding, now: Binding, use: RouteUse): readonly Cause[] {
  return old.variables.flatMap(({ fieldPath }, index) => {
    const before = fieldPath.at(-1);
    const after = now.variables[index]?.fieldPath.at(-1);
    if (before === undefined || after === undefined) return [];
    const severity = valueChange(before.type, after.type, { ...use, direction: 'query' });
    if (severity === undefined || severity === 'safe') return [];
    const what = `the path variable ${after.name} is now ${typeText(after)} instead of ${typeText(before)}`;
    const text = severity === 'breaking' ? 'other texts get 400' : 'some texts may get 400';
    const cause = atRoute('path-variable', what, { severity, text });
    return [{ ...cause, subject: before.fullName, old: before.position, new: after.position }];
  });
}

/** Returns a change if the body is another part of the request, and a client can notice it. */
function bodyRuleChanges(old: Binding, now: Binding, path: PathFields): readonly Cause[] {
  const hasFields = old.method.input.fields.some((field) => !path.old.has(field));
  // Without fields, clients send no query, and `{}` or nothing as the body, which every rule accepts.
  if (!hasFields) return [];
  const what = `the body is now ${bodyText(now.body)} instead of ${bodyText(old.body)}`;
  const moved = now.body.kind === 'none' ? 'a request with a body gets 400' : 'a query or a body as before gets 400';
  return [atRoute('body-rule', what, breaking(moved))];
}

function bodyText(body: BodyRule): string {
  if (body.kind === 'none') return 'empty, with all fields in the query,';
  return body.kind === 'whole' ? 'the whole message' : `the field ${body.field.name}`;
}

function answerChanges(old: Binding, now: Binding, use: RouteUse): readonly Cause[] {
  const [before, after] = [old.responseBody, now.responseBody];
  const raw = rawChange(givesRawBody(old), givesRawBody(now), 'answer');
  if (raw !== undefined) return [raw];
  if (before !== undefined && after !== undefined) return partChanges(before, after, { direction: 'answer' }, use);
  if (before === undefined && after === undefined) {
    if (!givesRawBody(old)) addOutput(old.method, now.method, use);
    return [];
  }
  const text = (field: FieldDescriptor | undefined) =>
    field === undefined ? 'the whole message' : `the field ${field.name}`;
  const what = `the answer is now ${text(after)} instead of ${text(before)}`;
  return [atRoute('response-body', what, breaking('clients get another JSON value'))];
}

function addOutput({ output: old }: MethodDescriptor, { output: now }: MethodDescriptor, use: RouteUse): void {
  use.graph.addMessage(old, now, { direction: 'answer', route: use.route });
}

function rawChange(old: boolean, now: boolean, part: string): Cause | undefined {
  if (old === now) return undefined;
  const kind = (isRaw: boolean) => (isRaw ? 'content of any type' : 'JSON');
  const change = part === 'answer' ? 'response-body' : 'body-rule';
  const text = part === 'answer' ? 'clients get another type of content' : 'a body of the old type gets 415 or 400';
  return atRoute(change, `the ${part} is now ${kind(now)} instead of ${kind(old)}`, breaking(text));
}
