/**
 * A dry run of one request: which binding matches and why, what is captured, the request message, the policies and
 * where each comes from, or the exact error. Calls nothing.
 */
import { compileDemands } from '../aggregate/demands.js';
import { type Need, neededSteps } from '../aggregate/needed.js';
import type { AggregatePlan } from '../aggregate/plan.js';
import type { PlannedStep } from '../aggregate/step.js';
import { formatPosition } from '../base/diagnostic.js';
import { formatDuration } from '../base/duration.js';
import { isStreaming } from '../call/call.js';
import type { Codecs } from '../codec/codec.js';
import { parseFieldMask } from '../codec/field-mask.js';
import { JsonWriter } from '../codec/json-writer.js';
import type { Access } from '../policy/access/access.js';
import { overruledAuth } from '../policy/access/overruled.js';
import type { CachePolicy } from '../policy/cache/cache.js';
import type { Policy } from '../policy/policy.js';
import { bindingTable, type Routed, webSocketRoutes } from '../routing/binding-table.js';
import type { Binding } from '../routing/http-rule.js';
import { compileNearRoute, type NearRoute } from '../routing/near-route.js';
import { NONE_EXPOSED } from '../status/client-text.js';
import { malformedPath, methodNotAllowed, noRoute } from '../status/refusals.js';
import { StatusError } from '../status/status-error.js';
import { type ErrorFormat, errorBody } from '../transcoding/error-body.js';
import type { QuerySettings } from '../transcoding/query.js';
import { compileTranscoder } from '../transcoding/transcoder.js';
import { DeadlineExceeded } from '../upstream/failure.js';
import { answeredAhead, asksForWebSocket, type HeadSettings } from './dry-head.js';
import { type Asked, type DryRequest, type DryRun, type DrySettings, dryRun, pathOf } from './dry-request.js';
import { describePlan, planTree } from './plan-tree.js';
import { streamingOf } from './route-map.js';

/** By step. */
type Called = readonly ({ readonly cache: CachePolicy | undefined; readonly access: Access } | undefined)[];

export interface ExplainableAggregate {
  readonly plan: AggregatePlan;
  readonly calls: Called;
}

export interface ExplainableRoute {
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  readonly cache: CachePolicy | undefined;
  readonly upstream: string | undefined;
  readonly aggregate: ExplainableAggregate | undefined;
  /** Of the call; of a method that streams, its policy's alone. */
  readonly timeoutMs: number | undefined;
  /** Who says so. */
  readonly timeoutOrigin: string;
}

export interface ExplainSettings extends DrySettings, HeadSettings {
  readonly codecs: Codecs;
  readonly query: QuerySettings;
  /** Those that are served. */
  readonly routes: readonly ExplainableRoute[];
  /** Those that no upstream serves: there for a hint, where one of them was meant. */
  readonly unserved: readonly ExplainableRoute[];
  readonly errorFormat: ErrorFormat;
  /** Whether a 404 names a near route. */
  readonly hints: boolean;
  /** Bounds the calls of what does not stream. */
  readonly requestTimeoutMs: number;
}

export interface Explanation {
  readonly ok: boolean;
  readonly text: string;
}

type Row = readonly [title: string, ...lines: string[]];

export function explain(settings: ExplainSettings, request: DryRequest): Explanation {
  const rows: Row[] = [];
  try {
    const answered = answeredAhead(settings, request);
    if (answered !== undefined) rows.push(['answers', answered]);
    else {
      const match = matched(settings, request, rows);
      if (match !== undefined) rows.push(...served(settings, match, request));
    }
    return { ok: true, text: render(request, rows) };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const { body } = errorBody(error, '-', { format: settings.errorFormat, exposed: NONE_EXPOSED });
    rows.push(['error', `${error.httpStatus} ${error.message}`, body]);
    return { ok: false, text: render(request, rows) };
  }
}

function served(settings: ExplainSettings, match: Matched, request: DryRequest): readonly Row[] {
  const { route } = match;
  const demanded = route.access.require.flatMap(({ requestFields }) => requestFields);
  const transcoder = compileTranscoder(route.binding, settings.codecs, settings.query, demanded);
  const asked: Asked = { ...match, transcoder };
  const run = dryRun(settings, asked, request);
  if (run === 'ended') return [['answers', '204: the client has seen the end of the stream, nothing is called']];
  if (!match.overWebSocket) requireTime(route, run);
  return [
    ...requestRows(settings, route.binding, run),
    ...sparedRow(route, run),
    ...answersRow(asked, run),
    accessRow(match),
    deadlineRow(settings, route, run),
    policyRow(route),
  ];
}

