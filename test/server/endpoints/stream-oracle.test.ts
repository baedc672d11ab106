/**
 * Sends streams of random messages under random rules in every framing: a message that breaks a demand or contradicts the
 * path never arrives, nor does any message after it, and every message before it arrives. An oracle over plain objects
 * gives the expected result.
 */
import test, { type ExecutionContext } from 'ava';
import jwt from 'jsonwebtoken';
import { casesOf } from '../../support/draws.js';
import { afterAll, startGateway } from '../../support/gateway.js';
import {
  CLAIMS,
  ITEM,
  type Planned,
  protoOf,
  randomRule,
  randomStream,
  recorded,
  SUBJECT,
} from '../../support/random-streams.js';
import { type Message, nameOf, verdictOn } from '../../support/stream-oracle.js';
import { until } from '../../support/until.js';
import type { Handlers, RecordedCall } from '../../support/upstream.js';

const RULES = 60;
const STREAMS_EACH = casesOf(12);
const PARTS = 6;

const shared = afterAll(test);
const SECRET = 's'.repeat(32);
const TOKEN = jwt.sign({ sub: SUBJECT, ...CLAIMS }, SECRET, {
  issuer: 'https://a.test',
  audience: 'api',
  expiresIn: '1h',
});
const rules = Array.from({ length: RULES }, (_, index) => randomRule(index));

async function* answers(call: RecordedCall) {
  // Half of the answers begin before the end of the stream.
  if (/[02468]$/.test(String(call.metadata.get('x-stream')[0]))) yield {};
  await Promise.race([call.whenHalfClosed, call.whenCancelled]);
}
const HANDLERS: Handlers = Object.fromEntries(
  rules.map(({ name, bothWays }) => [
    name,
    bothWays
      ? (call: RecordedCall) => ({ messages: answers(call) })
      : (call: RecordedCall) => Promise.race([call.whenHalfClosed, call.whenCancelled]).then(() => ({ message: {} })),
  ]),
);

const started = startGateway(shared, protoOf(rules), HANDLERS, {
  listen: { h2c: true },
  auth: { jwt: [{ issuer: 'https://a.test', audiences: ['api'], secret: SECRET, algorithms: ['HS256'] }] },
  metadata: { request: ['x-stream'] },
});

const counts = {
  streams: 0,
  whole: 0,
  refusedHeads: 0,
  messages: 0,
  arrived: 0,
  contradicting: 0,
  denied: 0,
  byFraming: {} as Record<string, number>,
};

const streams = rules.flatMap((rule) => Array.from({ length: STREAMS_EACH }, () => randomStream(rule)));

for (let part = 0; part < PARTS; part++) {
  const first = (streams.length / PARTS) * part;
  test.serial(
    `what breaks a demand or contradicts the path never arrives, all else does: from stream ${first}`,
    async (t) => {
      const waiting = streams.slice(first, first + streams.length / PARTS).entries();
      const worker = async () => {
        for (const [index, planned] of waiting) await run(t, `s${first + index}`, planned);
      };
      await Promise.all(Array.from({ length: 8 }, worker));
    },
  );
}

test.serial('enough of everything was tried', (t) => {
  t.log(JSON.stringify(counts));
  t.is(counts.streams, streams.length);
  t.true(counts.whole > counts.streams / 10);
  t.true(counts.denied > counts.streams / 10);
  t.true(counts.contradicting > counts.streams / 50);
});

async function run(t: ExecutionContext, id: string, planned: Planned): Promise<void> {
  const { url, upstream } = await started;
  const { target, texts, verdicts, framing, rule } = planned;
  const wrong = verdicts.findIndex((verdict) => !('arrives' in verdict));
  const oneByOne = planned.oneByOne || wrong < 0;
  const right = (wrong < 0 ? verdicts : verdicts.slice(0, wrong)) as readonly { readonly arrives: Message }[];
  const callOf = () => upstream.calls.find(({ metadata }) => metadata.get('x-stream')[0] === id);
  // Messages that are sent one by one arrive before the next one is sent. Messages that are sent at once may be cancelled
  // on their way.
  const between = oneByOne
    ? (sent: number) =>
        until(() => sent > right.length || callOf()?.requestBytes.length === sent, `${rule.name}: message ${sent}`)
    : undefined;
  const headers = { authorization: `Bearer ${TOKEN}`, 'x-stream': id };
  const told = () =>
    `${id} ${framing.name} ${target}\n${rule.texts.join('\n')}\n${texts.join('\n')}\n${JSON.stringify(verdicts)}`;
  counts.streams++;
  counts.byFraming[framing.name] = (counts.byFraming[framing.name] ?? 0) + 1;
  if (isRefusedByPath(planned)) {
    counts.refusedHeads++;
    if (framing.name === 'WebSocket')
      await t.throwsAsync(framing.send(shared, url, target, texts, { headers }), undefined, told());
    else t.is((await framing.send(shared, url, target, texts, { headers })).code, 7, told());
    t.is(callOf(), undefined, told());
    return;
  }
  const { code, text } = await framing.send(shared, url, target, texts, {
    headers,
    ...(between === undefined ? {} : { between }),
  });
  const call = callOf();
  const got = () => (call?.requests ?? []).map((one) => recorded(ITEM, one as Record<string, unknown>));
  if (wrong < 0) {
    t.is(code, 0, `${text}\n${told()}`);
    t.deepEqual(
      got(),
      right.map(({ arrives }) => arrives),
      told(),
    );
    counts.whole++;
  } else {
    const expected = (verdicts[wrong] as { readonly code: number }).code;
    t.is(code, expected, `${text}\n${told()}`);
    t.true(text.startsWith(`[${wrong}]`), `${text}\n${told()}`);
    if (expected === 3) counts.contradicting++;
    else counts.denied++;
    await call?.whenCancelled;
    const arrived = got();
    t.deepEqual(
      arrived,
      right.slice(0, oneByOne ? right.length : arrived.length).map(({ arrives }) => arrives),
      told(),
    );
  }
  counts.messages += texts.length;
  counts.arrived += got().length;
}

/** True if the demands read only the path, so that they are decided before any message is sent. */
function isRefusedByPath({ stream }: Planned): boolean {
  const { head, demands } = stream;
  const decided = demands.filter(({ left, right }) =>
    [...left, ...right].every(
      (part) =>
        typeof part === 'string' ||
        'claim' in part ||
        head.some(({ path, from }) => from === 'path' && nameOf(path) === nameOf(part.request)),
    ),
  );
  const verdict = verdictOn(
    { ...stream, head: head.filter(({ from }) => from === 'path'), demands: decided },
    {},
    true,
  );
  return !('arrives' in verdict);
}
