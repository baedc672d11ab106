import test from 'ava';
import { casesOf } from '../support/draws.js';
import { afterAll, startGateway } from '../support/gateway.js';
import type { Handlers, RecordedCall } from '../support/upstream.js';
import { DASHBOARD, ORDER_PAGE, page, pages } from './pages.js';

const shared = afterAll(test);

const name = (call: RecordedCall) => (call.request as { name: string }).name;
const product = (call: RecordedCall) => ({ message: { name: name(call), title: `Title of ${name(call)}` } });
const orders = (...products: readonly string[]) => ({
  message: { orders: products.map((id, i) => ({ name: `orders/${i + 1}`, product: `products/${id}` })) },
});

const HANDLERS: Handlers = {
  GetCustomer: { message: { name: 'customers/1', city: 'Ulm', points: '9007199254740993' } },
  ListOrders: orders('a', 'b', 'a'),
  GetProduct: product,
};

/** Requests a page. Returns its answer, and the calls that were made for it. */
async function ask(
  protos: Readonly<Record<string, string>>,
  handlers: Handlers = HANDLERS,
  target = '/v1/customers/1/page',
) {
  const { send, upstream } = await startGateway(shared, protos, handlers);
  const { status, json, headers } = await send('GET', target);
  const calls = upstream.calls.map(({ path, request }) => [path.split('/').at(-1), request]);
  return { status, json, headers, calls };
}

test('the dashboard aggregate has each product once, in the order of first use', async (t) => {
  const { status, json, headers, calls } = await ask(DASHBOARD);
  t.is(status, 200);
  t.deepEqual(json, {
    customer: { name: 'customers/1', city: 'Ulm', points: '9007199254740993' },
    orders: [
      { name: 'orders/1', product: 'products/a' },
      { name: 'orders/2', product: 'products/b' },
      { name: 'orders/3', product: 'products/a' },
    ],
    products: [
      { name: 'products/a', title: 'Title of products/a' },
      { name: 'products/b', title: 'Title of products/b' },
    ],
  });
  t.is(headers['x-protogate-partial'], undefined);
  t.deepEqual(calls, [
    ['GetCustomer', { name: 'customers/1' }],
    ['ListOrders', { parent: 'customers/1' }],
    ['GetProduct', { name: 'products/a' }],
    ['GetProduct', { name: 'products/b' }],
  ]);
});

test('the order page calls in batches, gives each line its product, and reports missing products as NOT_FOUND', async (t) => {
  const { json, headers, calls } = await ask(
    ORDER_PAGE,
    {
      GetOrder: {
        message: { name: 'orders/1', title: 'Big', items: ['a', 'b', 'c', 'a'].map((id) => ({ product_id: id })) },
      },
      BatchGetProducts: (call) => {
        const { names } = call.request as { names: string[] };
        const found = names.filter((one) => one !== 'products/b').reverse();
        return { message: { products: [{ name: 'products/z' }, ...found.map((one) => ({ name: one, title: one }))] } };
      },
    },
    '/v1/orders/1/page',
  );
  const line = (id: string) => ({
    item: { productId: id },
    product: { name: `products/${id}`, title: `products/${id}` },
  });
  t.deepEqual(json, {
    title: 'Big',
    lines: [line('a'), { item: { productId: 'b' } }, line('c'), line('a')],
    failures: [{ path: 'lines[1].product', code: 5, message: 'the called rpc returned no result for this element' }],
  });
  t.is(headers['x-protogate-partial'], 'lines[1].product');
  t.is(headers['cache-control'], 'no-store');
  t.deepEqual(calls.slice(1), [
    ['BatchGetProducts', { names: ['products/a', 'products/b'] }],
    ['BatchGetProducts', { names: ['products/c'] }],
  ]);
});

test('with: paths, numbers, enum values, true, texts and nested fields are one request', async (t) => {
  const { calls } = await ask(
    page(
      `steps: { into: "orders" call: "shop.v1.Orders/ListOrders" take: "orders"
                with: "parent = 'x/{request.customer}\\\\'s {request.size} {request.state} {request.detail}'" with: "page_size = 5"
                with: "filter.state = PAID" with: "filter.label = request.customer" }`,
      'repeated Order orders = 1;',
    ),
    HANDLERS,
    '/v1/customers/1/page?size=3&state=OPEN',
  );
  t.deepEqual(calls, [
    [
      'ListOrders',
      { parent: "x/customers/1's 3 OPEN false", page_size: 5, filter: { state: 'PAID', label: 'customers/1' } },
    ],
  ]);
});

