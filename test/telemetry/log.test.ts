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
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there
    t.notRegex(lines[0]!.slice(0, -1), /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/);
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

  test(`${format}: an error comes with its causes, and a stack only if nobody meant to throw it`, (t) => {
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

test('text: a line is for reading', (t) => {
  const fields = {
    method: 'GET',
    path: '/v1/{name=shelves/*}',
    status: 200,
    durationMs: 1.5,
    agent: 'curl/8 x',
    none: null,
  };
  const [line] = written('text', (log) => log.info(fields, 'request'));
  t.regex(
    line!,
    /^\d\d:\d\d:\d\d\.\d{3} info {2}request {2}method=GET path=\/v1\/\{name=shelves\/\*\} status=200 durationMs=1\.5 agent="curl\/8 x" none=null\n$/,
  );
});
