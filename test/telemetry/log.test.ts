import { mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { Code } from '../../src/status/code.js';
import { StatusError } from '../../src/status/status-error.js';
import { createLog } from '../../src/telemetry/log.js';
import type { LogLevel } from '../../src/telemetry/log-entries.js';

/** A log that takes any entry, not only those of the list. */
type AnyLog = Record<LogLevel, (fields: object, text: string) => void>;

function written(format: 'json' | 'text', write: (log: AnyLog) => void, level: LogLevel = 'info'): string[] {
  const lines: string[] = [];
  write(createLog({ format, level, destination: { write: (line) => lines.push(line) } }) as unknown as AnyLog);
  return lines;
}

const HOSTILE = 'a\r\n{"level":"error"}\u001b[31m\0\u007f\u009b\u2028"';

for (const format of ['json', 'text'] as const) {
  test(`${format}: no value can start a line or move the cursor`, (t) => {
    const lines = written(format, (log) => log.info({ path: HOSTILE, err: new Error(HOSTILE), [HOSTILE]: 1 }, HOSTILE));
    t.is(lines.length, 1);
    t.true(lines[0]!.endsWith('\n'));
    t.notRegex(lines[0]!.slice(0, -1), /[\p{Cc}\u2028\u2029]/u);
  });

  test(`${format}: credentials are struck out, also below headers`, (t) => {
    const headers = {
      authorization: 'Bearer sesame',
      cookie: 'sesame',
      'x-api-key': 'sesame',
      'set-cookie': ['sesame'],
    };
    const [line] = written(format, (log) => log.info({ ...headers, headers, req: { headers } }, 'request'));
    t.notRegex(line!, /sesame/);
    t.regex(line!, /redacted/);
  });

  test(`${format}: an error has its causes, and a stack only if it is unexpected`, (t) => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:1'), { code: 'ECONNREFUSED' });
    const err = new StatusError(Code.UNAVAILABLE, 'the upstream cannot be reached', { cause: refused });
    const [outcome] = written(format, (log) => log.error({ err }, 'request failed'));
    t.regex(outcome!, /cannot be reached.*ECONNREFUSED 10\.0\.0\.1/);
    t.notRegex(outcome!, /log\.test/);
    const [bug] = written(format, (log) => log.error({ err: new TypeError('x is not a function') }, 'request failed'));
    t.regex(bug!, /log\.test/);
  });

  test(`${format}: a chain of causes that bites its tail ends`, (t) => {
    const err = new Error('round');
    err.cause = err;
    t.is(written(format, (log) => log.error({ err }, 'x')).length, 1);
  });

  test(`${format}: what is below the level is not written`, (t) => {
    const all = (log: AnyLog) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) log[level]({}, level);
    };
    t.is(written(format, all, 'warn').length, 2);
    t.is(written(format, all, 'debug').length, 4);
  });
}

test('json: a line is an object with level, time and msg', (t) => {
  const [line] = written('json', (log) => log.warn({ status: 503, upstream: undefined }, 'request'));
  const { time, ...rest } = JSON.parse(line!) as Record<string, unknown>;
  t.deepEqual(rest, { level: 'warn', status: 503, msg: 'request' });
  t.regex(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

const REQUEST = {
  method: 'GET',
  path: '/v1/{name=shelves/*}',
  status: 200,
  durationMs: 1.5,
  agent: 'curl/8 x',
  none: null,
};

test('text: a line has the method, the path, the status and the duration of a request', (t) => {
  const lines = written('text', (log) => {
    log.info(REQUEST, 'request');
    log.info({ status: 400 }, 'request');
    log.error({ ...REQUEST, status: 503 }, 'request failed');
    log.info({ signal: 'SIGTERM' }, 'draining');
  });
  t.deepEqual(
    lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, '')),
    [
      'info  GET /v1/{name=shelves/*} 200 1.5 ms  agent="curl/8 x" none=null\n',
      'info  400\n',
      'error GET /v1/{name=shelves/*} 503 1.5 ms  request failed  agent="curl/8 x" none=null\n',
      'info  draining  signal=SIGTERM\n',
    ],
  );
});

test('text: colours mark the level and the class of the status, and no value has its own', (t) => {
  const lines: string[] = [];
  const log = createLog({ format: 'text', colors: true, destination: { write: (line) => lines.push(line) } });
  (log as unknown as AnyLog).warn({ ...REQUEST, status: 404, path: '/\u001b[31mred' }, 'request');
  const told = '\u001b[33mwarn \u001b[0m GET "/\\u001b[31mred" \u001b[33m404\u001b[0m';
  t.true(lines[0]!.includes(told), JSON.stringify(lines[0]));
});

test('the audit file gets who was refused and what was reloaded, and nothing else, whatever the level is', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'protogate-audit-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const audit = join(folder, 'audit.jsonl');
  const log = createLog({ level: 'error', audit, format: 'json', destination: { write: () => {} } });
  const request = {
    level: 'info',
    text: 'request',
    requestId: 'a',
    client: '10.0.0.1',
    routeFields: '',
    code: 'X',
  } as const;
  const rest = { method: 'GET', http: '1.1', path: '/', userAgent: undefined };
  const tell = (status: number, reason?: string) => log.request({ ...request, ...rest, status, reason });
  tell(200);
  tell(401, 'INVALID_TOKEN');
  tell(404, 'ROUTE_NOT_FOUND');
  tell(403, 'NOT_ALLOWED');
  log.info({ cause: 'SIGHUP', before: 'a', config: 'b' }, 'reloaded');
  log.info({ signal: 'SIGTERM' }, 'draining');
  const entries = async () =>
    (await readFile(audit, 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  t.deepEqual(
    (await entries()).map(({ msg, reason, before, config }) => [msg, reason ?? `${before} ${config}`]),
    [
      ['request', 'INVALID_TOKEN'],
      ['request', 'NOT_ALLOWED'],
      ['reloaded', 'a b'],
    ],
  );
  t.is((await stat(audit)).mode & 0o777, 0o600);
  await rename(audit, `${audit}.1`);
  log.reopen();
  log.info({ keys: 1 }, 'keys reloaded');
  t.deepEqual(
    (await entries()).map(({ msg }) => msg),
    ['keys reloaded'],
  );
});
