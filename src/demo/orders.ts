/**
 * This service has the orders of the shop and their states. It is an example of nested resource names, custom verbs, and bodies
 * that are a message, a string or a map.
 */
import { EventEmitter, on } from 'node:events';
import type { Books, Order, OrderItem } from './data.js';
import { totalOf } from './data.js';
import { type FieldMask, page, update } from './listing.js';
import { failedPrecondition, invalid, notFound } from './refusal.js';
import type { Handlers } from './service.js';
import { millisOf, type Timestamp, timestamp } from './values.js';

const type = 'shop.v1.Order';
const hasLeft = new Set(['STATE_SHIPPED', 'STATE_DELIVERED']);
const updatable = [
  'shipping_address',
  'shipping_address.lines',
  'shipping_address.postal_code',
  'shipping_address.city',
  'shipping_address.country_code',
  'delivery_date',
  'delivery_date.year',
  'delivery_date.month',
  'delivery_date.day',
  'gift_wrap',
  'notes',
  'labels',
  'metadata',
  'internal_notes',
];

interface ListOrders {
  parent: string;
  pageSize: number;
  pageToken: string;
  states: string[];
  placedAfter: Timestamp | null;
}

/** Returns the orders whose products or notes contain every word of the query, the newest first. */
function search(all: readonly Order[], query: string): readonly Order[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) throw invalid('query', 'expected a word, got none');
  return all
    .filter(({ items, notes }) => {
      const text = [...items.map(({ productId }) => productId), ...notes].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => millisOf(b.createTime) - millisOf(a.createTime));
}

/** Returns the handlers of the service, by method name. */
export function orders(books: Books): Handlers {
  let nextNumber = 5001 + books.orders.size;
  const changed = new EventEmitter().setMaxListeners(0);

  function find(name: string): Order {
    const found = name.startsWith('orders/')
      ? [...books.orders.values()].find((order) => order.name.endsWith(`/${name}`))
      : books.orders.get(name);
    if (found === undefined) throw notFound(type, name);
    return found;
  }

  function keep(order: Order): Order {
    const kept = { ...order, updateTime: timestamp(Date.now()) };
    books.orders.set(kept.name, kept);
    changed.emit('order', kept);
    return kept;
  }

  const eventOf = ({ name, state, updateTime }: Order) => ({ order: name, state, time: updateTime });

  function refuseIfLeft(order: Order, what: string): void {
    if (hasLeft.has(order.state)) {
      const text = `${order.name} cannot be ${what}: it is ${order.state}`;
      throw failedPrecondition('ORDER_STATE', order.name, text);
    }
  }

  function priced(item: OrderItem, index: number): OrderItem {
    const product = books.products.get(`products/${item.productId}`);
    const field = `order.items[${index}]`;
    if (product === undefined) throw invalid(`${field}.product_id`, `expected a product's id, got "${item.productId}"`);
    if (item.quantity < 1) throw invalid(`${field}.quantity`, `expected 1 or more, got ${item.quantity}`);
    return { ...item, unitPrice: product.price };
  }

  return {
    GetOrder: ({ name }: { name: string }): Order => find(name),

    ListOrders({ parent, pageSize, pageToken, states, placedAfter }: ListOrders) {
      if (parent !== 'customers/-' && !books.customers.has(parent)) throw notFound('shop.v1.Customer', parent);
      const all = [...books.orders.values()]
        .filter((order) => parent === 'customers/-' || order.name.startsWith(`${parent}/orders/`))
        .filter((order) => states.length === 0 || states.includes(order.state))
        .filter((order) => placedAfter === null || millisOf(order.createTime) >= millisOf(placedAfter))
        .sort((a, b) => millisOf(b.createTime) - millisOf(a.createTime));
      const { items, nextPageToken } = page(all, pageSize, pageToken);
      return { orders: items, nextPageToken };
    },

    SearchOrders: ({ query }: { query: string }) => ({ orders: search([...books.orders.values()], query).slice(0, 5) }),

    async *WatchOrders({ parent, limit }: { parent: string; limit: number }, signal: AbortSignal) {
      if (!books.customers.has(parent)) throw notFound('shop.v1.Customer', parent);
      const isTheirs = ({ name }: Order) => name.startsWith(`${parent}/orders/`);
      let left = limit === 0 ? Number.POSITIVE_INFINITY : limit;
      // The listener is added before the first orders are sent, so that no change after that is missed.
      const changes = on(changed, 'order', { signal });
      try {
        for (const order of [...books.orders.values()].filter(isTheirs)) {
          if (left-- <= 0) return;
          yield eventOf(order);
        }
        for await (const [order] of changes) {
          if (!isTheirs(order)) continue;
          if (left-- <= 0) return;
          yield eventOf(order);
        }
      } finally {
        await changes.return?.();
      }
    },

    CreateOrder(request: { parent: string; order: Order | null; validateOnly: boolean }): Order {
      const { parent, order, validateOnly } = request;
      const buyer = books.customers.get(parent);
      if (buyer === undefined) throw notFound('shop.v1.Customer', parent);
      if (order === null || order.items.length === 0)
        throw invalid('order.items', 'expected at least one item, got none');
      const items = order.items.map(priced);
      const now = timestamp(Date.now());
      const placed: Order = {
        ...order,
        name: `${parent}/orders/${nextNumber}`,
        state: 'STATE_PENDING',
        items,
        total: totalOf(items),
        shippingAddress: order.shippingAddress ?? buyer.addresses[0] ?? null,
        tracking: null,
        createTime: now,
        updateTime: now,
      };
      if (validateOnly) return placed;
      nextNumber += 1;
      books.orders.set(placed.name, placed);
      changed.emit('order', placed);
      return placed;
    },

    UpdateOrder({ order, updateMask }: { order: Order | null; updateMask: FieldMask | null }): Order {
      if (order === null) throw invalid('order', 'expected an order, got none');
      const before = find(order.name);
      refuseIfLeft(before, 'changed');
      return keep(update(before, order, updateMask, updatable));
    },

    CancelOrder({ name, reason }: { name: string; reason: string }): Order {
      const order = find(name);
      if (order.state === 'STATE_CANCELLED') return order;
      refuseIfLeft(order, 'cancelled');
      const notes = reason === '' ? order.notes : [...order.notes, `Cancelled: ${reason}`];
      return keep({ ...order, state: 'STATE_CANCELLED', notes });
    },

    AddOrderNote({ name, note }: { name: string; note: string }): Order {
      const order = find(name);
      if (note.length === 0 || note.length > 200) {
        throw invalid('note', `expected 1 to 200 characters, got ${note.length}`);
      }
      return keep({ ...order, notes: [...order.notes, note] });
    },

    ReplaceOrderLabels({ name, labels }: { name: string; labels: Record<string, string> }): object {
      return { labels: keep({ ...find(name), labels }).labels };
    },

    DeleteOrder({ name, allowMissing }: { name: string; allowMissing: boolean }): object {
      if (allowMissing && !books.orders.has(name)) return {};
      const order = find(name);
      if (order.state !== 'STATE_CANCELLED') {
        throw failedPrecondition('ORDER_STATE', name, `${name} cannot be removed: it is ${order.state}, not cancelled`);
      }
      books.orders.delete(order.name);
      return {};
    },
  };
}
