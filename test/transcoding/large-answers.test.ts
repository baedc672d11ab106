/** `limits.responseBytes` also bounds the JSON of an answer, while it is written. */
import test from 'ava';
import { WebSocket } from 'ws';
import { afterAll, startGateway } from '../support/gateway.js';

const LONG = 'A_VALUE_WITH_A_NAME_THAT_GOES_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON';
const PROTO = `package l.v1;
import "google/api/annotations.proto";
enum Color { COLOR_UNSPECIFIED = 0; ${LONG} = 1; }
message Ask { int32 n = 1; }
message Many { repeated Color colors = 1; repeated Wide wides = 2; string text = 3; bytes raw = 4; }
message Wide { string a_name = 1; string another_name = 2; int64 number = 3; bool yes = 4; repeated string list = 5; }
service Large {
  rpc Get(Ask) returns (Many) {
    option (google.api.http) = { get: "/many" additional_bindings { get: "/colors" response_body: "colors" } };
  }
  rpc Watch(Ask) returns (stream Many) { option (google.api.http) = { get: "/watch" }; }
}`;
const LIMIT = 64 * 1024;
const limits = { responseBytes: '64KiB' };
const colors = (count: number) => ({ colors: Array(count).fill(LONG) });

const shared = afterAll(test);
const started = startGateway(shared, PROTO, {}, { limits });

for (const [fact, message, path] of [
  ['enums with long names', colors(1000), '/many'],
  ['a field that is the answer', colors(1000), '/colors'],
  ['text whose escapes are longer', { text: '\u0001'.repeat(20_000) }, '/many'],
  ['bytes as base64', { raw: Buffer.alloc(60_000) }, '/many'],
] as const) {
  test.serial(`${fact}: 502, and nothing of the inside`, async (t) => {
    const { send, upstream, logged } = await started;
    upstream.script('Get', { message });
    const { status, json, text } = await send('GET', path);
    t.is(status, 502);
    t.is(json.code, 13);
    t.is(json.details[0].reason, 'UPSTREAM_ANSWER_TOO_LARGE');
    t.regex(json.message, /^the service failed \(request id /);
    t.notRegex(text, /VALUE/);
    t.true(JSON.stringify(logged().at(-1)).includes(`larger than ${LIMIT} bytes as JSON`));
  });
}

test('defaults that are written count', async (t) => {
  const wides = { wides: Array(1200).fill({}) };
  const { send } = await startGateway(t, PROTO, { Get: { message: wides } }, { limits, json: { emitDefaults: true } });
  t.is((await send('GET', '/many')).status, 502);
  const { send: sendPlain } = await startGateway(t, PROTO, { Get: { message: wides } }, { limits });
  t.is((await sendPlain('GET', '/many')).status, 200);
});

test.serial('exactly the limit passes, one byte more does not', async (t) => {
  const { send, upstream } = await started;
  const overhead = '{"text":""}'.length;
  for (const [length, status] of [
    [LIMIT - overhead, 200],
    [LIMIT - overhead + 1, 502],
  ] as const) {
    upstream.script('Get', { message: { text: 'x'.repeat(length) } });
    t.is((await send('GET', '/many')).status, status, String(length));
  }
});

test.serial('fields that the client leaves out do not count towards the size; indentation does', async (t) => {
  const { send, upstream } = await started;
  upstream.script('Get', { message: { ...colors(1000), text: 'x' } });
  t.is((await send('GET', '/many?$fields=text')).text, '{"text":"x"}');
  t.is((await send('GET', '/many?$alt=json;enum-encoding=int')).status, 200);
  upstream.script('Get', { message: colors(700) });
  t.is((await send('GET', '/many')).status, 200);
  t.is((await send('GET', '/many?$prettyPrint=true&$alt=json;enum-encoding=int')).status, 200);
  upstream.script('Get', { message: { wides: Array(9000).fill({}) } });
  t.is((await send('GET', '/many')).status, 200);
  t.is((await send('GET', '/many?$prettyPrint=true')).status, 502);
});

test.serial('a stream ends with its error, before its first message and after it', async (t) => {
  const { send, upstream, url } = await started;
  upstream.script('Watch', { messages: [colors(1000)] });
  t.is((await send('GET', '/watch')).status, 502);
  upstream.script('Watch', { messages: [{ text: 'a' }, { text: 'b' }, colors(1000), { text: 'c' }] });
  const lines = (await send('GET', '/watch', { headers: { accept: 'application/x-ndjson' } })).text.trim().split('\n');
  t.deepEqual(lines.slice(0, 2), ['{"text":"a"}', '{"text":"b"}']);
  t.is(lines.length, 3);
  t.is(JSON.parse(lines[2]!).error.code, 13);
  const events = (await send('GET', '/watch', { headers: { accept: 'text/event-stream' } })).text;
  t.regex(events, /event: end\nid: end\ndata: \{"code":13,/);
  await t.throwsAsync(send('GET', '/watch'), undefined, 'an array is cut');
  const socket = new WebSocket(`${url.replace('http', 'ws')}/watch`);
  t.is(await new Promise((resolve) => void socket.once('close', resolve)), 4013);
});

test.serial('many messages of a stream may be more together', async (t) => {
  const { send, upstream } = await started;
  upstream.script('Watch', { messages: Array(20).fill({ text: 'x'.repeat(10_000) }) });
  const { text, status } = await send('GET', '/watch');
  t.is(status, 200);
  t.true(text.length > 2 * LIMIT);
});

test('answers of several MiB are whole: one message, a stream, indented, as a field', async (t) => {
  const message = { text: 'é"\n'.repeat(500_000), raw: Buffer.alloc(1_500_000) };
  const expected = { text: message.text, raw: message.raw.toString('base64') };
  const { send } = await startGateway(t, PROTO, { Get: { message }, Watch: { messages: [message, message] } }, {});
  t.true(JSON.stringify((await send('GET', '/many')).json) === JSON.stringify(expected));
  t.true((await send('GET', '/many?$prettyPrint=true')).text === JSON.stringify(expected, null, 2));
  t.true(JSON.stringify((await send('GET', '/watch')).json) === JSON.stringify([expected, expected]));
});