interface Matched {
  readonly route: ExplainableRoute;
  readonly captures: readonly string[];
  readonly overWebSocket: boolean;
}

/** Undefined: the gateway itself answers, as the rows say. */
function matched({ routes, unserved, hints }: ExplainSettings, request: DryRequest, rows: Row[]): Matched | undefined {
  const { method } = request;
  const rawPath = pathOf(request);
  const overWebSocket = asksForWebSocket(request);
  const routed = (all: readonly ExplainableRoute[]) => {
    const table = all.map((route) => ({ binding: route.binding, value: route }));
    return overWebSocket ? webSocketRoutes(table) : table;
  };
  const match = (table: readonly Routed<ExplainableRoute>[]) =>
    bindingTable(table).build().table.match(method, rawPath);
  const table = routed(routes);
  const result = match(table);
  if (result.kind !== 'found') {
    const meant = match(routed(unserved));
    if (meant.kind === 'found') rows.push(['unserved', ...unservedLines(meant.value)]);
  }
  switch (result.kind) {
    case 'malformed':
      throw malformedPath(result.reason);
    case 'not-found':
      throw noRoute(overWebSocket ? 'a WebSocket at' : method, rawPath, nearOf(hints, table)?.(method, rawPath));
    case 'method-not-allowed':
      if (method === 'OPTIONS') {
        rows.push(['answers', `204 Allow: ${result.allow.join(', ')}`]);
        return undefined;
      }
      throw methodNotAllowed(method, result.allow);
  }
  const { value: route, captures, headDerived } = result;
  const losers = table.filter((other) => other.value !== route && match([other]).kind === 'found');
  const derived = headDerived ? ['HEAD is answered as GET without the body'] : [];
  rows.push(['matches', describe(route.binding), ...derived]);
  if (losers.length > 0) {
    rows.push(['before', ...losers.map(({ value }) => `${describe(value.binding)}: ${whyBehind(value, route)}`)]);
  }
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
  return { route, captures, overWebSocket };
}

function nearOf(hints: boolean, table: readonly Routed<ExplainableRoute>[]): NearRoute | undefined {
  if (!hints) return undefined;
  const open = table.filter(({ value }) => value.access.mode === 'public');
  return compileNearRoute(open.map(({ binding }) => binding));
}

function whyBehind({ binding }: ExplainableRoute, winner: ExplainableRoute): string {
  const sameVerb = binding.template.verb === winner.binding.template.verb;
  return sameVerb ? 'less specific' : `the verb ':${winner.binding.template.verb}' goes first`;
}

function unservedLines({ binding, aggregate }: ExplainableRoute): readonly string[] {
  const { service } = binding.method;
  const why =
    aggregate === undefined
      ? `no configured upstream serves ${service.fullName}`
      : 'no configured upstream serves all that it calls';
  return [describe(binding), `not served: ${why}`];
}

/** Who may call, and what says so. Credentials are not looked at: a dry run knows nobody. */
function accessRow({ route: { access, policy, binding, aggregate } }: Matched): Row {
  const who = { required: 'a known caller', optional: 'anybody, a known caller as such', public: 'anybody' }[
    access.mode
  ];
  const says = access.origin === undefined ? 'no auth is configured' : formatPosition(access.origin);
  const scopes = access.scopes.map((scope) => `scope ${scope.replaceAll('|', ' or ')}`);
  const overruled = overruledAuth(binding.method, policy, access);
  const taken =
    overruled?.taken.map(
      (what) => `not ${what} of ${formatPosition(overruled.from)}: ${formatPosition(overruled.by)} replaces it`,
    ) ?? [];
  const demands = [...(policy.settings.auth?.require ?? []), ...(aggregate === undefined ? [] : demandsOf(aggregate))];
  return ['access', `${access.mode}: ${who} (${says})`, ...scopes, ...demands, ...taken];
}

/** What the required steps demand. */
function demandsOf({ plan, calls }: ExplainableAggregate): readonly string[] {
  return plan.steps.flatMap(({ label, optional }, index) => {
    const require = optional ? [] : (calls[index]?.access.require ?? []);
    return require.map(({ text }) => `${label}: ${text}`);
  });
}

