/**
 * The demo's backends: the shop's five gRPC services, each on a server of its own, over the same books. They know nothing
 * of HTTP or of the gateway. The sixth service in the protos, Pages, has no server: the gateway builds its answers from the
 * other services.
 */
import { analytics } from './analytics.js';
import { catalog } from './catalog.js';
import { customers } from './customers.js';
import { openBooks } from './data.js';
import { orders } from './orders.js';
import { loadProtos, shopProtos } from './protos.js';
import { type Handlers, type RunningService, startService } from './service.js';
import { support } from './support.js';

/** One service of the shop, with the same keys as an entry of `upstreams` in a config. */
interface ShopUpstream {
  readonly name: string;
  /** The address of the service: `127.0.0.1:PORT`. */
  readonly target: string;
  readonly services: readonly string[];
}

/** The running shop. */
export interface Shop {
  readonly upstreams: readonly ShopUpstream[];
  /** The folder of the shop's protos, an import root. */
  readonly protos: string;
  /** Stops one service, as a crash would. Resolves to false if no service of that name runs. */
  stop(name: string): Promise<boolean>;
  /** Starts a stopped service at its old address. Resolves to false if there is no stopped service of that name. */
  start(name: string): Promise<boolean>;
  close(): Promise<void>;
}

const services = { customers, orders, catalog, analytics, support };

/**
 * Starts all services with fresh books. Rejects when a proto does not load or no port is available; every service that has
 * started is then closed.
 */
export async function startShop(): Promise<Shop> {
  const protos = await loadProtos();
  const books = openBooks();
  const running = new Map<string, RunningService>();
  const upstreams: ShopUpstream[] = [];
  const startOne = async (name: string, handlers: Handlers, address?: string): Promise<ShopUpstream> => {
    const service = `shop.v1.${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    const started = await startService(protos, service, handlers, address);
    running.set(name, started);
    return { name, target: started.target, services: [service] };
  };
  const close = async () => {
    await Promise.all([...running.values()].map((service) => service.close()));
  };
  const handlers = new Map(Object.entries(services).map(([name, handlersOf]) => [name, handlersOf(books)]));
  try {
    for (const [name, own] of handlers) upstreams.push(await startOne(name, own));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    upstreams,
    protos: shopProtos,
    close,
    async stop(name) {
      await running.get(name)?.close();
      return running.delete(name);
    },
    async start(name) {
      const own = handlers.get(name);
      const before = upstreams.find((upstream) => upstream.name === name);
      if (own === undefined || running.has(name)) return false;
      await startOne(name, own, before?.target);
      return true;
    },
  };
}
