/**
 * This service computes totals over the orders. It is an example of numbers in the path, files as answers, Struct, Value and
 * Any, and a route that accepts every HTTP method.
 */
import type { Books, Order } from './data.js';
import { invalid, notFound } from './refusal.js';
import type { Handlers } from './service.js';
import { type CalendarDate, centsOf, euros, millisOf, startOfDay, struct, value } from './values.js';

const dayMs = 86_400_000;

interface RunQuery {
  groupBy: string[];
  labels: { fields: Record<string, { stringValue?: string }> } | null;
}

/** Returns the handlers of the service, by method name. */
export function analytics(books: Books): Handlers {
  const sold = () => [...books.orders.values()].filter((order) => order.state !== 'STATE_CANCELLED');

  return {
    GetRevenue({ startDate, endDate }: { startDate: CalendarDate | null; endDate: CalendarDate | null }): object {
      const from = startDate === null ? 0 : millisOfDay('start_date', startDate);
      const to = endDate === null ? Number.POSITIVE_INFINITY : millisOfDay('end_date', endDate) + dayMs;
      const counted = sold().filter(({ createTime }) => millisOf(createTime) >= from && millisOf(createTime) < to);
      return {
        total: euros(sum(counted)),
        orderCount: counted.length,
        centsByCountry: Object.fromEntries([...groups(counted, countryOf)].map(([key, some]) => [key, sum(some)])),
      };
    },

    ListTopProducts({ year, month, limit }: { year: number; month: number; limit: number }): object {
      if (month < 1 || month > 12) throw invalid('month', `expected 1 to 12, got ${month}`);
      const from = Date.UTC(year, month - 1);
      const to = Date.UTC(year, month);
      const quantities = new Map<string, number>();
      for (const { createTime, items } of sold()) {
        if (millisOf(createTime) < from || millisOf(createTime) >= to) continue;
        for (const { productId, quantity } of items) {
          quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
        }
      }
      const best = [...quantities].sort(([a, most], [b, least]) => least - most || (a < b ? -1 : 1));
      return {
        products: best.slice(0, limit || 5).map(([id, quantity]) => ({ product: `products/${id}`, quantity })),
      };
    },

    ExportReport({ name }: { name: string }): object {
      return { contentType: 'text/csv; charset=utf-8', data: Buffer.from(report(name)) };
    },

    RunQuery(request: RunQuery): object {
      const { groupBy, labels } = request;
      if (groupBy.length === 0) throw invalid('group_by', 'expected at least one dimension, got none');
      const wanted = Object.entries(labels?.fields ?? {});
      const counted = [...books.orders.values()].filter((order) => {
        const carried = new Map(Object.entries(order.labels));
        return wanted.every(([key, { stringValue }]) => stringValue !== undefined && carried.get(key) === stringValue);
      });
      const readers = groupBy.map(dimension);
      const rows = groups(counted, (order) => JSON.stringify(readers.map(({ of }) => of(order))));
      return {
        rows: [...rows].map(([key, some]) => {
          const values = JSON.parse(key) as string[];
          return struct({
            ...Object.fromEntries(readers.map(({ title }, index) => [title, values[index] ?? ''])),
            orders: some.length,
          });
        }),
        total: value(counted.length),
        understood: { '@type': 'type.googleapis.com/shop.v1.RunQueryRequest', ...request },
      };
    },

    RecordVisit({ page }: { page: string }): object {
      const count = (books.visits.get(page) ?? 0n) + 1n;
      books.visits.set(page, count);
      return { page, count: String(count) };
    },
  };

  function report(name: string): string {
    const revenue = /^reports\/revenue\/(\d{4})$/.exec(name)?.[1];
    if (revenue !== undefined) {
      const months = groups(sold(), (order) => new Date(millisOf(order.createTime)).toISOString().slice(0, 7));
      const lines = [...months].filter(([month]) => month.startsWith(revenue));
      return ['month,orders,cents', ...lines.map(([month, some]) => `${month},${some.length},${sum(some)}`), ''].join(
        '\n',
      );
    }
    if (name === 'reports/orders/by-state') {
      const lines = groups([...books.orders.values()], (order) => order.state);
      return ['state,orders', ...[...lines].map(([state, some]) => `${state},${some.length}`), ''].join('\n');
    }
    throw notFound('shop.v1.Report', name);
  }
}

function dimension(name: string): { title: string; of: (order: Order) => string } {
  switch (name) {
    case 'DIMENSION_STATE':
      return { title: 'state', of: (order) => order.state };
    case 'DIMENSION_CUSTOMER':
      return { title: 'customer', of: (order) => order.name.split('/').slice(0, 2).join('/') };
    case 'DIMENSION_COUNTRY':
      return { title: 'country', of: countryOf };
    default:
      throw invalid('group_by', `expected a dimension, got ${name}`);
  }
}

function countryOf(order: Order): string {
  return order.shippingAddress?.countryCode ?? '';
}

function sum(orders: readonly Order[]): number {
  return orders.reduce((cents, order) => cents + centsOf(order.total), 0);
}

function groups(orders: readonly Order[], keyOf: (order: Order) => string): Map<string, Order[]> {
  const found = new Map<string, Order[]>();
  for (const order of orders) {
    const key = keyOf(order);
    found.set(key, [...(found.get(key) ?? []), order]);
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function millisOfDay(field: string, date: CalendarDate): number {
  const { year, month, day } = date;
  const millis = startOfDay(date);
  if (year < 1 || new Date(millis).getUTCMonth() + 1 !== month || day < 1) {
    throw invalid(field, `expected a day of the calendar, got ${year}-${month}-${day}`);
  }
  return millis;
}