test('with: a list goes into a list, an enum into an enum, a whole message into a message', async (t) => {
  const { calls } = await ask(
    page(
      `steps: { into: "products" call: "shop.v1.Catalog/BatchGetProducts" take: "products" with: "names = request.ids" with: "language = 'de'" }
       steps: { into: "again" call: "shop.v1.Catalog/BatchGetProducts" take: "products" with: "names = products.author" }
       steps: { into: "orders" call: "shop.v1.Orders/ListOrders" take: "orders" with: "filter = filter" with: "page_size = request.size" }
       steps: { into: "filter.state" copy: "request.state" }
       steps: { into: "filter.label" copy: "'all {request.state}'" }`,
      'repeated Product products = 1; repeated Product again = 2; repeated Order orders = 3; Filter filter = 4;',
    ),
    { BatchGetProducts: { message: { products: [{ author: 'x' }, {}, { author: 'y' }] } } },
    '/v1/customers/1/page?ids=a&ids=b&state=PAID',
  );
  t.deepEqual(calls.map((call) => JSON.stringify(call)).sort(), [
    JSON.stringify(['BatchGetProducts', { names: ['a', 'b'], language: 'de' }]),
    JSON.stringify(['BatchGetProducts', { names: ['x', 'y'] }]),
    JSON.stringify(['ListOrders', { filter: { state: 'PAID', label: 'all PAID' } }]),
  ]);
});

test('take: a scalar, a map, a message; a copy of each', async (t) => {
  const { json } = await ask(
    page(
      `steps: { name: "product" call: "shop.v1.Catalog/GetProduct" with: "name = 'products/1'" }
       steps: { into: "title" call: "shop.v1.Catalog/GetProduct" with: "name = 'products/1'" take: "title" }
       steps: { into: "labels" call: "shop.v1.Catalog/GetProduct" with: "name = 'products/1'" take: "labels" }
       steps: { into: "inner.whole" copy: "product" }
       steps: { into: "inner.labels" copy: "product.labels" }
       steps: { into: "inner.titles" copy: "product.title" }
       steps: { into: "points" copy: "customer.points" }
       steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
       steps: { into: "state" copy: "PAID" }
       steps: { into: "count" copy: "7" }`,
      'string title = 1; map<string, string> labels = 2; Inner inner = 3; Customer customer = 4; int64 points = 5; State state = 6; uint32 count = 7;',
      'message Inner { Product whole = 1; map<string, string> labels = 2; repeated string titles = 3; }',
    ),
    { ...HANDLERS, GetProduct: { message: { name: 'products/1', title: 'T', labels: { a: '1', b: '2' } } } },
  );
  const labels = { a: '1', b: '2' };
  t.deepEqual(json, {
    title: 'T',
    labels,
    inner: { whole: { name: 'products/1', title: 'T', labels }, labels, titles: ['T'] },
    customer: { name: 'customers/1', city: 'Ulm', points: '9007199254740993' },
    points: '9007199254740993',
    state: 'PAID',
    count: 7,
  });
});

const FEED = page(
  `steps: { into: "entries.order" call: "shop.v1.Orders/ListOrders" with: "parent = request.customer" take: "orders" }
   steps: { into: "entries.product" call: "shop.v1.Catalog/GetProduct" for_each: "entries" with: "name = each.order.product" max_items: 10 }
   steps: { into: "entries.lines.item" copy: "each.order.items" for_each: "entries" max_items: 10 }
   steps: { into: "entries.lines.product" call: "shop.v1.Catalog/GetProduct" for_each: "entries.lines" with: "name = 'products/{each.item.product_id}'" max_items: 20 }
   steps: { into: "entries.authors" call: "shop.v1.Customers/GetCustomer" for_each: "entries.lines" with: "name = each.product.author" when: "each.product.author" max_items: 20 }`,
  'repeated Entry entries = 1;',
  `message Entry { Order order = 1; Product product = 2; repeated Line lines = 3; repeated Customer authors = 4; }
   message Line { OrderItem item = 1; Product product = 2; }`,
);

