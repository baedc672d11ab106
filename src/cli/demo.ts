import { createInterface, type Interface } from 'node:readline';
import { Command } from 'commander';
import type { ConfigInput } from '../config/config.js';
import { parseConfig } from '../config/parse.js';
import type { DemoIdentity } from '../demo/identity.js';
import type { Shop } from '../demo/shop.js';
import { tour } from '../demo/tour.js';
import { plan } from '../gateway/plan.js';
import { countRoutes, routeRows } from '../report/route-map.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode } from './exit.js';
import { parsePort } from './port.js';
import { hasErrors, printDiagnostics } from './schema-options.js';

interface DemoFlags {
  readonly port: number;
  readonly adminPort: number;
}

/** The `demo` command runs the shop's five gRPC services and a gateway in front of them on this machine. */
export function demoCommand(exit: SetExitCode): Command {
  return new Command('demo')
    .description('Starts the demo services and a gateway in front of them, and prints requests to try.')
    .option('--port <number>', 'port of the gateway, 0 for any free one', parsePort, 8080)
    .option('--admin-port <number>', 'port for health, metrics and the route map', parsePort, 9901)
    .addHelpText('after', '\nExample:\n  protogate demo --port 8080')
    .action(async ({ port, adminPort }: DemoFlags) => {
      const { startShop } = await import('../demo/shop.js');
      const { openIdentity } = await import('../demo/identity.js');
      const shop = await startShop();
      try {
        const identity = await openIdentity();
        try {
          exit(await serveShop(shop, identity, port, adminPort));
        } finally {
          await identity.close();
        }
      } finally {
        await shop.close();
      }
    });
}

async function serveShop(shop: Shop, identity: DemoIdentity, port: number, adminPort: number): Promise<number> {
  const { config, diagnostics } = parseConfig({
    version: 1,
    listen: { port, h2c: true },
    admin: { port: adminPort },
    schema: { protos: [shop.protos] },
    upstreams: Object.fromEntries(shop.upstreams.map(({ name, target, services }) => [name, { target, services }])),
    auth: authOf(identity),
    metadata: { request: ['accept-language'], response: ['location'] },
    drain: { grace: '0s', timeout: '2s' },
    log: { sample: 0, format: 'text' },
  });
  const planned = config === undefined ? undefined : await plan(config);
  const problems = [...diagnostics, ...(planned?.diagnostics ?? [])].filter(({ severity }) => severity === 'error');
  if (planned === undefined || hasErrors(problems)) {
    printDiagnostics(problems);
    return EXIT_FAILURE;
  }
  for (const { name, target } of shop.upstreams) process.stderr.write(`gRPC service ${name} at ${target}\n`);
  const { runServer } = await import('../process/run-server.js');
  const server = await runServer(planned);
  process.stdout.write(`listening on ${server.url}: ${countRoutes(routeRows(planned.routes))}\n`);
  process.stderr.write(`\nTry, in another terminal. First who you are:\n\n`);
  for (const [name, value] of identity.credentials) process.stderr.write(`export ${name}=${value}\n`);
  process.stderr.write('\n');
  for (const { title, curl } of tour(server.url)) process.stderr.write(`# ${title}\n${curl}\n\n`);
  process.stderr.write(stopping(server.url));
  process.stderr.write(`Admin: ${server.adminUrl}/readyz, /metrics and /routes. Ctrl-C ends the demo.\n`);
  const typed = takeOrders(shop);
  await server.stopped;
  typed.close();
  return EXIT_OK;
}

/** Returns the text that shows how to stop a service, and what the pages are without it. */
function stopping(url: string): string {
  return `Type 'stop catalog' here, with Enter, and ask again: a page without its products is still a page, and says so.
curl -si '${url}/v1/customers/ada/orders/5001/page'
'stop analytics' changes nothing at the dashboard for an hour: what it knows is kept. 'start catalog' brings it back.

`;
}

/**
 * Reads the lines `stop NAME` and `start NAME` that the user types. The terminal stays in its normal mode, so that Ctrl-C
 * is still a signal.
 */
function takeOrders(shop: Shop): Interface {
  const typed = createInterface({ input: process.stdin, terminal: false });
  typed.on('line', async (line) => {
    const [verb = '', name = ''] = line.trim().split(/\s+/);
    if (verb === '') return;
    const names = shop.upstreams.map((upstream) => upstream.name).join(', ');
    const done = verb === 'stop' ? await shop.stop(name) : verb === 'start' && (await shop.start(name));
    const told = verb === 'stop' ? `${name} is stopped` : `${name} is back`;
    process.stderr.write(
      done ? `${told}\n` : `expected 'stop NAME' or 'start NAME' of ${names}, got '${line.trim()}'\n`,
    );
  });
  return typed;
}

/** Returns the auth settings: the shop is public, and methods that its protos protect require a token or the API key. */
function authOf({ issuer, audience, jwksUri, algorithm, keyFile }: DemoIdentity): ConfigInput['auth'] {
  return {
    default: 'public',
    jwt: [{ issuer, audiences: [audience], jwksUri, algorithms: [algorithm] }],
    apiKeys: { file: keyFile },
  };
}
