/** This module builds the rows of an explanation that show the call, the form of the answer, and the policies. */

import { type Need, neededSteps } from '../../aggregate/needed.js';
import { compileDemands } from '../../aggregate/step-demands.js';
import { formatPosition } from '../../base/diagnostic.js';
import { formatDuration } from '../../base/duration.js';
import { isStreaming } from '../../call/call.js';
import { parseFieldMask } from '../../codec/field-mask.js';
import { JsonWriter } from '../../codec/json-writer.js';
import { overruledAuth } from '../../policy/access/overruled.js';
import { describePolicy } from '../../policy/kinds.js';
import { isIdempotent } from '../../policy/retry/planned.js';
import { onFailureLines } from '../../report/on-failure.js';
import type { PlannedAggregate, PlannedRoute } from '../../route/planned-route.js';
import type { Binding } from '../../routing/binding.js';
import { clientTimeout } from '../../transcoding/client-timeout.js';
import { declaredAuth } from '../method-policies.js';
import type { SurfacePlan } from '../plan-surface.js';
import { type DryRequest, type DryRun, headerOf, isHandshake, type RecordedCall } from './dry-run.js';
import type { Row } from './row.js';

export function requestRows(
  surface: SurfacePlan,
  request: DryRequest,
  run: DryRun,
  route: PlannedRoute,
  call: RecordedCall,
): readonly Row[] {
  return [
    ...messageRows(surface, request, route, call),
    ...serversRow(call),
    ...skippedRow(route, call),
    ...answersRow(request, run, route),
    accessRow(run, route),
    deadlineRow(surface, request, route),
    ...failureRow(route),
    policyRow(route),
  ];
}

/** The metadata that every call has. It is not shown, because it tells nothing about the request. */
const ALWAYS: ReadonlySet<string> = new Set(['x-request-id', 'x-forwarded-for']);

function messageRows(
  { codecs }: SurfacePlan,
  request: DryRequest,
  { binding }: PlannedRoute,
  call: RecordedCall,
): readonly Row[] {
  const { method } = binding;
  const codec = codecs.of(method.input);
  const lines = call.messages.flatMap((message) => {
    const json = new JsonWriter().collectString((out) => codec.write(message, out));
    return JSON.stringify(JSON.parse(json), null, 2).split('\n');
  });
  if (isHandshake(request) && (method.clientStreaming || binding.body.kind !== 'none')) {
    lines.push('and the fields of each message that the client sends');
  }
  const own = call.request.metadata.filter(([key]) => !ALWAYS.has(key));
  const pairs = own.map(([key, value]) => `${key}: ${shown(value)}`);
  const rows: Row[] = [['request', ...(lines.length > 0 ? lines : ['no message'])]];
  if (pairs.length > 0) rows.push(['metadata', ...pairs]);
  return rows;
}

function shown(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('base64');
}

/** Returns a row with the targets to which a header or the caller of the request leads (`when`). */
function serversRow({ request }: RecordedCall): readonly Row[] {
  const { subsets } = request.context;
  if (subsets === undefined) return [];
  return [['servers', ...[...subsets].map(([upstream, name]) => `of ${upstream}: only the targets with when ${name}`)]];
}

/** Returns a row with the steps of an aggregate that are not needed because of `$fields`. */
function skippedRow({ aggregate }: PlannedRoute, { request }: RecordedCall): readonly Row[] {
  const { mask } = request.context;
  if (aggregate === undefined || mask === undefined) return [];
  const { plan, hidden, calls } = aggregate;
  const demanding = calls.map((call) => ((call?.access.require.length ?? 0) > 0 ? () => {} : undefined));
  const needed = neededSteps(plan, parseFieldMask(mask, plan.method.output), compileDemands(plan, demanding), hidden);
  const namesOf = (need: Need) => plan.steps.filter((_, index) => needed[index] === need).map(({ label }) => label);
  const [skipped, demands] = [namesOf(undefined), namesOf('demands')];
  const lines = [
    ...(skipped.length === 0 ? [] : [`${skipped.join(', ')}: not in $fields, so not called`]),
    ...(demands.length === 0
      ? []
      : [`${demands.join(', ')}: not in $fields, so not called; its require conditions are still checked`]),
  ];
  return lines.length === 0 ? [] : [['skipped', ...lines]];
}

