/**
 * Provokes the errors with which streams end: a gateway on a clock that the test moves, and streams whose credential ends or
 * whose route a reload changes. The streams share the gateway, so that they are opened one after the other.
 */
import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import type { ConfigInput } from '../../src/config/config.js';
import type { Reason } from '../../src/status/reasons.js';
import { handClock } from '../support/clock.js';
import { protoFolder, startGateway, type Teardown } from '../support/gateway.js';
import { startIssuer } from '../support/issuer.js';
import { entry, KEY, OTHER_KEY } from '../support/open-streams.js';
import { until } from '../support/until.js';
import { openWebSocket } from '../support/websocket.js';

const PROTO = `package s.v1;
import "google/api/annotations.proto";
message Ask { string name = 1; int32 n = 2; }
service Streams {
  rpc Watch(Ask) returns (stream Ask) { option (google.api.http) = { get: "/watch" }; }
  rpc Chat(stream Ask) returns (stream Ask) { option (google.api.http) = { post: "/chat" body: "*" }; }
}`;

export async function startStreams(t: Teardown) {
  const issuer = await startIssuer(t, 'streams');
  const protos = await protoFolder(t, PROTO);
  const keys = join(protos, 'keys.yaml');
  await writeFile(keys, `keys:\n${entry(KEY, 'consumer: acme')}${entry(OTHER_KEY, 'consumer: zeta')}`);
  const jwt = { issuer: issuer.issuer, jwksUri: issuer.jwksUri, audiences: ['api'] };
  const from = [{ header: 'authorization' }, { cookie: 'session' }];
  const overrides: Partial<ConfigInput> = {
    schema: { protos: [protos] },
    auth: { jwt: [{ ...jwt, from }], apiKeys: { file: keys } },
  };
  const clock = handClock();
  let usedBytes = 0;
  const readMemory = () => [{ usedBytes, limitBytes: 100 }];
  const handlers = {
    Watch: { messages: [{ name: 'a' }], hang: true },
    Chat: { messages: [{ name: 'a' }], hang: true },
  };
  const started = await startGateway(t, PROTO, handlers, overrides, { clock, readMemory });
  const { target } = started.upstream;
  const config: ConfigInput = { version: 1, upstreams: { test: { target, services: ['*'] } }, ...overrides };
  const bearer = (sub: string, exp: number) =>
    `Bearer ${issuer.sign({ sub, exp: Math.floor(clock.now() / 1000) + exp })}`;
  const use = (share: number) => {
    usedBytes = share;
    clock.advance(100);
  };
  return { ...started, keys, jwt, config, clock, bearer, use };
}

type Streams = Awaited<ReturnType<typeof startStreams>>;
type Headers = Readonly<Record<string, string>>;

/** Opens a stream of server-sent events. Resolves when its first message has come, to a promise of its end. */
async function events({ port }: Streams, headers: Headers): Promise<{ ended: Promise<void> }> {
  const asked = { host: '127.0.0.1', port, path: '/watch', agent: false };
  return new Promise((resolve, reject) => {
    const req = get({ ...asked, headers: { accept: 'text/event-stream', ...headers } }, (res) => {
      const ended = new Promise<void>((end) => void res.once('close', end));
      res.once('data', () => resolve({ ended })).on('error', () => {});
    });
    req.on('error', reject);
  });
}

/** Opens a WebSocket and sends a message on it. Resolves when the answer has come. */
async function chat(t: Teardown, { url }: Streams, headers: Headers) {
  const socket = await openWebSocket(t, url, '/chat', { headers });
  socket.say({ n: 1 });
  await socket.until(1);
  return socket;
}

/** Opens a WebSocket, serves the changed config until it has ended, and then the first config again. */
async function chatUntilReload(t: Teardown, streams: Streams, headers: Headers, change: Partial<ConfigInput>) {
  const { gateway, config } = streams;
  const { closed } = await chat(t, streams, headers);
  await gateway.reload({ ...config, ...change });
  await closed;
  await gateway.reload(config);
}

type Provoke = (streams: Streams) => Promise<unknown>;

/** Returns the ways to provoke each reason. They run one after the other, whenever they are called. */
export function provokeStreams(t: Teardown) {
  let last = Promise.resolve();
  const inTurn =
    (provoke: Provoke): Provoke =>
    (streams) => {
      const done = last.then(() => provoke(streams));
      last = done.then(
        () => {},
        () => {},
      );
      return done;
    };
  return {
    OUT_OF_MEMORY: inTurn(async ({ send, use, bearer }) => {
      use(91);
      await send('GET', '/watch', { headers: { authorization: bearer('ada', 60) } });
      use(50);
    }),
    CREDENTIAL_EXPIRED: inTurn(async (streams) => {
      const { ended } = await events(streams, { authorization: streams.bearer('ada', 20) });
      streams.clock.advance(21_000);
      await ended;
    }),
    CREDENTIAL_WITHDRAWN: inTurn(async (streams) => {
      let isOver = false;
      const { ended } = await events(streams, { 'x-api-key': KEY });
      void ended.then(() => {
        isOver = true;
      });
      await writeFile(streams.keys, `keys:\n${entry(OTHER_KEY, 'consumer: zeta')}`);
      // The file is read again every few seconds.
      await until(() => {
        streams.clock.advance(1000);
        return isOver;
      }, 'the end of the stream');
    }),
    ROUTE_WITHDRAWN: inTurn((streams) => {
      const { target } = streams.upstream;
      const unserved = { upstreams: { test: { target, services: ['other.*'] } } };
      return chatUntilReload(t, streams, { 'x-api-key': OTHER_KEY }, unserved);
    }),
    CALLER_CHANGED: inTurn((streams) => {
      const { bearer, jwt, config } = streams;
      const cookie = `session=${bearer('ben', 600).slice('Bearer '.length)}`;
      const headers = { authorization: bearer('ada', 600), cookie, 'sec-fetch-site': 'same-origin' };
      const cookies = { auth: { ...config.auth, jwt: [{ ...jwt, from: [{ cookie: 'session' }] }] } };
      return chatUntilReload(t, streams, headers, cookies);
    }),
    DEMANDS_CHANGED: inTurn((streams) => {
      const demanding = { policies: [{ selector: '*', auth: { require: ['request.n = 1'] } }] };
      return chatUntilReload(t, streams, { 'x-api-key': OTHER_KEY }, demanding);
    }),
  } satisfies Partial<Record<Reason, Provoke>>;
}
