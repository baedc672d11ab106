/**
 * Rules over the request apply to every message of a client stream: each must meet every `require`, and may give a field of
 * the path no other value than the path. Every case runs in every framing and at each place of the stream, and each looks
 * at the messages that the service received. Over WebSockets the cases also run with a GET rule, whose frames are whole
 * messages although it has no body.
 */
import test from 'ava';
import { type ClientFraming, FRAMINGS } from '../../support/client-framings.js';
import { CASES, type Case, TYPES } from '../../support/demand-cases.js';
import { afterAll, startGateway } from '../../support/gateway.js';
import { until } from '../../support/until.js';
import type { Handlers, RecordedCall } from '../../support/upstream.js';

const shared = afterAll(test);

const KINDS = ['client', 'bidi'] as const;
type Kind = (typeof KINDS)[number];

const nameOf = (index: number, kind: Kind) => `${kind === 'client' ? 'Client' : 'Bidi'}${index}`;

/** The beginning of the paths of the GET rules, which are additional bindings. */
const GET = '/get';
const rulesOf = ({ template, body = '*', get }: Case, name: string) => {
  const alone = `get: "${GET}/${name}${template}"`;
  if (get === true) return alone;
  return `post: "/${name}${template}" body: "${body}"${body === '*' ? ` additional_bindings { ${alone} }` : ''}`;
};

const RPCS = CASES.flatMap((one, index) =>
  KINDS.map((kind) => {
    const demands = (one.require ?? []).map((text) => `require: ${JSON.stringify(text)}`).join(' ');
    const policy = `option (protogate.v1.policy) = { auth: { mode: MODE_PUBLIC ${demands} } };`;
    const http = `option (google.api.http) = { ${rulesOf(one, nameOf(index, kind))} };`;
    return `rpc ${nameOf(index, kind)}(stream Item) returns (${kind === 'bidi' ? 'stream ' : ''}Total) { ${http} ${policy} }`;
  }),
).join('\n');

const PROTO = `${TYPES}
service Demands {
${RPCS}
}`;

/**
 * Answers when all messages have come. If the method streams both ways, it also answers at once, so that the answer has
 * begun.
 */
async function* answers(call: RecordedCall) {
  yield { count: 0 };
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
}

const HANDLERS: Handlers = Object.fromEntries(
  CASES.flatMap((_, index) => [
    [
      nameOf(index, 'client'),
      async (call: RecordedCall) => {
        await call.whenHalfClosed;
        return { message: { count: call.requests.length } };
      },
    ],
    [nameOf(index, 'bidi'), (call: RecordedCall) => ({ messages: answers(call) })],
  ]),
);

/** Turns the names of fields into those of the proto. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snake(one),
    ]),
  );
}

const started = startGateway(shared, PROTO, HANDLERS, { listen: { h2c: true } });

/** Returns the ways to call a case, each with the beginning of its path. */
function waysOf(
  { body = '*', get }: Case,
  kind: Kind,
): readonly (readonly [name: string, ClientFraming, from: string])[] {
  const framings = FRAMINGS.filter(({ bothWays }) => kind === 'client' || bothWays);
  const webSocket = framings.find(({ name }) => name === 'WebSocket')!;
  return [
    ...(get === true ? [] : framings.map((framing) => [framing.name, framing, ''] as const)),
    ...(body === '*' ? [['WebSocket on a GET rule', webSocket, GET] as const] : []),
  ];
}

for (const [index, one] of CASES.entries()) {
  for (const kind of KINDS) {
    for (const [way, framing, from] of waysOf(one, kind)) {
      const path = `${from}/${nameOf(index, kind)}${one.path ?? one.template}`;
      test.serial(`${one.what}: ${kind}, ${way}`, async (t) => {
        const { url, upstream } = await started;
        const [first, next, wrong] = [one.first, one.next, one.wrong].map((message) => JSON.stringify(message)) as [
          string,
          string,
          string,
        ];
        const [firstArrived, nextArrived] = one.arrives ?? [snake(one.first) as object, snake(one.next) as object];
        const clean = (message: object) => JSON.parse(JSON.stringify(normal(message)));

        for (const [place, messages, code, arrived] of [
          ['nowhere', [first, next, next], 0, [firstArrived, nextArrived, nextArrived]],
          ['first', [wrong, next, next], one.codes[0], []],
          ['second', [first, wrong, next, next], one.codes[1], [firstArrived]],
          ['last', [first, next, next, wrong], one.codes[1], [firstArrived, nextArrived, nextArrived]],
        ] as const) {
          const before = upstream.calls.length;
          const number = messages.indexOf(wrong);
          const end = await framing.send(t, url, path, messages, {
            // The right message arrives before the next one is sent.
            between: (sent) =>
              number >= 0 && sent > number
                ? Promise.resolve()
                : until(() => upstream.calls[before]?.requestBytes.length === sent),
          });
          t.is(end.code, code, `${place}: ${end.text}`);
          if (code !== 0) {
            const prefix = framing.name === 'WebSocket' ? 4000 + code : code === 3 ? 400 : 403;
            if (kind === 'client' || framing.name === 'WebSocket' || number === 0) t.is(end.status, prefix, place);
            t.true(end.text.startsWith(`[${number}]`), `${place}: ${end.text}`);
          }
          const calls = upstream.calls.slice(before);
          for (const call of calls) t.true(call.path.endsWith(`/${nameOf(index, kind)}`), call.path);
          if (arrived.length > 0) t.is(calls.length, 1, place);
          for (const call of calls) {
            if (code !== 0) await call.whenCancelled;
            t.deepEqual(call.requests.map(clean), arrived.map(clean), place);
          }
        }
      });
    }
  }
}

/** Writes enum values and numbers as the recorder does: 64-bit numbers are strings. */
function normal(message: object): object {
  return Object.fromEntries(
    Object.entries(message)
      .map(([name, value]) => {
        if (name === 'shard') return [name, String(value)];
        if (name === 'kind') return [name, value === 1 ? 'KIND_PRIVATE' : value];
        if (name === 'approved') return [name, typeof value === 'object' ? value : { value }];
        return [name, value];
      })
      .filter(([, value]) => value !== null && value !== ''),
  );
}
