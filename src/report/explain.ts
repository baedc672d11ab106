/**
 * A dry run of one request: which binding matches and why, what is captured, the request message, the policies and
 * where each comes from, or the exact error. Calls nothing.
 */
import type { AggregatePlan } from '../aggregate/plan.js';
import { formatPosition } from '../base/diagnostic.js';
import { formatDuration } from '../base/duration.js';
import type { Access } from '../policy/access.js';
import type { Policy } from '../policy/policy.js';
import type { Binding } from '../routing/http-rule.js';
import { RouteTableBuilder } from '../routing/route-table.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import { clientTimeout } from '../transcoding/client-timeout.js';
import { type ErrorFormat, errorBody } from '../transcoding/error-body.js';
import { acceptedFraming } from '../transcoding/stream/accepted.js';
import { compileTranscoder, type Transcoder } from '../transcoding/transcoder.js';
import { type DryRequest, type DrySettings, headerOf, type Row, requestRows } from './dry-request.js';
import { describePlan, planTree } from './plan-tree.js';
import { streamingOf } from './route-map.js';

export interface ExplainableRoute {
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  readonly upstream: string | undefined;
  readonly aggregate: { readonly plan: AggregatePlan } | undefined;
  /** Of the call; of a method that streams, its policy's alone. */
  readonly timeoutMs: number | undefined;
  /** Who says so. */
  readonly timeoutOrigin: string;
}

export interface ExplainSettings extends DrySettings {
  /** Those that are served. */
  readonly routes: readonly ExplainableRoute[];
  /** Those that no upstream serves: there for a hint, where one of them was meant. */
  readonly unserved: readonly ExplainableRoute[];
  readonly errorFormat: ErrorFormat;
  /** Bounds the calls of what does not stream. */
  readonly requestTimeoutMs: number;
}

export interface Explanation {
  readonly ok: boolean;
  readonly text: string;
}

export function explain(settings: ExplainSettings, request: DryRequest): Explanation {
  const rows: Row[] = [];
  try {
    const match = matched(settings, request, rows);
    if (match !== undefined) rows.push(...served(settings, match, request));
    return { ok: true, text: render(request, rows) };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const { body } = errorBody(error, '-', settings.errorFormat);
    rows.push(['error', `${error.httpStatus} ${error.message}`, body]);
    return { ok: false, text: render(request, rows) };
  }
}

/** In the order in which the gateway looks, so that the first thing that is wrong is the one that is told. */
function served(settings: ExplainSettings, match: Matched, request: DryRequest): readonly Row[] {
  const { binding } = match.route;
  const transcoder = compileTranscoder(binding, settings.codecs, settings.query);
  const answers = answersRow(binding, transcoder, request);
  const deadline = deadlineRow(settings, match, request);
  const asked = requestRows(settings, binding, { transcoder, captures: match.captures, request });
  return [...asked, ...answers, accessRow(match), deadline, policyRow(match)];
}

interface Matched {
  readonly route: ExplainableRoute;
  readonly captures: readonly string[];
}

/** Undefined: the gateway itself answers, as the rows say. */
function matched({ routes, unserved }: ExplainSettings, request: DryRequest, rows: Row[]): Matched | undefined {
  const { method } = request;
  const rawPath = request.target.split('?', 1)[0]!;
  const result = tableOf(routes).match(method, rawPath);
  if (result.kind !== 'found') {
    const meant = tableOf(unserved).match(method, rawPath);
    if (meant.kind === 'found') rows.push(['unserved', ...unservedLines(meant.value)]);
  }
  switch (result.kind) {
    case 'malformed':
      throw gatewayError(400, 'MALFORMED_PATH', `path: ${result.reason}`);
    case 'not-found':
      throw gatewayError(404, 'ROUTE_NOT_FOUND', `no route for ${method} ${rawPath}`);
    case 'method-not-allowed':
      if (method === 'OPTIONS') {
        rows.push(['answers', `204 Allow: ${result.allow.join(', ')}`]);
        return undefined;
      }
      throw gatewayError(405, 'METHOD_NOT_ALLOWED', `expected one of ${result.allow.join(', ')}, got ${method}`);
  }
  const { value: route, captures, headDerived } = result;
  const losers = routes.filter((other) => other !== route && tableOf([other]).match(method, rawPath).kind === 'found');
  const derived = headDerived ? ['HEAD is answered as GET without the body'] : [];
  rows.push(['matches', describe(route.binding), ...derived]);
  if (losers.length > 0) rows.push(['before', ...losers.map(({ binding }) => `${describe(binding)}: less specific`)]);
  const { variables, method: rpc } = route.binding;
  const values = variables.map(({ name }, index) => `${name} = ${JSON.stringify(captures[index])}`);
  rows.push(['captured', ...(values.length > 0 ? values : ['nothing'])]);
  if (route.aggregate === undefined) {
    const where = route.upstream === undefined ? 'no upstream serves it' : `upstream ${route.upstream}`;
    rows.push(['calls', `${rpc.fullName} (${streamingOf(rpc)}), ${where}`]);
  } else
    rows.push([
      'plan',
      `${rpc.fullName} (aggregate), ${describePlan(route.aggregate.plan)}`,
      ...planTree(route.aggregate.plan),
    ]);
  return { route, captures };
}