test('for_each through lists of lists: each result goes into its own element, what is shared once into each list', async (t) => {
  const items = (...ids: readonly string[]) => ids.map((id) => ({ product_id: id }));
  const { json, calls } = await ask(FEED, {
    ListOrders: {
      message: {
        orders: [
          { name: 'orders/1', product: 'products/p', items: items('a', 'b') },
          { name: 'orders/2', product: 'products/q', items: [] },
          { name: 'orders/3', product: 'products/p', items: items('b', 'a', 'b') },
        ],
      },
    },
    GetProduct: (call) => ({ message: { name: name(call), author: name(call) === 'products/a' ? 'customers/x' : '' } }),
    GetCustomer: (call) => ({ message: { name: name(call) } }),
  });
  const line = (id: string) => ({
    item: { productId: id },
    product: id === 'a' ? { name: 'products/a', author: 'customers/x' } : { name: `products/${id}` },
  });
  t.deepEqual(json, {
    entries: [
      {
        order: { name: 'orders/1', product: 'products/p', items: [{ productId: 'a' }, { productId: 'b' }] },
        product: { name: 'products/p' },
        lines: [line('a'), line('b')],
        authors: [{ name: 'customers/x' }],
      },
      { order: { name: 'orders/2', product: 'products/q' }, product: { name: 'products/q' } },
      {
        order: {
          name: 'orders/3',
          product: 'products/p',
          items: [{ productId: 'b' }, { productId: 'a' }, { productId: 'b' }],
        },
        product: { name: 'products/p' },
        lines: [line('b'), line('a'), line('b')],
        authors: [{ name: 'customers/x' }],
      },
    ],
  });
  const count = (method: string) => calls.filter(([called]) => called === method).length;
  t.deepEqual([count('ListOrders'), count('GetProduct'), count('GetCustomer')], [1, 4, 1]);
});

test('several steps make one list: in the order in which they are written, whoever answers first', async (t) => {
  const protos = page(
    `steps: { into: "results.order" call: "shop.v1.Orders/ListOrders" with: "parent = request.customer" take: "orders" }
     steps: { into: "results.product" call: "shop.v1.Catalog/BatchGetProducts" with: "names = request.ids" take: "products" }
     steps: { into: "results.order" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/9'" }
     steps: { into: "results.customer" call: "shop.v1.Customers/GetCustomer" for_each: "results" when: "each.order" with: "name = each.order.product" max_items: 9 }`,
    'repeated Result results = 1;',
    'message Result { oneof kind { Order order = 1; Product product = 2; } Customer customer = 3; }',
  );
  const { json } = await ask(protos, {
    ListOrders: { ...orders('a'), delayMs: 60 },
    BatchGetProducts: { message: { products: [{ name: 'products/1' }, { name: 'products/2' }] }, delayMs: 30 },
    GetOrder: { message: { name: 'orders/9' } },
    GetCustomer: (call) => ({ message: { name: name(call), city: 'Ulm' } }),
  });
  t.deepEqual(json, {
    results: [
      { order: { name: 'orders/1', product: 'products/a' }, customer: { name: 'products/a', city: 'Ulm' } },
      { product: { name: 'products/1' } },
      { product: { name: 'products/2' } },
      { order: { name: 'orders/9' }, customer: { city: 'Ulm' } },
    ],
  });
});

test('into a message that another step brings: a single field is replaced, a list goes on', async (t) => {
  const { json } = await ask(
    page(
      `steps: { into: "customer.city" call: "shop.v1.Customers/GetCustomer" with: "name = 'customers/2'" take: "city" }
       steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
       steps: { into: "order" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" }
       steps: { into: "order.items" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/2'" take: "items" }`,
      'Customer customer = 1; Order order = 2;',
    ),
    {
      GetCustomer: (call) => ({ message: { name: name(call), city: `City of ${name(call)}`, points: '5' } }),
      GetOrder: (call) => ({ message: { name: name(call), items: [{ product_id: name(call) }], state: 'PAID' } }),
    },
  );
  t.deepEqual(json, {
    customer: { name: 'customers/1', city: 'City of customers/2', points: '5' },
    order: { name: 'orders/1', items: [{ productId: 'orders/1' }, { productId: 'orders/2' }], state: 'PAID' },
  });
});

test('when: unset or default, no call and no failure', async (t) => {
  const protos = page(
    `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" when: "request.detail" }
     steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = customer.name" take: "orders" when: "customer" }
     steps: { into: "products" call: "shop.v1.Catalog/BatchGetProducts" with: "names = request.ids" take: "products" when: "request.ids" }`,
    'Customer customer = 1; repeated Order orders = 2; repeated Product products = 3;',
  );
  const { send, upstream } = await startGateway(shared, protos, HANDLERS);
  const called = async (query: string) => {
    upstream.calls.length = 0;
    const { status, headers } = await send('GET', `/v1/customers/1/page${query}`);
    t.is(status, 200);
    t.is(headers['x-protogate-partial'], undefined);
    return upstream.calls.map(({ path }) => path.split('/').at(-1));
  };
  t.deepEqual(await called(''), []);
  t.deepEqual(await called('?detail=false'), []);
  t.deepEqual(await called('?detail=true'), ['GetCustomer', 'ListOrders']);
  t.deepEqual(await called('?ids=x'), ['BatchGetProducts']);
});