/** Returns a row with the form in which a stream is sent. */
function answersRow(request: DryRequest, { answer }: DryRun, { binding }: PlannedRoute): readonly Row[] {
  if (isHandshake(request)) return [['answers', '101, then one frame for each message']];
  const contentType = answer.headers.get('content-type');
  return binding.method.serverStreaming && contentType !== undefined && contentType !== ANY_BYTES
    ? [['answers', contentType]]
    : [];
}

/** The content type for any bytes. It is not shown, because each message has a content type of its own. */
const ANY_BYTES = 'application/octet-stream';

/** Returns a row with who may call, and where this is declared. */
function accessRow(
  { namesCaller, tellsAddress, exchange }: DryRun,
  { access, addresses, policy, binding, aggregate }: PlannedRoute,
): Row {
  const who = {
    required: 'only a caller with a valid credential',
    optional: 'anybody; a credential is checked',
    public: 'anybody',
  }[access.mode];
  const says = access.origin === undefined ? 'no auth is configured' : formatPosition(access.origin);
  const scopes = access.scopes.map((scope) => `scope ${scope.replaceAll('|', ' or ')}`);
  const isJudged = namesCaller && access.mode !== 'public';
  const judged = isJudged ? ['checked with the credential of this request, whose signature is not verified'] : [];
  const client = tellsAddress
    ? `checked for ${exchange?.clientAddress}`
    : 'not checked, because the address of the client is not known';
  const networks = addresses.length === 0 ? [] : [`addresses: ${client}`];
  const { auth } = policy.settings;
  const overruled = overruledAuth(declaredAuth(binding.method), auth, policy.origins.get('auth'), access);
  const taken =
    overruled?.taken.map(
      (what) => `without ${what} of ${formatPosition(overruled.from)}, which ${formatPosition(overruled.by)} replaces`,
    ) ?? [];
  const demands = [...(auth?.require ?? []), ...(aggregate === undefined ? [] : demandsOf(aggregate))];
  return ['access', `${access.mode}: ${who} (${says})`, ...networks, ...scopes, ...demands, ...taken, ...judged];
}

/** Returns texts with the access rules of the required steps. */
function demandsOf({ plan, calls }: PlannedAggregate): readonly string[] {
  return plan.steps.flatMap(({ label, optional }, index) => {
    const require = optional ? [] : (calls[index]?.access.require ?? []);
    return require.map(({ text }) => `${label}: ${text}`);
  });
}

/**
 * Returns a row with the shortest time limit of the route, the gateway and the client. The gateway's limit does not
 * apply to streams (docs/request.md).
 */
function deadlineRow({ config }: SurfacePlan, { rawHeaders }: DryRequest, route: PlannedRoute): Row {
  const client = clientTimeout(headerOf(rawHeaders, 'grpc-timeout'), headerOf(rawHeaders, 'x-request-timeout'));
  const all = [
    ...(route.timeoutMs === undefined ? [] : [{ ms: route.timeoutMs, origin: route.timeoutOrigin }]),
    ...(isStreaming(route.binding.method)
      ? []
      : [{ ms: config.limits.requestTimeoutMs, origin: 'limits.requestTimeout' }]),
    ...(client === undefined ? [] : [{ ms: client.timeoutMs, origin: client.header }]),
  ];
  const [least] = all.sort((a, b) => a.ms - b.ms);
  return ['deadline', least === undefined ? 'none' : `${formatDuration(least.ms)} (${least.origin})`];
}

/** Returns a row with what the route does when its upstream fails: retries, hedging and so on, in this order. */
function failureRow(route: PlannedRoute): readonly Row[] {
  const { httpMethod, method } = route.binding;
  const lines = onFailureLines(route, isIdempotent(httpMethod, method));
  return lines.length === 0 ? [] : [['failure', ...lines]];
}

function policyRow({ policy, cache, binding }: PlannedRoute): Row {
  const lines = [...policy.origins].flatMap(([key, position]) => {
    const unused = key === 'cache' && cache === undefined ? `: never used, because ${whyNotCached(binding)}` : '';
    return describePolicy(policy.settings, key).map((text) => `${text} (${formatPosition(position)})${unused}`);
  });
  return ['policies', ...(lines.length > 0 ? lines : ['none'])];
}

/** Returns the reason why the answers of a binding are never cached. */
function whyNotCached({ method, httpMethod }: Binding): string {
  return isStreaming(method) ? 'the method streams' : `${httpMethod} is not cached`;
}