function unservedLines({ binding, aggregate }: ExplainableRoute): readonly string[] {
  const { service } = binding.method;
  const why =
    aggregate === undefined
      ? `no configured upstream serves ${service.fullName}`
      : 'no configured upstream serves all that it calls';
  return [describe(binding), `not served: ${why}`];
}

function tableOf(routes: readonly ExplainableRoute[]) {
  const builder = new RouteTableBuilder<ExplainableRoute>();
  for (const route of routes) {
    const { httpMethod, template, method, position } = route.binding;
    const derivesHead = streamingOf(method) === 'unary';
    builder.add(httpMethod, template, route, { name: method.fullName, position, derivesHead });
  }
  return builder.build().table;
}

/** Who may call, and what says so. Credentials are not looked at: a dry run knows nobody. */
function accessRow({ route: { access, policy } }: Matched): Row {
  const who = { required: 'a known caller', optional: 'anybody, a known caller as such', public: 'anybody' }[
    access.mode
  ];
  const says = access.origin === undefined ? 'no auth is configured' : formatPosition(access.origin);
  const scopes = access.scopes.map((scope) => `scope ${scope.replaceAll('|', ' or ')}`);
  return ['access', `${access.mode}: ${who} (${says})`, ...scopes, ...(policy.settings.auth?.require ?? [])];
}

/** Of a stream, what kind of answer `Accept` asks for. */
function answersRow({ method }: Binding, { writesJson }: Transcoder, request: DryRequest): readonly Row[] {
  if (!method.serverStreaming) return [];
  const lines = method.clientStreaming ? ['over HTTP/2 or a WebSocket; HTTP/1.1 gets 426'] : [];
  if (writesJson) lines.unshift(acceptedFraming(headerOf(request, 'accept'), method.clientStreaming).contentType);
  return lines.length === 0 ? [] : [['answers', ...lines]];
}

/** Rule 30: the least of the route's, the gateway's and the client's; of a stream without the gateway's. */
function deadlineRow({ requestTimeoutMs }: ExplainSettings, { route }: Matched, request: DryRequest): Row {
  const { method } = route.binding;
  const client = clientTimeout(headerOf(request, 'grpc-timeout'), headerOf(request, 'x-request-timeout'));
  const all = [
    ...(route.timeoutMs === undefined ? [] : [{ ms: route.timeoutMs, origin: route.timeoutOrigin }]),
    ...(method.clientStreaming || method.serverStreaming
      ? []
      : [{ ms: requestTimeoutMs, origin: 'limits.requestTimeout' }]),
    ...(client === undefined ? [] : [{ ms: client.timeoutMs, origin: client.header }]),
  ];
  const [least] = all.sort((a, b) => a.ms - b.ms);
  return ['deadline', least === undefined ? 'none' : `${formatDuration(least.ms)} (${least.origin})`];
}

function policyRow({ route: { policy } }: Matched): Row {
  const lines = [...policy.origins].map(
    ([key, position]) => `${key} = ${JSON.stringify(policy.settings[key])} (${formatPosition(position)})`,
  );
  return ['policies', ...(lines.length > 0 ? lines : ['none declared'])];
}

function describe({ httpMethod, template, index, position }: Binding): string {
  const which = index === 0 ? 'the rule itself' : `additional binding ${index}`;
  return `${httpMethod} ${template.text} (${formatPosition(position)}, ${which})`;
}

function render({ method, target }: DryRequest, rows: readonly Row[]): string {
  const indent = ' '.repeat(10);
  const lines = rows.map(([title, ...text]) => title.padEnd(10) + text.join(`\n${indent}`));
  return `${method} ${target}\n${lines.join('\n')}\n`;
}