function requestRows({ codecs }: ExplainSettings, { method }: Binding, run: DryRun): readonly Row[] {
  const codec = codecs.of(method.input);
  const lines = run.messages.flatMap((message) => {
    const json = new JsonWriter().collectString((out) => codec.write(message, out));
    return JSON.stringify(JSON.parse(json), null, 2).split('\n');
  });
  if (run.awaitsFrames) lines.push('and what the frames say');
  const pairs = run.metadata.map(([key, value]) => `${key}: ${shown(value)}`);
  const rows: Row[] = [['request', ...(lines.length > 0 ? lines : ['no message'])]];
  if (pairs.length > 0) rows.push(['metadata', ...pairs]);
  return rows;
}

function shown(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('base64');
}

/** The steps of an aggregate that `$fields` leaves out. */
function sparedRow({ aggregate, binding }: ExplainableRoute, { wanted }: DryRun): readonly Row[] {
  if (aggregate === undefined || wanted === undefined) return [];
  const { plan, calls } = aggregate;
  const demanding = calls.map((call) => ((call?.access.require.length ?? 0) > 0 ? () => {} : undefined));
  const needed = neededSteps(plan, parseFieldMask(wanted, binding.method.output), compileDemands(plan, demanding));
  const namesOf = (need: Need) => plan.steps.filter((_, index) => needed[index] === need).map(({ label }) => label);
  const [spared, demands] = [namesOf(undefined), namesOf('demands')];
  const lines = [
    ...(spared.length === 0 ? [] : [`${spared.join(', ')}: nobody asks for it`]),
    ...(demands.length === 0 ? [] : [`${demands.join(', ')}: nobody asks for it, but its demands are asked`]),
  ];
  return lines.length === 0 ? [] : [['spared', ...lines]];
}

/** Of a stream, what kind of answer it is. */
function answersRow({ route, overWebSocket }: Asked, { framing }: DryRun): readonly Row[] {
  const { method } = route.binding;
  if (overWebSocket) return [['answers', '101, then frames']];
  const lines = framing === undefined ? [] : [framing.contentType];
  if (method.clientStreaming && method.serverStreaming) lines.push('over HTTP/2 or a WebSocket; HTTP/1.1 gets 426');
  return lines.length === 0 ? [] : [['answers', ...lines]];
}

/** A client that gives no time gets no answer, unless a cache may have one, or only what is optional would be missing. */
function requireTime({ aggregate, cache }: ExplainableRoute, { client }: DryRun): void {
  if (client === undefined || client.timeoutMs > 0 || cache !== undefined) return;
  if (aggregate === undefined || aggregate.plan.steps.some((step) => mustCall(step, aggregate.calls))) {
    throw new DeadlineExceeded('client');
  }
}

function mustCall({ index, source, optional, declaration }: PlannedStep, calls: Called): boolean {
  const always = !optional && declaration.when === '' && declaration.forEach === '';
  return always && source.kind === 'call' && calls[index]?.cache === undefined;
}

/** Rule 30: the least of the route's, the gateway's and the client's; of a stream without the gateway's. */
function deadlineRow({ requestTimeoutMs }: ExplainSettings, route: ExplainableRoute, { client }: DryRun): Row {
  const all = [
    ...(route.timeoutMs === undefined ? [] : [{ ms: route.timeoutMs, origin: route.timeoutOrigin }]),
    ...(isStreaming(route.binding.method) ? [] : [{ ms: requestTimeoutMs, origin: 'limits.requestTimeout' }]),
    ...(client === undefined ? [] : [{ ms: client.timeoutMs, origin: client.header }]),
  ];
  const [least] = all.sort((a, b) => a.ms - b.ms);
  return ['deadline', least === undefined ? 'none' : `${formatDuration(least.ms)} (${least.origin})`];
}

function policyRow({ policy, cache, binding }: ExplainableRoute): Row {
  const lines = [...policy.origins].map(([key, position]) => {
    const unused = key === 'cache' && cache === undefined ? `: not for ${unkept(binding)}` : '';
    return `${key} = ${JSON.stringify(policy.settings[key])} (${formatPosition(position)})${unused}`;
  });
  return ['policies', ...(lines.length > 0 ? lines : ['none declared'])];
}

/** What no cache is for. */
function unkept({ method, httpMethod }: Binding): string {
  return isStreaming(method) ? 'streams' : httpMethod;
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
