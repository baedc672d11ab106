/** Streams as web pages see them in a real browser: EventSource, WebSocket, fetch over HTTP/2. */
import test, { type ExecutionContext } from 'ava';
import type { ConfigInput } from '../../src/config/config.js';
import { browser, openSite } from '../support/browser.js';
import { certificates } from '../support/certificates.js';
import { startGateway } from '../support/gateway.js';
import { tlsFiles } from '../support/tls-files.js';
import { until } from '../support/until.js';
import { arriving, type Handlers } from '../support/upstream.js';

const PROTO = `package feed.v1;
import "google/api/annotations.proto";
message Item { string name = 1; int32 n = 2; }
service Feed {
  rpc Watch(Item) returns (stream Item) { option (google.api.http) = { get: "/v1/{name=feeds/*}:watch" }; }
  rpc Talk(stream Item) returns (stream Item) { option (google.api.http) = { post: "/v1/talk" body: "*" }; }
}`;
const HANDLERS: Handlers = {
  Watch: { messages: [{ n: 1 }, { n: 2 }, { n: 3 }] },
  Talk: (call) => ({ messages: arriving(call) }),
};

async function start(t: ExecutionContext, more: Partial<ConfigInput> = {}) {
  const site = await openSite(t);
  const gateway = await startGateway(t, PROTO, HANDLERS, { cors: { origins: [site.origin] }, ...more });
  return { ...gateway, site };
}

/** One browser at a time is enough for two cores. */
const inBrowser = browser === undefined ? test.serial.skip : test.serial;

const LISTEN = (url: string) => `
  const seen = [];
  const events = new EventSource('${url}/v1/feeds/1:watch');
  events.onmessage = ({ data, lastEventId }) => seen.push([lastEventId, JSON.parse(data)]);
  const end = await new Promise((resolve) => events.addEventListener('end', ({ data }) => resolve(JSON.parse(data))));
  // A browser comes back after three seconds.
  await new Promise((resolve) => setTimeout(resolve, 5000));
  return { seen, end, readyState: events.readyState };`;

inBrowser('EventSource reads a stream, and stops at its end instead of calling again', async (t) => {
  const { site, url, upstream, logged } = await start(t);
  const seen = [1, 2, 3].map((n) => [String(n), { n }]);
  t.deepEqual(await site.run(LISTEN(url)), { seen, end: { code: 0, message: '', details: [] }, readyState: 2 });
  t.is(upstream.calls.length, 1);
  t.deepEqual(
    logged().map(({ status }) => status),
    [200, 204],
    'it came back once and was told that there is no more',
  );
});

inBrowser('EventSource stops at an error after the first message, too', async (t) => {
  const { site, url, upstream } = await start(t);
  upstream.script('Watch', { messages: [{ n: 1 }], status: { code: 5, message: 'gone' } });
  t.like(await site.run(LISTEN(url)), { seen: [['1', { n: 1 }]], end: { code: 5, message: 'gone' }, readyState: 2 });
  t.is(upstream.calls.length, 1);
});

const TALK = (url: string) => `
  const socket = new WebSocket('${url.replace('http', 'ws')}/v1/talk');
  const heard = [];
  const closed = new Promise((resolve) => { socket.onclose = ({ code, reason }) => resolve({ code, reason }); });
  await new Promise((resolve) => { socket.onopen = resolve; socket.onerror = resolve; });
  if (socket.readyState !== WebSocket.OPEN) return 'refused';
  for (let n = 1; n <= 3; n++) {
    const answer = new Promise((resolve) => { socket.onmessage = resolve; });
    socket.send(JSON.stringify({ n }));
    heard.push(JSON.parse((await answer).data));
  }
  socket.send('');
  return { heard, ...(await closed) };`;

inBrowser('WebSocket: a conversation, a half-close, a good end', async (t) => {
  const { site, url } = await start(t);
  t.deepEqual(await site.run(TALK(url)), { heard: [{ n: 1 }, { n: 2 }, { n: 3 }], code: 1000, reason: '' });
});

inBrowser('WebSocket: a page of another origin is refused', async (t) => {
  const { site, url, upstream } = await start(t, { cors: { origins: ['https://app.example.com'] } });
  t.is(await site.run(TALK(url)), 'refused');
  t.is(upstream.calls.length, 0);
});

inBrowser('TLS: fetch over HTTP/2, a WebSocket beside them on the same port', async (t) => {
  const { site, url, logged } = await start(t, { listen: { tls: await tlsFiles(t, certificates()) } });
  const found = await site.run(`
    const answer = await fetch('${url}/v1/feeds/1:watch', { headers: { accept: 'application/x-ndjson' } });
    const text = await answer.text();
    const talk = await (async () => {${TALK(url)}})();
    return { text, talk };`);
  t.deepEqual(found, {
    text: '{"n":1}\n{"n":2}\n{"n":3}\n',
    talk: { heard: [{ n: 1 }, { n: 2 }, { n: 3 }], code: 1000, reason: '' },
  });
  // The line is written when its request has ended.
  await until(() => logged().length >= 2);
  t.deepEqual(
    logged().map(({ http, status }) => [http, status]),
    [
      ['2.0', 200],
      ['1.1', 101],
    ],
  );
});
