import { Command } from 'commander';
import type { ConfigInput } from '../config/config.js';
import { parseConfig } from '../config/parse.js';
import type { DemoIdentity } from '../demo/identity.js';
import { callersShell } from '../demo/shell.js';
import type { Shop } from '../demo/shop.js';
import { tour, tourRequests } from '../demo/tour.js';
import { plan } from '../gateway/plan.js';
import { examplesFrom } from '../openapi/examples.js';
import { countRoutes, routeRows } from '../report/route-map.js';
import { standardOutput } from '../telemetry/output.js';
import { EXIT_FAILURE, EXIT_OK, type SetExitCode } from './exit.js';
import { parsePort } from './port.js';
import { hasErrors, printDiagnostics } from './schema-options.js';
import { readTypedLines, type TypedLines } from './typed-lines.js';

interface DemoFlags {
  readonly port: number;
  readonly adminPort: number;
}

/** The `demo` command runs the five gRPC services of a shop, and a gateway in front of them, on this machine. */
export function demoCommand(exit: SetExitCode): Command {
  return new Command('demo')
    .option('--port <number>', 'port of the gateway; 0 takes a free one', parsePort, 8080)
    .option(
      '--admin-port <number>',
      'port of the gateway for health, metrics, the list of routes and the API documents; 0 takes a free one',
      parsePort,
      9901,
    )
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
    upstreams: Object.fromEntries(
      shop.upstreams.map(({ name, targets, services }) => [
        name,
        { targets: [...targets], services: [...services], retry: RETRY },
      ]),
    ),
    auth: authOf(identity),
    metadata: { request: ['accept-language'], response: ['location'] },
    drain: { grace: '0s', timeout: '2s' },
    log: { sample: 0, format: 'text' },
    surfaces: surfacesOf(identity),
  });
  const planned = config === undefined ? undefined : await plan(config);
  const problems = [...diagnostics, ...(planned?.diagnostics ?? [])].filter(({ severity }) => severity === 'error');
  if (planned === undefined || hasErrors(problems)) {
    printDiagnostics(problems);
    return EXIT_FAILURE;
  }
  const { runServer } = await import('../process/run-server.js');
  const server = await runServer(planned, { examples: examplesFrom(tourRequests()) });
  standardOutput.write(`listening on ${server.url}: ${countRoutes(routeRows(planned.routes))}\n`);
  const shell = callersShell(process.env, process.platform);
  const requests = tour(server.url, shell);
  const names = shop.upstreams.map(({ name }) => name).join(', ');
  process.stderr.write(
    `It calls five gRPC services on this machine: ${names}. The catalog has three servers.
Health, metrics, routes and the OpenAPI document: ${server.adminUrl}/readyz, /metrics, /routes, /openapi.json?surface=web
The API as a page for your browser: ${server.adminUrl}/reference

Requests to try in another terminal. Set these credentials there first:
${[...identity.credentials].map(([name, value]) => shell.assign(name, value)).join('\n')}

${formatRequests(requests.filter(({ first }) => first))}
Type here, and press Enter:
  all            to see all ${requests.length} requests
  stop orders    to stop one of the services, and 'start orders' to start it again
  stop catalog-1 to stop one of the three servers of the catalog: no request fails
Press Ctrl+C to stop the demo.
`,
  );
  const commands = readCommands(shop, formatRequests(requests));
  await server.stopped;
  commands.close();
  return EXIT_OK;
}

/**
 * Returns the two APIs of the shop. `web` has everything but the methods of the app's pages. `mobile` has what the app needs,
 * without some fields, and every caller needs an API key.
 */
function surfacesOf({ keyFile }: DemoIdentity): ConfigInput['surfaces'] {
  return [
    { name: 'web', exclude: ['label:mobile'] },
    {
      name: 'mobile',
      basePath: '/mobile',
      include: ['shop.v1.Customers/GetCustomer', 'shop.v1.Orders.*', 'shop.v1.Catalog.*', 'label:mobile'],
      omitFields: ['shop.v1.Customer.loyalty_points', 'shop.v1.Customer.birth_date', 'shop.v1.Order.metadata'],
      auth: { apiKeys: { file: keyFile } },
      json: { emitDefaults: true },
    },
  ];
}

/** The retry settings of the catalog: if one of its servers does not answer, the call goes to another one. */
const RETRY = { maxAttempts: 2, codes: ['UNAVAILABLE'] };

function formatRequests(requests: ReturnType<typeof tour>): string {
  return requests.map(({ title, command }) => `# ${title}\n${command}\n`).join('');
}

/** Runs the commands `all`, `stop NAME` and `start NAME` that the user types. */
function readCommands(shop: Shop, allRequests: string): TypedLines {
  return readTypedLines(process.stdin, async (line) => {
    process.stderr.write(line === 'all' ? allRequests : await runCommand(shop, line));
  });
}

/** Stops or starts a service. Returns the text that says what happened. */
async function runCommand(shop: Shop, text: string): Promise<string> {
  const [verb, name = ''] = text.split(/\s+/);
  if (verb === 'stop' && (await shop.stop(name))) {
    if (!shop.upstreams.some((upstream) => upstream.name === name))
      return `${name} is stopped. The other servers get its calls: /readyz shows it. Type 'start ${name}' to start it again.\n`;
    return `${name} is stopped. A page that needs it is still answered, without its part: try the dashboard again with -i,
and see the header x-protogate-partial. Cached answers do not change. Type 'start ${name}' to start it again.\n`;
  }
  if (verb === 'start' && (await shop.start(name))) return `${name} is started again\n`;
  const names = [...new Set([...shop.upstreams.map((upstream) => upstream.name), ...shop.servers])].join(', ');
  return `expected 'all', or 'stop NAME' or 'start NAME' with one of ${names}, got '${text}'\n`;
}

/**
 * Returns the auth settings of the demo: everybody may call the shop, except for methods for which the protos require a token
 * or the API key.
 */
function authOf({ issuer, audience, jwksUri, algorithm, keyFile }: DemoIdentity): ConfigInput['auth'] {
  return {
    default: 'public',
    jwt: [{ issuer, audiences: [audience], jwksUri, algorithms: [algorithm] }],
    apiKeys: { file: keyFile },
  };
}
