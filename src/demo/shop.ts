/**
 * This module starts the backends of the demo: the five gRPC services of the shop, each on servers of its own, with common
 * data. The catalog has three servers, so that one of them may stop. The servers do not use HTTP/JSON, and do not depend on the
 * gateway. The sixth service in the protos, Pages, has no server: the gateway builds its answers from those of the other
 * services.
 */
import { analytics } from './analytics.js';
import { catalog } from './catalog.js';
import { customers } from './customers.js';
import { openBooks } from './data.js';
import { orders } from './orders.js';
import { loadProtos, shopProtos } from './protos.js';
import { type Handlers, type RunningService, startService } from './service.js';
import { support } from './support.js';

/** One service of the shop. The keys are those of an entry of `upstreams` in a config. */
interface ShopUpstream {
  readonly name: string;
  /** The addresses of the servers of the service: `127.0.0.1:PORT`. */
  readonly targets: readonly string[];
  readonly services: readonly string[];
}

/** The running shop. */
export interface Shop {
  readonly upstreams: readonly ShopUpstream[];
  /** The folder with the protos of the shop, which is an import root. */
  readonly protos: string;
  /** The names of the servers: the name of the service, followed by `-1`, `-2` and so on if it has several. */
  readonly servers: readonly string[];
  /** Stops a server, or all servers of a service, as a crash would. Resolves to false if no running server has this name. */
  stop(name: string): Promise<boolean>;
  /** Starts stopped servers again at their old addresses. Resolves to false if no stopped server has this name. */
  start(name: string): Promise<boolean>;
  close(): Promise<void>;
}

const services = { customers, orders, catalog, analytics, support };
/** The number of servers of each service. A service that is not listed has one server. */
const SERVERS: Readonly<Record<string, number>> = { catalog: 3 };

interface ShopServer {
  readonly name: string;
  readonly upstream: string;
  readonly service: string;
  readonly handlers: Handlers;
  target: string | undefined;
  running: RunningService | undefined;
}

/**
 * Starts all services with a new copy of the data. Rejects when a proto cannot be loaded or there is no free port; then the
 * services that have started are closed.
 */
export async function startShop(): Promise<Shop> {
  const protos = await loadProtos();
  const books = openBooks();
  const servers = Object.entries(services).flatMap(([upstream, handlersOf]) => serversOf(upstream, handlersOf(books)));
  const startOne = async (server: ShopServer) => {
    server.running = await startService(protos, server.service, server.handlers, server.target);
    server.target = server.running.target;
  };
  const stopOne = async (server: ShopServer) => {
    const { running } = server;
    server.running = undefined;
    await running?.close();
  };
  const close = async () => {
    await Promise.all(servers.map(stopOne));
  };
  try {
    for (const server of servers) await startOne(server);
  } catch (error) {
    await close();
    throw error;
  }
  const named = (name: string) => servers.filter((server) => server.name === name || server.upstream === name);
  return {
    upstreams: Object.keys(services).map((name) => ({
      name,
      targets: named(name).flatMap(({ target }) => target ?? []),
      services: [serviceOf(name)],
    })),
    servers: servers.map(({ name }) => name),
    protos: shopProtos,
    close,
    async stop(name) {
      const found = named(name).filter(({ running }) => running !== undefined);
      await Promise.all(found.map(stopOne));
      return found.length > 0;
    },
    async start(name) {
      const found = named(name).filter(({ running }) => running === undefined);
      await Promise.all(found.map(startOne));
      return found.length > 0;
    },
  };
}

function serversOf(upstream: string, handlers: Handlers): ShopServer[] {
  const count = SERVERS[upstream] ?? 1;
  return Array.from({ length: count }, (_, index) => ({
    name: count === 1 ? upstream : `${upstream}-${index + 1}`,
    upstream,
    service: serviceOf(upstream),
    handlers,
    target: undefined,
    running: undefined,
  }));
}

function serviceOf(upstream: string): string {
  return `shop.v1.${upstream.charAt(0).toUpperCase()}${upstream.slice(1)}`;
}
