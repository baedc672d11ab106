/**
 * Turns a line of JSON into a line for a person at a terminal. The line of a request shows what it asked for and what it got:
 *
 *     09:00:00.000 info  GET /v1/customers/ada 200 3.2 ms  upstream=shop endpoint=127.0.0.1:50051
 *     09:00:00.000 info  draining  signal=SIGTERM
 *
 * Colours mark the level and the class of the status. All control characters in values are escaped, so that no value can
 * set colours or move the cursor.
 */
import { escapeBeyondJson, escapeCharacter } from './json-text.js';

/** Returns the text for one line of JSON, with a line end. */
export function textLine(json: string, hasColors: boolean): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const paint = hasColors ? painted : plain;
  const { told, rest } = typeof fields.status === 'number' ? request(fields, paint) : { told: undefined, rest: fields };
  const what = [told ?? '', told !== undefined && msg === 'request' ? '' : escapeControls(String(msg))];
  const others = Object.entries(rest).map(([key, value]) => `${paint('dim', `${bare(key)}=`)}${bare(value)}`);
  const head = `${paint('dim', String(time).slice(11, 23))} ${paint(level, String(level).padEnd(5))}`;
  const parts = [...what.filter((part) => part !== ''), others.join(' ')].filter((part) => part !== '');
  return `${head} ${parts.join('  ')}\n`;
}

type Paint = (color: unknown, text: string) => string;

/** Returns a short text about a request, such as `GET /v1/books 200 3.2 ms`, and in `rest` the fields that are not in it. */
function request(fields: Readonly<Record<string, unknown>>, paint: Paint) {
  const { method, path, status, durationMs, ...rest } = fields;
  const asked = [method, path].filter((part) => part !== undefined).map((part) => bare(part));
  const took = durationMs === undefined ? [] : [`${String(durationMs)} ms`];
  const got = paint(Math.floor(Number(status) / 100), String(status));
  return { told: [...asked, got, ...took].join(' '), rest };
}

/** The colour codes of levels and of classes of statuses: 4 is for 4xx (ECMA-48 §8.3.117). */
const COLORS: ReadonlyMap<unknown, number> = new Map<unknown, number>([
  ['dim', 2],
  ['debug', 36],
  ['info', 32],
  ['warn', 33],
  ['error', 31],
  [2, 32],
  [3, 36],
  [4, 33],
  [5, 31],
]);

function painted(color: unknown, text: string): string {
  const code = COLORS.get(color);
  return code === undefined ? text : `\u001b[${code}m${text}\u001b[0m`;
}

function plain(_color: unknown, text: string): string {
  return text;
}

/** Returns a value without quotes if it is one word, and as JSON otherwise. */
function bare(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@*{}=-]+$/.test(value) ? value : escapeControls(JSON.stringify(value));
}

function escapeControls(text: string): string {
  return escapeBeyondJson(text).replace(/\p{Cc}/gu, escapeCharacter);
}
