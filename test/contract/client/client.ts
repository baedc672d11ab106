/**
 * A REST client of the demo with the types of its OpenAPI document. `npm run contract` compiles and runs it. It is not part
 * of the build, because the types are made from the document.
 */
import { deepEqual, equal } from 'node:assert/strict';
import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

const [baseUrl = '', token = '', apiKey = ''] = process.argv.slice(2);
const shop = createClient<paths>({ baseUrl });

type Order = components['schemas']['shop.v1.Order'];

async function works(): Promise<void> {
  const one = await shop.GET('/v1/customers/{customer}', { params: { path: { customer: 'bjorn' } } });
  equal(one.data?.displayName, 'Björn Lindqvist');

  const page = await shop.GET('/v1/customers/{customer}/orders', {
    params: { path: { customer: '-' }, query: { pageSize: 2, states: ['STATE_PAID', 'STATE_PACKED'] } },
  });
  const orders: readonly Order[] = page.data?.orders ?? [];
  equal(orders.length, 2);
  const next = await shop.GET('/v1/customers/{customer}/orders', {
    params: { path: { customer: '-' }, query: { pageSize: 2, pageToken: page.data?.nextPageToken ?? '' } },
  });
  equal(next.response.status, 200);

  const created = await shop.POST('/v1/customers/{customer}/orders', {
    params: { path: { customer: 'chiara' }, query: { validateOnly: true } },
    body: { items: [{ productId: 'espresso-cup', quantity: 6 }], labels: { channel: 'web' }, metadata: { visits: 3 } },
  });
  equal(created.data?.state, 'STATE_PENDING');

  const changed = await shop.PATCH('/v1/customers/{customer}/orders/{order}', {
    params: { path: { customer: 'ada', order: '5011' } },
    body: { giftWrap: true, shippingAddress: { city: 'Haarlem' } },
  });
  equal(changed.data?.shippingAddress?.city, 'Haarlem');

  const replaced = await shop.PUT('/v1/products/{product}', {
    params: { path: { product: 'cork-stool' } },
    // 64-bit numbers are text, or numbers that JavaScript can hold.
    body: {
      title: 'Cork stool',
      sku: 'FUR-0101',
      price: { currencyCode: 'EUR', units: 79 },
      stock: '9007199254740993',
    },
  });
  equal(replaced.data?.stock, '9007199254740993');

  const labels = await shop.PUT('/v1/customers/{customer}/orders/{order}/labels', {
    params: { path: { customer: 'ada', order: '5021' } },
    body: { channel: 'phone' },
  });
  deepEqual(labels.data, { channel: 'phone' });

  const report = await shop.GET('/v1/reports/revenue', { headers: { 'x-api-key': apiKey } });
  equal(typeof report.data?.orderCount, 'string');
  const addresses = await shop.GET('/v1/customers/{customer}/addresses', {
    params: { path: { customer: 'ines' } },
    headers: { authorization: `Bearer ${token}` },
  });
  equal(addresses.data?.[0]?.city, 'Lisboa');

  const events = await shop.GET('/v1/customers/{customer}/orders:watch', {
    params: { path: { customer: 'ada' }, query: { limit: 2 } },
  });
  equal(Array.isArray(events.data) ? events.data.length : 0, 2);

  const dashboard = await shop.GET('/v1/customers/{customer}/dashboard', { params: { path: { customer: 'ada' } } });
  equal(dashboard.data?.customer?.displayName, 'Ada Okafor');

  const missing = await shop.GET('/v1/customers/{customer}', { params: { path: { customer: 'nobody' } } });
  equal(missing.error?.code, 5);
}

/** These calls are wrong, so they must not compile. Nobody runs them. */
export async function doesNotCompile(): Promise<void> {
  // @ts-expect-error no such path
  await shop.GET('/v1/customer/{customer}', { params: { path: { customer: 'ada' } } });
  // @ts-expect-error the path variable is missing
  await shop.GET('/v1/customers/{customer}', {});
  // @ts-expect-error the path has no PUT
  await shop.PUT('/v1/customers/{customer}', { params: { path: { customer: 'ada' } } });
  // @ts-expect-error no such query parameter
  await shop.GET('/v1/customers', { params: { query: { size: 1 } } });
  // @ts-expect-error a number is expected
  await shop.GET('/v1/customers', { params: { query: { pageSize: 'many' } } });
  await shop.GET('/v1/customers/{customer}/orders', {
    // @ts-expect-error no such state
    params: { path: { customer: 'ada' }, query: { states: ['STATE_LOST'] } },
  });
  await shop.POST('/v1/customers/{customer}/orders', {
    params: { path: { customer: 'ada' } },
    // @ts-expect-error a number is expected
    body: { items: [{ productId: 'hammock', quantity: 'many' }] },
  });
  // openapi-fetch takes more fields than the type has, as TypeScript does for values that are not written in place. A typed
  // constant finds them.
  const order: components['schemas']['shop.v1.Order-Input'] = {
    // @ts-expect-error no such field
    items: [{ product: 'hammock' }],
  };
  const change: NonNullable<
    paths['/v1/customers/{customer}/orders/{order}']['patch']['requestBody']
  >['content']['application/json'] = {
    // @ts-expect-error the path gives the name, so the body does not
    name: 'customers/ada/orders/5011',
  };
  void [order, change];
  const { data } = await shop.GET('/v1/customers/{customer}', { params: { path: { customer: 'ada' } } });
  // @ts-expect-error a 64-bit number is text
  data?.loyaltyPoints?.toFixed();
}

await works();
console.log('the typed client works');
