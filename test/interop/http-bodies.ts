/** Bytes as they are, in and out, whole and in pieces (rules 15 and 18), and the details of errors on the way. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { until } from '../support/until.js';
import { openWebSocket } from '../support/websocket.js';
import { newCall, notFound } from './calls.js';
import type { InteropCase } from './cases.js';

const PNG = { 'content-type': 'image/png' };
/** More than a flow-control window, less than a message may be. */
const BYTES = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 31) % 251));
const LINES = '1\n2\n3\n';

export const HTTP_BODY_CASES: readonly InteropCase[] = [
  {
    name: 'bytes in and out',
    async check({ url }) {
      const { path } = newCall(url, 'success');
      const response = await fetch(`${url}${path}:mirror`, { method: 'POST', headers: PNG, body: BYTES });
      assert.equal(response.headers.get('content-type'), 'image/png');
      assert.ok(BYTES.equals(Buffer.from(await response.arrayBuffer())));
    },
  },
  {
    name: 'no bytes in and out',
    async check({ url }) {
      const { path } = newCall(url, 'success');
      const response = await fetch(`${url}${path}:mirror`, { method: 'POST', headers: PNG, body: '' });
      assert.deepEqual([response.status, await response.text()], [200, '']);
    },
  },
  {
    name: 'an upload in pieces',
    async check({ url }) {
      const call = newCall(url, 'success');
      const response = await fetch(`${url}${call.path}:upload`, { method: 'POST', headers: PNG, body: BYTES });
      assert.equal(response.headers.get('content-type'), 'image/png');
      assert.ok(BYTES.equals(Buffer.from(await response.arrayBuffer())));
      const { received, halfClosed } = await call.seen();
      assert.ok(received > 1 && halfClosed, `${received} pieces, half-closed: ${halfClosed}`);
    },
  },
  {
    name: 'an upload whose client leaves',
    async check({ url, tellsBreaks }) {
      const call = newCall(url, 'hanging');
      const req = request(`${url}${call.path}:upload`, { method: 'POST', headers: PNG, agent: false });
      req.on('error', () => {});
      req.write('half of it');
      await until(async () => (await call.seen()).received > 0, 'the server has the first piece');
      req.destroy();
      await until(async () => (await call.seen()).cancelled, 'the server sees that it is cancelled');
      if (tellsBreaks) assert.equal((await call.seen()).halfClosed, false);
    },
  },
  {
    name: 'a download in pieces',
    async check({ url }) {
      const { path } = newCall(url, 'success');
      const response = await fetch(`${url}${path}:download`);
      assert.equal(response.headers.get('content-type'), 'text/x-lines');
      assert.equal(await response.text(), LINES);
    },
  },
  {
    name: 'a download that is refused',
    async check({ url }) {
      const { name, path } = newCall(url, 'refused');
      const response = await fetch(`${url}${path}:download`);
      assert.deepEqual([response.status, await response.json()], [404, notFound(name)]);
    },
  },
  {
    name: 'a download that fails is cut',
    async check({ url }) {
      const { path } = newCall(url, 'failing');
      const response = await fetch(`${url}${path}:download`);
      assert.equal(response.status, 200);
      await assert.rejects(response.text());
    },
  },
  {
    name: 'a download whose client leaves',
    async check({ url }) {
      const call = newCall(url, 'hanging');
      const leaving = new AbortController();
      const response = await fetch(`${url}${call.path}:download`, { signal: leaving.signal });
      const first = await response.body?.getReader().read();
      assert.equal(Buffer.from(first?.value ?? []).toString(), '1\n');
      leaving.abort();
      await until(async () => (await call.seen()).cancelled, 'the server sees that it is cancelled');
    },
  },
  {
    name: 'bytes both ways over a WebSocket',
    async check(gateway) {
      const { path } = newCall(gateway.url, 'success');
      const client = await openWebSocket(gateway, gateway.url, `${path}:copy`);
      for (const [i, bytes] of [BYTES, Buffer.from('two')].entries()) {
        client.say(bytes);
        await client.until(i + 1);
        assert.ok(bytes.equals(client.messages[i]));
      }
      client.halfClose();
      assert.equal((await client.closed).code, 1000);
    },
  },
  ...(['application/x-ndjson', 'text/event-stream'] as const).map((accept) => ({
    name: `the details of an error after a message, as ${accept}`,
    async check({ url }: { readonly url: string }) {
      const { name, path } = newCall(url, 'failing');
      const headers = { accept, 'content-type': 'application/json' };
      const response = await fetch(`${url}${path}:server`, { method: 'POST', headers, body: '{}' });
      const error = JSON.stringify(notFound(name));
      const lines = `{"n":1}\n{"error":${error}}\n`;
      const events = `id: 1\ndata: {"n":1}\n\nevent: end\nid: end\ndata: ${error}\n\n`;
      assert.equal(await response.text(), accept === 'text/event-stream' ? events : lines);
    },
  })),
];
