/**
 * The demo's backends: the shop's four gRPC services, each on a server of its own, over the same books. They know
 * nothing of HTTP or of the gateway.
 */
import { analytics } from './analytics.js';
import { catalog } from './catalog.js';
import { customers } from './customers.js';
import { openBooks } from './data.js';
import { orders } from './orders.js';
import { loadProtos, shopProtos } from './protos.js';
import { type RunningService, startService } from './service.js';

/** One backend, in the words of the gateway's config. */
interface ShopUpstream {
  readonly name: string;
  /** `127.0.0.1:PORT`. */
  readonly target: string;
  readonly services: readonly string[];
}

/** The shop while it is open. */
export interface Shop {
  readonly upstreams: readonly ShopUpstream[];
  /** The folder of the shop's protos: an import root. */
  readonly protos: string;
  close(): Promise<void>;
}

const services = { customers, orders, catalog, analytics };

/** Opens the shop with fresh books. Rejects when a proto does not load or a port cannot be had; nothing stays open then. */
export async function startShop(): Promise<Shop> {
  const protos = await loadProtos();
  const books = openBooks();
  const running: RunningService[] = [];
  const upstreams: ShopUpstream[] = [];
  const close = async () => {
    await Promise.all(running.map((service) => service.close()));
  };
  try {
    for (const [name, handlers] of Object.entries(services)) {
      const service = `shop.v1.${name.charAt(0).toUpperCase()}${name.slice(1)}`;
      const started = await startService(protos, service, handlers(books));
      running.push(started);
      upstreams.push({ name, target: started.target, services: [service] });
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { upstreams, protos: shopProtos, close };
}
