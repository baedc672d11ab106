/** The line of a request is built by hand, so whatever a client sends must stay inside of its own field. */
import test from 'ava';
import fc from 'fast-check';
import { createLog } from '../../src/telemetry/log.js';
import { type RequestEntry, requestLine, routeFields } from '../../src/telemetry/request-line.js';

const PLAIN = {
  level: 'info',
  text: 'request',
  requestId: '0f8cdd0e-9c40-4b7f-8c34-3bb1d0a9a52a',
  client: '127.0.0.1',
  method: 'GET',
  http: '1.1',
  path: '/',
  routeFields: '',
  userAgent: undefined,
  status: 200,
  code: 'OK',
} as const satisfies RequestEntry;

/** Any text: parts of JSON, control characters, surrogates without their other half, line separators. */
const text = fc.oneof(
  // fast-check's own unit of this kind needs a second to make a table of all characters.
  fc.string({ unit: fc.integer({ min: 0, max: 0x10ffff }).map((point) => String.fromCodePoint(point)) }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u2028', '\u009b', '\ud800', '\u0000', '}', ',', 'é', '😀') }),
);

test('a line is one JSON object in one line, and its fields say what the client sent', (t) => {
  fc.assert(
    fc.property(text, text, text, text, (path, userAgent, consumer, refused) => {
      const route = routeFields({ surface: 'a"b', route: '/v1/{a=**}', rpc: undefined, upstream: path });
      const line = requestLine({ ...PLAIN, path, userAgent, consumer, refused, routeFields: route }, 0);
      if (/[\p{Cc}\u2028\u2029]/u.test(line.slice(0, -1))) throw new Error(line);
      const { time, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const expected = { path, userAgent, consumer, refused, upstream: path };
      for (const [name, value] of Object.entries(expected))
        if (fields[name] !== value) throw new Error(`${name} ${line}`);
      if (fields.surface !== 'a"b' || Object.hasOwn(fields, 'rpc')) throw new Error(line);
    }),
    { seed: 22, numRuns: 500 },
  );
  t.pass();
});

test('the time is that of Date, in every millisecond', (t) => {
  for (const now of [0, 7, 999, 1000, 1_796_000_000_042, 1_796_000_000_999, 1_796_000_001_000]) {
    t.is(JSON.parse(requestLine(PLAIN, now)).time, new Date(now).toISOString());
  }
});

test('a time has at most three digits behind the point, as JavaScript writes the number', (t) => {
  const times = [0, 0.0004, 0.0005, 0.001, 0.01, 0.1, 0.12, 0.999, 0.9996, 3, 12.3456, 999.9996, 86_400_000.25];
  for (let thousandths = 0; thousandths < 3000; thousandths += 7) times.push(thousandths / 1000);
  for (const time of times) {
    const line = requestLine({ ...PLAIN, durationMs: time }, 0);
    t.true(line.includes(`,"durationMs":${Math.round(time * 1000) / 1000},`), `${time} ${line}`);
  }
});

test('a field without a value is left out', (t) => {
  t.deepEqual(Object.keys(JSON.parse(requestLine(PLAIN, 0))), [
    'level',
    'time',
    'requestId',
    'client',
    'method',
    'http',
    'path',
    'status',
    'code',
    'msg',
  ]);
});

test('the level can be changed while requests run', (t) => {
  const lines: string[] = [];
  const log = createLog({ format: 'json', destination: { write: (line) => lines.push(line) } });
  const write = () => {
    log.request(PLAIN);
    log.info({}, 'keys reloaded');
    log.request({ ...PLAIN, level: 'error', text: 'request failed' }, new Error('why'));
    return lines.splice(0).map((line) => JSON.parse(line).msg);
  };
  t.deepEqual(write(), ['request', 'keys reloaded', 'request failed']);
  log.setLevel('error');
  t.deepEqual(write(), ['request failed']);
  log.setLevel('info');
  t.deepEqual(write(), ['request', 'keys reloaded', 'request failed']);
});