test('for_each over a list of the request, a named list, an empty list', async (t) => {
  const { json, calls } = await ask(
    page(
      `steps: { name: "found" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = 'products/{each}'" max_items: 5 }
       steps: { into: "titles" copy: "found.title" }
       steps: { into: "authors" call: "shop.v1.Customers/GetCustomer" for_each: "found" with: "name = each.title" max_items: 5 }
       steps: { into: "none" call: "shop.v1.Customers/GetCustomer" for_each: "customer_less.items" with: "name = each.product_id" max_items: 5 }
       steps: { name: "customer_less" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" }`,
      'repeated string titles = 1; repeated Customer authors = 2; repeated Customer none = 3;',
    ),
    { GetProduct: product, GetCustomer: (call) => ({ message: { name: name(call) } }) },
    '/v1/customers/1/page?ids=a&ids=b&ids=a',
  );
  t.deepEqual(json, {
    titles: ['Title of products/a', 'Title of products/b'],
    authors: [{ name: 'Title of products/a' }, { name: 'Title of products/b' }],
  });
  t.is(calls.length, 5);
});

test('$fields and response_body: only steps whose fields are requested, or that these need, are called', async (t) => {
  const protos = pages(`
service Pages {
  rpc GetPage(GetPageRequest) returns (Page) {
    option (google.api.http) = {
      get: "/v1/{customer=customers/*}/page"
      additional_bindings: { get: "/v1/{customer=customers/*}/page/orders" response_body: "orders" }
      additional_bindings: { get: "/v1/{customer=customers/*}/page/inner" response_body: "inner" }
    };
    option (protogate.v1.aggregate) = {
      steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
      steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = request.customer" take: "orders" }
      steps: { into: "inner.products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" max_items: 9 }
      steps: { into: "inner.title" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" take: "title" }
    };
  }
}
message GetPageRequest { string customer = 1; }
message Page { Customer customer = 1; repeated Order orders = 2; Inner inner = 3; }
message Inner { repeated Product products = 1; string title = 2; }`);
  const { send, upstream } = await startGateway(shared, protos, { ...HANDLERS, GetOrder: { message: { title: 'T' } } });
  const cases: readonly (readonly [target: string, called: readonly string[]])[] = [
    ['page?$fields=customer', ['GetCustomer']],
    ['page?$fields=customer.city,inner.title', ['GetCustomer', 'GetOrder']],
    ['page?$fields=inner.products.title', ['ListOrders', 'GetProduct', 'GetProduct']],
    ['page?$fields=inner', ['GetOrder', 'ListOrders', 'GetProduct', 'GetProduct']],
    ['page?$fields=*', ['GetCustomer', 'GetOrder', 'ListOrders', 'GetProduct', 'GetProduct']],
    ['page/orders', ['ListOrders']],
    ['page/inner?$fields=title', ['GetOrder']],
    ['page/orders?$fields=nothing', []],
  ];
  for (const [target, expected] of cases) {
    upstream.calls.length = 0;
    const { status } = await send('GET', `/v1/customers/1/${target}`);
    t.is(status, target.includes('nothing') ? 400 : 200, target);
    t.deepEqual(upstream.calls.map(({ path }) => path.split('/').at(-1)).sort(), [...expected].sort(), target);
  }
});

test('concurrency: so many calls at once and no more', async (t) => {
  let running = 0;
  let most = 0;
  const protos = page(
    `steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = each" max_items: 20 concurrency: 3 }`,
    'repeated Product products = 1;',
  );
  const { json } = await ask(
    protos,
    {
      GetProduct: async (call) => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        running--;
        return product(call);
      },
    },
    `/v1/customers/1/page?${Array.from({ length: 10 }, (_, i) => `ids=${i}`).join('&')}`,
  );
  t.is(json.products.length, 10);
  t.is(most, 3);
});

test('the same input with shuffled latencies gives the same bytes, however often', async (t) => {
  const seeded = (seed: number) => () => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 2147483648;
  };
  const random = seeded(7);
  const shuffled = (reply: (call: RecordedCall) => object) => (call: RecordedCall) => ({
    ...reply(call),
    delayMs: Math.floor(random() * 4),
  });
  const { send } = await startGateway(shared, DASHBOARD, {
    GetCustomer: shuffled(() => ({ message: { name: 'customers/1' } })),
    ListOrders: shuffled(() => orders('a', 'b', 'c', 'd', 'a', 'e')),
    GetProduct: shuffled((call) =>
      'bd'.includes(name(call).at(-1)!)
        ? { status: { code: name(call).endsWith('b') ? 5 : 7, message: name(call) } }
        : product(call),
    ),
  });
  const answers = new Set<string>();
  for (let round = 0; round < casesOf(50); round++) {
    const batch = await Promise.all(Array.from({ length: 20 }, () => send('GET', '/v1/customers/1/page')));
    for (const { text, headers } of batch) answers.add(`${headers['x-protogate-partial']} ${text}`);
  }
  t.is(answers.size, 1);
  t.true([...answers][0]!.startsWith('products {'));
});
