/** The demo's services over gRPC, without a gateway: they must be right before a gateway in front of them can be. */
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import test, { type ExecutionContext } from 'ava';
import { loadProtos } from '../../src/demo/protos.js';
import { posixShell } from '../../src/demo/shell.js';
import { startShop } from '../../src/demo/shop.js';
import { tour } from '../../src/demo/tour.js';

type Answer = Record<string, unknown>;

/** Opens a fresh shop and returns a function that calls it. Both are closed when the test ends. */
async function open(t: ExecutionContext) {
  const shop = await startShop();
  const protos = await loadProtos();
  const clients = new Map(
    shop.upstreams.map(({ targets: [target = ''], services: [service = ''] }) => [
      service,
      new Client(target, credentials.createInsecure()),
    ]),
  );
  t.teardown(async () => {
    for (const client of clients.values()) client.close();
    await shop.close();
  });
  const call = (path: string, request: object) =>
    new Promise<Answer>((resolve, reject) => {
      const [service = '', name = ''] = `shop.v1.${path}`.split('/');
      const method = protos.service(service)[name];
      const client = clients.get(service);
      if (method === undefined || client === undefined) throw new Error(`no method ${path}`);
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error, answer) => (error === null ? resolve(answer as Answer) : reject(error)),
      );
    });
  /** Expects a failure. Returns its code, and its decoded details by type. */
  const refused = async (path: string, request: object) => {
    const error = await t.throwsAsync<ServiceError>(call(path, request) as Promise<never>);
    const [bytes] = error?.metadata.get('grpc-status-details-bin') ?? [];
    const { code, details } = protos.decode('google.rpc.Status', bytes as Buffer) as {
      code: number;
      details: { type_url: string; value: Buffer }[];
    };
    t.is(code, error?.code, 'the status in the details says the same code');
    return {
      code,
      message: error?.details,
      details: details.map((any) => {
        const type = any.type_url.slice('type.googleapis.com/'.length);
        return [type, protos.decode(type, any.value)] as const;
      }),
    };
  };
  return { shop, call, refused };
}

test('five services stand on servers of their own, and the catalog has three', async (t) => {
  const { shop } = await open(t);
  t.deepEqual(
    shop.upstreams.map(({ name, services }) => [name, services]),
    [
      ['customers', ['shop.v1.Customers']],
      ['orders', ['shop.v1.Orders']],
      ['catalog', ['shop.v1.Catalog']],
      ['analytics', ['shop.v1.Analytics']],
      ['support', ['shop.v1.Support']],
    ],
  );
  t.is(new Set(shop.upstreams.flatMap(({ targets }) => targets)).size, 7);
  t.deepEqual(shop.servers, ['customers', 'orders', 'catalog-1', 'catalog-2', 'catalog-3', 'analytics', 'support']);
});

test('one server of a service can be stopped, or all of them', async (t) => {
  const { shop } = await open(t);
  t.deepEqual([await shop.stop('catalog-2'), await shop.stop('catalog-2')], [true, false]);
  t.deepEqual([await shop.stop('catalog'), await shop.stop('catalog')], [true, false]);
  t.deepEqual(
    [await shop.start('catalog-3'), await shop.start('catalog'), await shop.start('catalog')],
    [true, true, false],
  );
  t.deepEqual([await shop.stop('nothing'), await shop.start('nothing')], [false, false]);
});

test('the data is the same in every run', async (t) => {
  const [one, two] = [await open(t), await open(t)];
  const request = { parent: 'customers/-', pageSize: 50 };
  t.deepEqual(await one.call('Orders/ListOrders', request), await two.call('Orders/ListOrders', request));
});

test('all pages together hold every order once', async (t) => {
  const { call } = await open(t);
  const names = new Set<string>();
  let pageToken = '';
  do {
    const page = await call('Orders/ListOrders', { parent: 'customers/-', pageSize: 7, pageToken });
    for (const { name } of page.orders as { name: string }[]) names.add(name);
    pageToken = page.nextPageToken as string;
  } while (pageToken !== '');
  t.is(names.size, 60);
});

test('an order answers to both of its names', async (t) => {
  const { call } = await open(t);
  const order = await call('Orders/GetOrder', { name: 'customers/ada/orders/5001' });
  t.deepEqual(await call('Orders/GetOrder', { name: 'orders/5001' }), order);
  t.is((order.tracking as { type_url: string }).type_url, 'type.googleapis.com/shop.v1.ParcelTracking');
});

test('a created order is priced, listed and counted', async (t) => {
  const { call } = await open(t);
  const before = await call('Analytics/GetRevenue', {});
  const items = [{ productId: 'espresso-cup', quantity: 2 }];
  const order = await call('Orders/CreateOrder', { parent: 'customers/ada', order: { items, giftCardCode: 'G1' } });
  // The total is 2 × 9.50, and 4.95 for delivery.
  t.deepEqual(order.total, { currencyCode: 'EUR', units: '23', nanos: 950_000_000 });
  const { orders } = await call('Orders/ListOrders', { parent: 'customers/ada', pageSize: 1 });
  t.deepEqual(orders, [order]);
  const after = await call('Analytics/GetRevenue', {});
  t.is(Number(after.orderCount), Number(before.orderCount) + 1);
});

