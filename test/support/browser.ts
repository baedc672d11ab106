/**
 * Runs scripts in a page of a real browser without a window, and returns their results.
 *
 *     const site = await openSite(t);
 *     const result = await site.run(`return (await fetch('${url}/v1/shelves/1')).status;`);
 *
 * If no browser is installed, its tests are skipped and report that; in CI they fail instead.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findCommand } from './commands.js';
import type { Teardown } from './gateway.js';

/** The path of the browser; undefined when none is installed. */
export const browser = findCommand(['chromium', 'chromium-browser', 'google-chrome'], 'pages in a browser', 'chromium');

export interface Site {
  /** The origin of the page, for a gateway's `cors.origins`. */
  readonly origin: string;
  /** Runs the script as the body of an async function. Rejects with what it throws, or after 30 s. */
  run(script: string): Promise<unknown>;
}

/** Opens a web site on a port of its own. Each script gets a browser of its own. */
export async function openSite(t: Teardown): Promise<Site> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { origin, run: (script) => runPage(t, server, origin, script) };
}

const FLAGS = [
  '--headless',
  // Tests may run as root, in a container without its own /dev/shm.
  '--no-sandbox',
  '--disable-dev-shm-usage',
  '--disable-gpu',
  '--no-first-run',
  // These keep the browser from using the network.
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  // The certificates of tests are signed by no known authority.
  '--ignore-certificate-errors',
];

async function runPage(t: Teardown, server: Server, origin: string, script: string): Promise<unknown> {
  const profile = await mkdtemp(join(tmpdir(), 'protogate-browser-'));
  const page = `<!doctype html><script type="module">
    const report = (result) => fetch('/report', { method: 'POST', body: JSON.stringify(result) });
    try { await report({ result: await (async () => { ${script} })() }); } catch (error) { await report({ error: String(error) }); }
  </script>`;
  server.removeAllListeners('request');
  const reported = new Promise<{ result?: unknown; error?: string }>((resolve) => {
    server.on('request', async (req, res) => {
      if (req.url !== '/report') {
        res.writeHead(200, { 'content-type': 'text/html' }).end(req.url === '/' ? page : '');
        return;
      }
      let text = '';
      for await (const chunk of req) text += chunk;
      res.end();
      resolve(JSON.parse(text));
    });
  });
  const child = spawn(browser!, [...FLAGS, `--user-data-dir=${profile}`, `${origin}/`], {
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(child, 'exit');
  t.teardown(async () => {
    await ended;
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  const timer = new AbortController();
  try {
    const tooLate = new Promise<never>((_, reject) => {
      const timeout = setTimeout(() => reject(new Error('the page has reported nothing for 30 s')), 30_000);
      timer.signal.addEventListener('abort', () => clearTimeout(timeout));
    });
    const { result, error } = await Promise.race([reported, tooLate]);
    if (error !== undefined) throw new Error(`in the browser: ${error}`);
    return result;
  } finally {
    timer.abort();
    // This ends the browser and its children.
    process.kill(-child.pid!, 'SIGKILL');
  }
}
