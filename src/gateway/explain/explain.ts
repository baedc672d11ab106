/**
 * This module explains what the gateway would do with a request, in rows of text: the route that matches and why, the values in
 * the path, the request message, the policies and where they are declared, or the exact error. The request is processed by the
 * same code as a served request, but no upstream is called.
 */
import { STATUS_CODES } from 'node:http';
import type { StatusError } from '../../status/status-error.js';
import { errorBody } from '../../transcoding/error-body.js';
import type { Plan } from '../plan.js';
import { type DryRequest, type DryRun, dryRun, headerOf } from './dry-run.js';
import { matchRows, missRows } from './match-rows.js';
import { requestRows } from './request-rows.js';
import type { Row } from './row.js';

export interface Explanation {
  /** True if the request would be answered without an error. */
  readonly ok: boolean;
  readonly text: string;
}

export async function explain(plan: Plan, request: DryRequest): Promise<Explanation> {
  const run = await dryRun(plan, request);
  const { route, call, answer, surface } = run;
  const rows: Row[] = plan.config.surfaces.length === 0 ? [] : [surfaceRow(run)];
  if (surface !== undefined) {
    rows.push(...(route === undefined ? missRows(surface, request, run) : matchRows(surface, request, run, route)));
  }
  const ok = call !== undefined || (answer.status >= 200 && answer.status < 400);
  if (!ok) rows.push(errorRow(run, plan));
  else if (route !== undefined && call !== undefined && surface !== undefined)
    rows.push(...requestRows(surface, request, run, route, call));
  else rows.push(['answers', answerText(request, run)]);
  return { ok, text: render(request, rows) };
}

/** Returns the text for an answer that the gateway gives without calling an upstream. */
function answerText({ rawHeaders }: DryRequest, { answer, route }: DryRun): string {
  const { status, headers } = answer;
  if (route !== undefined) return `${status}: the client has already received the whole stream, so nothing is called`;
  if (
    headerOf(rawHeaders, 'access-control-request-method') !== undefined &&
    headers.has('access-control-allow-methods')
  )
    return `${status}, the answer to a CORS preflight`;
  const allow = headers.get('allow');
  return allow === undefined ? String(status) : `${status} Allow: ${allow}`;
}

const NO_SURFACE = "none: no surface takes its host, base path and headers; -H 'host: NAME' gives it another host";

/** Returns a row with the surface of the request, and the host, base path and headers because of which it was chosen. */
function surfaceRow({ surface }: DryRun): Row {
  if (surface === undefined) return ['surface', NO_SURFACE];
  const { hosts, basePath, headers } = surface.selection;
  const parts = [
    ...(hosts.length === 0 ? [] : [`host ${hosts.join(' or ')}`]),
    ...(basePath === '' ? [] : [`base path ${basePath}`]),
    ...Object.entries(headers).map(([name, value]) => `header ${name}: ${value}`),
  ];
  return ['surface', `${surface.name} (${parts.length === 0 ? 'every request' : parts.join(', ')})`];
}

/** Advice for the author of the protos, by the reason of the error. */
const ADVICE: ReadonlyMap<string | undefined, readonly string[]> = new Map([
  ['ROUTE_NOT_FOUND', ['protogate routes lists the routes']],
  ['UNEXPECTED_BODY', ['to take a body, the google.api.http rule needs body: "*", or body: and the name of a field']],
]);

function errorRow({ exchange, answer, surface }: DryRun, plan: Plan): Row {
  const { errors } = (surface ?? plan).config;
  const error: StatusError | undefined = exchange?.error;
  if (error !== undefined) {
    return [
      'error',
      `${error.httpStatus} ${error.message}`,
      errorBody(error, '-', { format: errors.format, exposed: new Set(errors.expose) }).body,
      // The log text is shown only if it says more than the message.
      ...(error.message.startsWith(error.logText) ? [] : [error.logText]),
      ...(ADVICE.get(error.reason) ?? []),
    ];
  }
  if (answer.status === 0) return ['error', 'no answer yet: the gateway waits for the rest of the request'];
  // The answer to a HEAD request has no body with a message.
  if (answer.body === '') return ['error', `${answer.status} ${STATUS_CODES[answer.status]}`];
  const body = answer.body.replaceAll(answer.headers.get('x-request-id') ?? '-', '-');
  return ['error', `${answer.status} ${messageOf(body)}`, body];
}

/** Returns the error message in the body of an answer, in each of the formats of `errors.format`. */
function messageOf(body: string): string {
  const parsed = JSON.parse(body) as { message?: string; detail?: string; error?: { message?: string } };
  return parsed.message ?? parsed.detail ?? parsed.error?.message ?? '';
}

function render({ method, target }: DryRequest, rows: readonly Row[]): string {
  const indent = ' '.repeat(10);
  const lines = rows.map(([title, ...text]) => title.padEnd(10) + text.join(`\n${indent}`));
  return `${method} ${target}\n${lines.join('\n')}\n`;
}
