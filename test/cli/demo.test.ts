/** `protogate demo` as a newcomer sees it: every curl line that it prints works. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { posixShell } from '../../src/demo/shell.js';
import { tour } from '../../src/demo/tour.js';
import { findCommand } from '../support/commands.js';
import { afterAll } from '../support/gateway.js';
import { type Serving, serving } from '../support/run.js';
import { until } from '../support/until.js';
import { openWebSocket } from '../support/websocket.js';

const run = promisify(execFile);
const curl = findCommand(['curl'], 'the demo’s own lines', 'curl');

const shared = afterAll(test);
let started: Promise<Serving> | undefined;

/** Returns the demo that all tests share. They run one after the other, and start again what they stop. */
function startedDemo(): Promise<Serving> {
  started ??= serving(['demo', '--port', '0', '--admin-port', '0']).then((demo) => {
    shared.teardown(async () => void (await demo.stop()));
    return demo;
  });
  return started;
}

(curl === undefined ? test.skip : test.serial)(
  'each curl line of the demo answers what its title says, in any order and twice',
  async (t) => {
    const demo = await startedDemo();
    t.regex(demo.line, /^listening on http:\/\/127\.0\.0\.1:\d+: \d+ routes of 6 services$/);
    const stops = tour(demo.url, posixShell);
    t.true(stops.length > 40);
    demo.type('all');
    await until(() => demo.stderr().includes(stops.at(-1)!.command));
    const credentials = [...demo.stderr().matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]);
    t.deepEqual(
      credentials.map(([name]) => name),
      ['INES', 'CLERK', 'KEY'],
    );
    const env = { ...process.env, ...Object.fromEntries(credentials) };
    for (const stop of [...stops, ...stops.toReversed()]) {
      const { stdout } = await run('bash', ['-c', `${stop.command} -w '\\n%{http_code}'`], { env });
      const cut = stdout.lastIndexOf('\n');
      const body = stdout.slice(0, cut);
      t.is(Number(stdout.slice(cut + 1)), stop.expect.status, `${stop.title}: ${stop.command}\n${body}`);
      if (stop.expect.contains !== undefined) t.true(body.includes(stop.expect.contains), `${stop.title}\n${body}`);
      if (stop.expect.lacks !== undefined) t.false(body.includes(stop.expect.lacks), `${stop.title}\n${body}`);
    }
    for (const { command, title } of stops) t.true(demo.stderr().includes(command), `printed: ${title}`);
  },
);

test.serial('a service that is stopped: pages go on without it and say so, and it comes back', async (t) => {
  const demo = await startedDemo();
  const ask = async (path: string) => {
    const answer = await fetch(`${demo.url}/v1/${path}`);
    return { status: answer.status, partial: answer.headers.get('x-protogate-partial'), text: await answer.text() };
  };
  const said = async (text: string) => {
    t.true(await until(() => demo.stderr().includes(text), text));
  };
  const page = 'customers/ada/orders/5001/page';
  t.is((await ask(page)).partial, null);
  t.is((await ask('customers/ada/dashboard')).partial, null);
  demo.type('stop catalog');
  demo.type('stop analytics');
  await said('analytics is stopped');
  const partial = await ask(page);
  t.is(partial.status, 200);
  t.is(partial.partial, 'lines.product');
  t.true(partial.text.includes('the service is unavailable'));
  t.is((await ask('customers/ada/dashboard')).partial, 'bestSellers.product');
  t.is((await ask('shop:search?query=hammock')).partial, 'hits.product');
  t.is((await ask('products/oak-desk/feed')).status, 503);
  demo.type('start nothing');
  await said(
    "expected 'all', or 'stop NAME' or 'start NAME' with one of customers, orders, catalog, analytics, support, catalog-1, catalog-2, catalog-3, got 'start nothing'",
  );
  demo.type('start catalog');
  await said('catalog is started again');
  t.true(await until(async () => (await ask(page)).partial === null));
});

test.serial('one of the three servers of the catalog is stopped: no client notices', async (t) => {
  const demo = await startedDemo();
  const ask = async (index: number) => (await fetch(`${demo.url}/v1/products?pageSize=${(index % 20) + 1}`)).status;
  let isStopped = false;
  const statuses: number[] = [];
  for (let i = 0; i < 60; i++) {
    if (i === 20) demo.type('stop catalog-1');
    if (i === 30) isStopped = await until(() => demo.stderr().includes('catalog-1 is stopped'));
    statuses.push(await ask(i));
  }
  t.true(isStopped);
  t.deepEqual(new Set(statuses), new Set([200]));
});

test.serial('the chat: two in one room hear each other, one in another room does not', async (t) => {
  const demo = await startedDemo();
  const [ada, bjorn, other] = await Promise.all(
    ['lobby', 'lobby', 'office'].map((room) => openWebSocket(t, demo.url, `/v1/rooms/${room}:chat`)),
  );
  for (const [who, author] of [
    [ada!, 'ada'],
    [bjorn!, 'bjorn'],
    [other!, 'chiara'],
  ] as const) {
    who.say({ author, text: 'hello' });
    await who.until(2);
  }
  ada!.say({ author: 'ada', text: 'Is my order there?' });
  await bjorn!.until(4);
  const texts = bjorn!.messages.map(({ author, text }) => `${author}: ${text}`);
  t.deepEqual(texts.slice(-2), ['ada: Is my order there?', 'clerk: Which number has the order?']);
  t.is(other!.messages.length, 2);
  ada!.halfClose();
  t.is((await ada!.closed).code, 1000);
  t.is(bjorn!.socket.readyState, bjorn!.socket.OPEN);
});

test.serial('SIGTERM ends the demo with 0', async (t) => {
  t.is(await (await startedDemo()).stop(), 0);
});