test('an order that is only validated leaves no trace', async (t) => {
  const { call } = await open(t);
  const order = { items: [{ productId: 'hammock', quantity: 1 }] };
  const { name } = await call('Orders/CreateOrder', { parent: 'customers/ada', order, validateOnly: true });
  await t.throwsAsync(call('Orders/GetOrder', { name }));
});

test('an update changes what the mask names and nothing else', async (t) => {
  const { call } = await open(t);
  const name = 'customers/ada/orders/5011';
  const before = await call('Orders/GetOrder', { name });
  const order = { name, shippingAddress: { city: 'Haarlem' }, notes: ['not in the mask'], giftWrap: true };
  const updateMask = { paths: ['shipping_address.city', 'gift_wrap'] };
  const after = await call('Orders/UpdateOrder', { order, updateMask });
  t.deepEqual(after, {
    ...before,
    shippingAddress: { ...(before.shippingAddress as object), city: 'Haarlem' },
    giftWrap: true,
    updateTime: after.updateTime,
  });
});

test('a mask can clear an optional field', async (t) => {
  const { call } = await open(t);
  const customer = { name: 'customers/ada' };
  const after = await call('Customers/UpdateCustomer', { customer, updateMask: { paths: ['phone'] } });
  t.false('phone' in after);
});

test('a filter narrows by all of its fields', async (t) => {
  const { call } = await open(t);
  const filter = {
    categories: ['CATEGORY_KITCHEN'],
    price: { minUnits: 50 },
    inStock: { value: true },
    labels: { material: 'iron' },
  };
  const { products } = await call('Catalog/ListProducts', { filter, readMask: { paths: ['name'] } });
  t.deepEqual(
    (products as { name: string }[]).map(({ name }) => name),
    ['products/cast-iron-pot'],
  );
});

test('a file comes back as it went in', async (t) => {
  const { call } = await open(t);
  const content = { contentType: 'application/octet-stream', data: Buffer.from([0, 255, 10]) };
  await call('Catalog/UploadAsset', { path: 'a/b/c', content });
  const { contentType, data } = await call('Catalog/GetAsset', { path: 'a/b/c' });
  t.deepEqual({ contentType, data }, content);
});

test('a refusal says why in google.rpc details', async (t) => {
  const { refused } = await open(t);
  const gold = { items: [{ productId: 'gold-bar', quantity: 1 }] };
  const ada = { displayName: 'Ada', email: 'ada@example.com' };
  const update = { customer: { name: 'customers/ada' }, updateMask: { paths: ['__proto__.x'] } };
  const table: [path: string, request: object, code: number, details: string[], names: string][] = [
    [
      'Orders/CreateOrder',
      { parent: 'customers/ada', order: gold },
      status.INVALID_ARGUMENT,
      ['BadRequest'],
      'order.items[0].product_id',
    ],
    [
      'Orders/ListOrders',
      { parent: 'customers/-', pageToken: 'x' },
      status.INVALID_ARGUMENT,
      ['BadRequest'],
      'page_token',
    ],
    ['Customers/UpdateCustomer', update, status.INVALID_ARGUMENT, ['BadRequest'], '__proto__.x'],
    ['Customers/GetCustomer', { name: 'customers/nobody' }, status.NOT_FOUND, ['ResourceInfo'], 'customers/nobody'],
    [
      'Customers/CreateCustomer',
      { customer: ada },
      status.ALREADY_EXISTS,
      ['ErrorInfo', 'ResourceInfo'],
      'customers/ada',
    ],
    [
      'Customers/DeleteCustomer',
      { name: 'customers/ada' },
      status.FAILED_PRECONDITION,
      ['PreconditionFailure'],
      'OPEN_ORDER',
    ],
    [
      'Orders/CancelOrder',
      { name: 'customers/ada/orders/5051' },
      status.FAILED_PRECONDITION,
      ['PreconditionFailure'],
      'ORDER_STATE',
    ],
  ];
  for (const [path, request, code, types, names] of table) {
    const refusal = await refused(path, request);
    t.is(refusal.code, code, path);
    t.deepEqual(
      refusal.details.map(([type]) => type),
      types.map((type) => `google.rpc.${type}`),
      path,
    );
    t.true(JSON.stringify(refusal.details).includes(names), `${path}: ${JSON.stringify(refusal.details)}`);
  }
});

test('a closed shop accepts no connection', async (t) => {
  const { shop, call } = await open(t);
  await call('Customers/GetCustomer', { name: 'customers/ada' });
  await shop.close();
  const error = await t.throwsAsync<ServiceError>(
    call('Customers/GetCustomer', { name: 'customers/ada' }) as Promise<never>,
  );
  t.is(error?.code, status.UNAVAILABLE);
});

test('the tour has no two stops alike, and each is one line', (t) => {
  const stops = tour('http://127.0.0.1:1', posixShell);
  t.is(new Set(stops.map(({ title }) => title)).size, stops.length);
  t.is(new Set(stops.map(({ command }) => command)).size, stops.length);
  for (const { title, command } of stops) {
    t.regex(command, /^curl -s[^\n|]*'http:\/\/127\.0\.0\.1:1(?:\/mobile)?\/v1\/[^'\n]*'$/, title);
  }
});
