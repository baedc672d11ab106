/**
 * A dry run of one request: which binding matches and why, what is captured, the request message, the policies and
 * where each comes from, or the exact error. Calls nothing.
 */
import type { AggregatePlan } from '../aggregate/plan.js';
import { formatPosition } from '../base/diagnostic.js';
import type { Codecs } from '../codec/codec.js';
import type { Access } from '../policy/access.js';
import type { Policy } from '../policy/policy.js';
import type { Binding } from '../routing/http-rule.js';
import { RouteTableBuilder } from '../routing/route-table.js';
import { gatewayError, StatusError } from '../status/status-error.js';
import { type ErrorFormat, errorBody } from '../transcoding/error-body.js';
import { compileRequestMetadata, type MetadataSettings } from '../transcoding/headers.js';
import { requireIdentity, requireJson, requireJsonStream } from '../transcoding/negotiate.js';
import type { QuerySettings } from '../transcoding/query.js';
import { createJsonElements, encodeElement } from '../transcoding/stream/json-elements.js';
import { compileTranscoder, type Transcoder, type TranscoderInput } from '../transcoding/transcoder.js';
import { describePlan, planTree } from './plan-tree.js';
import { streamingOf } from './route-map.js';

export interface ExplainableRoute {
  readonly binding: Binding;
  readonly policy: Policy;
  readonly access: Access;
  readonly upstream: string | undefined;
  readonly aggregate: { readonly plan: AggregatePlan } | undefined;
  /** Of the call, and who says so. */
  readonly timeout: { readonly text: string; readonly origin: string } | undefined;
}

export interface ExplainSettings {
  readonly routes: readonly ExplainableRoute[];
  readonly codecs: Codecs;
  readonly query: QuerySettings;
  readonly metadata: MetadataSettings;
  /** Headers that pass under no pattern of `metadata`. */
  readonly guardedHeaders: readonly string[];
  readonly errorFormat: ErrorFormat;
}

export interface ExplainRequest {
  readonly method: string;
  /** With the query, as it would stand in the request line. */
  readonly target: string;
  readonly body: Uint8Array;
  /** Name, value, name, value… as sent. */
  readonly rawHeaders: readonly string[];
}

export interface Explanation {
  readonly ok: boolean;
  readonly text: string;
}

type Row = readonly [title: string, ...lines: string[]];

export function explain(settings: ExplainSettings, request: ExplainRequest): Explanation {
  const rows: Row[] = [];
  try {
    const match = matched(settings.routes, request, rows);
    transcoded(settings, match, request, rows);
    rows.push(accessRow(match), deadlineRow(match), policyRow(match));
    return { ok: true, text: render(request, rows) };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    const { body } = errorBody(error, '-', settings.errorFormat);
    rows.push(['error', `${error.httpStatus} ${error.message}`, body]);
    return { ok: false, text: render(request, rows) };
  }
}

interface Matched {
  readonly route: ExplainableRoute;
  readonly captures: readonly string[];
}

function matched(routes: readonly ExplainableRoute[], request: ExplainRequest, rows: Row[]): Matched {
  const { method } = request;
  const rawPath = request.target.split('?', 1)[0]!;
  const result = tableOf(routes).match(method, rawPath);
  switch (result.kind) {
    case 'malformed':
      throw gatewayError(400, 'MALFORMED_PATH', `path: ${result.reason}`);
    case 'not-found':
      throw gatewayError(404, 'ROUTE_NOT_FOUND', `no route for ${method} ${rawPath}`);
    case 'method-not-allowed':
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

function tableOf(routes: readonly ExplainableRoute[]) {
  const builder = new RouteTableBuilder<ExplainableRoute>();
  for (const route of routes) {
    const { httpMethod, template, method, position } = route.binding;
    const derivesHead = streamingOf(method) === 'unary';
    builder.add(httpMethod, template, route, { name: method.fullName, position, derivesHead });
  }
  return builder.build().table;
}

function transcoded(
  settings: ExplainSettings,
  { route, captures }: Matched,
  request: ExplainRequest,
  rows: Row[],
): void {
  const { binding } = route;
  const metadata = compileRequestMetadata(settings.metadata, settings.guardedHeaders)(request.rawHeaders);
  const transcoder = compileTranscoder(binding, settings.codecs, settings.query);
  const contentType = headerOf(request, 'content-type');
  const { body } = request;
  if (body.length > 0) requireIdentity(headerOf(request, 'content-encoding'));
  const question = request.target.indexOf('?');
  const rawQuery = question < 0 ? '' : request.target.slice(question + 1);
  const input = { captures, rawQuery, body, contentType };
  const messages = binding.method.clientStreaming ? streamed(transcoder, input) : [single(transcoder, input)];
  const codec = settings.codecs.of(binding.method.input);
  const lines = messages.flatMap((message) => {
    const json = Buffer.from(codec.write(message)).toString('utf8');
    return JSON.stringify(JSON.parse(json), null, 2).split('\n');
  });
  rows.push(['request', ...(lines.length > 0 ? lines : ['no message'])]);
  if (metadata.length > 0) rows.push(['metadata', ...metadata.map(([key, value]) => `${key}: ${shown(value)}`)]);
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

/** Who may call, and what says so. Credentials are not looked at: a dry run knows nobody. */
function accessRow({ route: { access, policy } }: Matched): Row {
  const who = { required: 'a known caller', optional: 'anybody, a known caller as such', public: 'anybody' }[
    access.mode
  ];
  const says = access.origin === undefined ? 'no auth is configured' : formatPosition(access.origin);
  const scopes = access.scopes.map((scope) => `scope ${scope.replaceAll('|', ' or ')}`);
  return ['access', `${access.mode}: ${who} (${says})`, ...scopes, ...(policy.settings.auth?.require ?? [])];
}

function deadlineRow({ route: { timeout } }: Matched): Row {
  return ['deadline', timeout === undefined ? 'none' : `${timeout.text} (${timeout.origin})`];
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

function headerOf({ rawHeaders }: ExplainRequest, name: string): string | undefined {
  const index = rawHeaders.findIndex((text, i) => i % 2 === 0 && text.toLowerCase() === name);
  return index < 0 ? undefined : rawHeaders[index + 1];
}

function shown(value: string | Uint8Array): string {
  return typeof value === 'string' ? value : Buffer.from(value).toString('base64');
}

function render({ method, target }: ExplainRequest, rows: readonly Row[]): string {
  const indent = ' '.repeat(10);
  const lines = rows.map(([title, ...text]) => title.padEnd(10) + text.join(`\n${indent}`));
  return `${method} ${target}\n${lines.join('\n')}\n`;
}
