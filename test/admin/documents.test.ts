/** The API documents on the admin port, and the page that shows them in a real browser. */
import test, { type ExecutionContext } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { ConfigInput } from '../../src/config/config.js';
import { shopProtos } from '../../src/demo/protos.js';
import { listenAdmin } from '../../src/process/run-server.js';
import { urlOf } from '../../src/server/listener/listen.js';
import { createLog } from '../../src/telemetry/log.js';
import { validated } from '../openapi/support.js';
import { browser } from '../support/browser.js';
import { planOf, sendTo } from '../support/gateway.js';
import { assertNoSecret } from '../support/secrets.js';

const log = createLog({ format: 'json', destination: { write: () => {} } });
const SECRET = 's'.repeat(32);
const auth: ConfigInput['auth'] = { default: 'public', jwt: [{ issuer: 'shop', audiences: ['shop'], secret: SECRET }] };

async function start(t: ExecutionContext, overrides: Partial<ConfigInput> = {}) {
  const schema = { protos: [shopProtos] };
  const plan = await planOf(t, {}, { admin: { port: 0 }, schema, auth, ...overrides });
  const readiness = () => ({ ready: true, state: 'serving', upstreams: new Map() });
  const server = await listenAdmin(() => plan, { metrics: async () => [], readiness }, log);
  t.teardown(() => {
    server!.close();
    server!.closeAllConnections();
  });
  const url = urlOf(server!);
  const get = async (path: string) => {
    const answer = await sendTo(url, 'GET', path);
    assertNoSecret(answer.text, path);
    return answer;
  };
  return { url, get };
}

test('/openapi.json is the document, of one service if the query names it', async (t) => {
  const { get } = await start(t);
  const { status, headers, text } = await get('/openapi.json');
  t.is(status, 200);
  t.regex(String(headers['content-type']), /^application\/json/);
  const { paths } = await validated(text);
  t.true('/v1/customers/{customer}' in paths && '/v1/rooms/{room}:chat' in paths);
  const one = await validated((await get('/openapi.json?service=shop.v1.Support')).text);
  t.deepEqual(Object.keys(one.paths), ['/v1/rooms/{room}:chat']);
  const unknown = await get('/openapi.json?service=shop.v1.Suport');
  t.is(unknown.status, 404);
  t.regex(unknown.text, /service: expected one of shop\.v1\.Analytics, .*got/);
});

const surfaces: ConfigInput['surfaces'] = [
  { name: 'mobile', basePath: '/m', include: ['shop.v1.Orders.*'] },
  { name: 'web', basePath: '/w' },
];

test('with several surfaces, the query names one', async (t) => {
  const { get } = await start(t, { surfaces });
  const without = await get('/openapi.json');
  t.is(without.status, 404);
  t.regex(without.text, /surface: expected one of mobile, web, got none/);
  const { servers } = JSON.parse((await get('/openapi.json?surface=mobile')).text) as { servers: unknown };
  t.deepEqual(servers, [{ url: '/m' }]);
  t.is((await get('/openapi.json?surface=mobile&service=shop.v1.Support')).status, 404);
  t.regex((await get('/reference')).text, /<option value="web">/);
});

test('the reference page of a surface without the chosen service shows all of its services', async (t) => {
  const { get } = await start(t, { surfaces });
  const { status, text } = await get('/reference?surface=mobile&service=shop.v1.Support');
  t.is(status, 200);
  t.regex(text, /data-document="openapi\.json\?surface=mobile"/);
});

test('/reference/ leads to /reference, where the links of the page work', async (t) => {
  const { get } = await start(t, { surfaces });
  const { status, headers } = await get('/reference/?surface=web');
  t.deepEqual([status, headers.location], [302, '../reference?surface=web']);
});

/** Opens a page, and notes everything that a reader would miss or that would leave the machine. */
async function open(t: ExecutionContext, url: string): Promise<{ page: Page; problems: string[] }> {
  const running: Browser = await chromium.launch({ executablePath: browser!, args: ['--no-sandbox'] });
  t.teardown(() => running.close());
  const page = await running.newPage({ viewport: { width: 1280, height: 1600 } });
  const problems: string[] = [];
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(url).origin) problems.push(`asked ${request.url()}`);
  });
  await page.goto(url);
  return { page, problems };
}

const shown = browser === undefined ? test.skip : test;

shown('the reference page shows every operation, and loads nothing from elsewhere', async (t) => {
  const { url, get } = await start(t);
  const { paths } = JSON.parse((await get('/openapi.json')).text) as { paths: Record<string, object> };
  const operations = Object.values(paths).flatMap((item) => Object.keys(item)).length;
  const { page, problems } = await open(t, `${url}/reference`);
  await page.waitForSelector('.opblock');
  t.is(await page.locator('.opblock').count(), operations);
  const block = page.locator('.opblock[id$=ListOrders]');
  await block.locator('.opblock-summary').click();
  await block.locator('.parameters').first().waitFor();
  const text = await block.textContent();
  for (const part of ['customer', 'pageSize', 'placedAfter', 'STATE_PAID', 'Only orders placed at this time or later'])
    t.true(text?.includes(part), part);
  if (process.env.PROTOGATE_SCREENSHOT !== undefined)
    await page.screenshot({ path: process.env.PROTOGATE_SCREENSHOT, fullPage: true });
  await page.selectOption('select[name=service]', 'shop.v1.Support');
  await page.waitForURL(/service=shop\.v1\.Support/);
  await page.waitForSelector('.opblock');
  t.is(await page.locator('.opblock').count(), 1);
  t.deepEqual(problems, []);
});
