/** The answers of aggregates when a part fails, in every way that a part can. */
import { connect } from 'node:net';
import test from 'ava';
import { afterAll, startGateway } from '../support/gateway.js';
import { until } from '../support/until.js';
import { type Handler, type Handlers, type RecordedCall, startUpstream } from '../support/upstream.js';
import { ORDER_PAGE, page, pages } from './pages.js';

const shared = afterAll(test);

const name = (call: RecordedCall) => (call.request as { name: string }).name;
const GARBAGE = new Uint8Array([0x0a, 0x05, 0x61]);

/** Returns two steps: one that may be optional, and one that always succeeds. */
const steps = (optional: boolean, timeout = '') =>
  page(
    `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
     steps: { into: "order" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" ${timeout}${optional ? ' optional: true' : ''} }
     steps: { into: "title" copy: "order.title"${optional ? ' optional: true' : ''} }`,
    'Customer customer = 1; Order order = 2; string title = 3; repeated protogate.v1.PartFailure failures = 4;',
  );

const FINE: Handlers = {
  GetCustomer: { message: { name: 'customers/1' } },
  GetOrder: { message: { name: 'orders/1', title: 'Big' } },
};

interface Way {
  readonly way: string;
  readonly handler: Handler;
  /** The timeout of the step. */
  readonly timeout?: string;
  readonly status: number;
  readonly code: number;
  readonly message: RegExp;
}

const WAYS: readonly Way[] = [
  {
    way: 'fails with words for the client',
    handler: { status: { code: 5, message: 'no such order' } },
    status: 404,
    code: 5,
    message: /^no such order$/,
  },
  {
    way: 'fails with words for nobody',
    handler: { status: { code: 13, message: 'db at 10.0.0.7 is down' } },
    status: 500,
    code: 13,
    message: /^the service failed \(request id /,
  },
  {
    way: 'is not there',
    handler: { status: { code: 14, message: 'no' } },
    status: 503,
    code: 14,
    message: /^the service is unavailable \(/,
  },
  {
    way: 'hangs',
    handler: { hang: true },
    timeout: 'timeout: { seconds: 2 }',
    status: 504,
    code: 4,
    message: /^the service did not answer in time \(/,
  },
  { way: 'answers garbage', handler: { message: GARBAGE }, status: 502, code: 13, message: /^the service failed \(/ },
  {
    way: 'answers invalid UTF-8',
    handler: { message: new Uint8Array([0x0a, 1, 0xff]) },
    status: 502,
    code: 13,
    message: /^the service failed \(/,
  },
  {
    way: 'is cancelled by the upstream',
    handler: { status: { code: 1, message: 'I give up' } },
    status: 499,
    code: 1,
    message: /cancelled/,
  },
  {
    way: 'ends without an answer',
    handler: { messages: [] },
    status: 502,
    code: 13,
    message: /^the service failed \(/,
  },
];

for (const { way, handler, timeout, status, code, message } of WAYS) {
  test(`a required step that ${way} is the answer`, async (t) => {
    const { send } = await startGateway(shared, steps(false, timeout), { ...FINE, GetOrder: handler });
    const answer = await send('GET', '/v1/customers/1/page');
    t.is(answer.status, status, answer.text);
    t.is(answer.json.code, code);
    t.regex(answer.json.message, message);
    t.is(answer.headers['x-protogate-partial'], undefined);
  });

  test(`an optional step that ${way} is a part that is missing, and so is what reads it`, async (t) => {
    const { send, logged } = await startGateway(shared, steps(true, timeout), { ...FINE, GetOrder: handler });
    const { status: got, json, headers } = await send('GET', '/v1/customers/1/page');
    t.is(got, 200);
    t.deepEqual(json.customer, { name: 'customers/1' });
    t.is(json.order, undefined);
    t.is(json.title, undefined);
    t.deepEqual(
      json.failures.map((part: { path: string; code: number }) => [part.path, part.code]),
      [
        ['order', code],
        ['title', code],
      ],
    );
    t.regex(json.failures[0].message, message);
    t.is(json.failures[1].message, 'not called, because a part that this step needs is missing');
    t.is(headers['x-protogate-partial'], 'order, title');
    t.is(headers['cache-control'], 'no-store');
    t.is(logged().find(({ msg }) => msg === 'request')?.partial, 'order, title');
  });
}

test('a required step’s failure cancels the others at once', async (t) => {
  const { send, upstream } = await startGateway(shared, steps(false), { GetCustomer: { hang: true } });
  const hangs = () => upstream.calls.some(({ path }) => path.endsWith('GetCustomer'));
  upstream.script('GetOrder', async () => {
    await until(hangs, 'a call that hangs');
    return { status: { code: 5, message: 'no' } };
  });
  const { status } = await send('GET', '/v1/customers/1/page');
  t.is(status, 404);
  await upstream.calls.find(({ path }) => path.endsWith('GetCustomer'))!.whenCancelled;
});

test('the client leaves: every call is cancelled, and no other begins', async (t) => {
  const { port, upstream } = await startGateway(
    shared,
    page(
      `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" optional: true }
       steps: { into: "order" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" }
       steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = each" max_items: 20 concurrency: 2 optional: true }`,
      'Customer customer = 1; Order order = 2; repeated Product products = 3;',
    ),
    { GetCustomer: { hang: true }, GetOrder: { hang: true }, GetProduct: { hang: true } },
  );
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /v1/customers/1/page?ids=a&ids=b&ids=c&ids=d HTTP/1.1\r\nHost: x\r\n\r\n');
  await until(() => upstream.calls.length === 4);
  socket.destroy();
  await Promise.all(upstream.calls.map(({ whenCancelled }) => whenCancelled));
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(upstream.calls.length, 4);
});

test('the client’s own deadline ends all of it', async (t) => {
  const { send, upstream } = await startGateway(shared, steps(false), {
    GetCustomer: { hang: true },
    GetOrder: { hang: true },
  });
  const { status } = await send('GET', '/v1/customers/1/page', { headers: { 'x-request-timeout': '0.1' } });
  t.is(status, 504);
  await Promise.all(upstream.calls.map(({ whenCancelled }) => whenCancelled));
});

test('if every call failed, the first step’s failure is the answer, whichever came first', async (t) => {
  const { send } = await startGateway(
    shared,
    page(
      `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" optional: true }
       steps: { into: "order" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" optional: true }`,
      'Customer customer = 1; Order order = 2;',
    ),
    {
      GetCustomer: { status: { code: 5, message: 'first' }, delayMs: 60 },
      GetOrder: { status: { code: 7, message: 'second' } },
    },
  );
  const { status, json } = await send('GET', '/v1/customers/1/page');
  t.is(status, 404);
  t.is(json.message, 'first');
});

test('single elements: what failed is named by its place, the others are there', async (t) => {
  const protos = page(
    `steps: { into: "lines.item" call: "shop.v1.Orders/GetOrder" with: "name = 'orders/1'" take: "items" }
     steps: { into: "lines.product" call: "shop.v1.Catalog/GetProduct" for_each: "lines" with: "name = 'products/{each.item.product_id}'" max_items: 9 optional: true }
     steps: { into: "lines.author" call: "shop.v1.Customers/GetCustomer" for_each: "lines" with: "name = each.product.author" max_items: 9 optional: true }`,
    'repeated Line lines = 1; repeated protogate.v1.PartFailure failures = 2;',
    'message Line { OrderItem item = 1; Product product = 2; Customer author = 3; }',
  );
  const { send, upstream } = await startGateway(shared, protos, {
    GetOrder: { message: { items: ['a', 'b', 'c', 'b'].map((id) => ({ product_id: id })) } },
    GetProduct: (call) =>
      name(call) === 'products/b'
        ? { message: GARBAGE }
        : { message: { name: name(call), author: `customers/${name(call).at(-1)}` } },
    GetCustomer: (call) => ({ message: { name: name(call) } }),
  });
  const { json, headers } = await send('GET', '/v1/customers/1/page');
  t.deepEqual(
    json.lines.map((line: { product?: { name: string }; author?: { name: string } }) => [
      line.product?.name,
      line.author?.name,
    ]),
    [
      ['products/a', 'customers/a'],
      [undefined, undefined],
      ['products/c', 'customers/c'],
      [undefined, undefined],
    ],
  );
  t.is(headers['x-protogate-partial'], 'lines[1].product, lines[3].product, lines[1].author, lines[3].author');
  t.is(json.failures.length, 4);
  t.is(upstream.calls.filter(({ path }) => path.endsWith('GetCustomer')).length, 2);
});

test('a batch that fails is missing for its elements, the other batches are there', async (t) => {
  const { send } = await startGateway(shared, ORDER_PAGE, {
    GetOrder: { message: { items: ['a', 'b', 'c', 'd', 'e'].map((id) => ({ product_id: id })) } },
    BatchGetProducts: (call) => {
      const { names } = call.request as { names: string[] };
      if (names.includes('products/c')) return { status: { code: 14, message: 'no' } };
      return { message: { products: names.map((one) => ({ name: one })) } };
    },
  });
  const { json, headers } = await send('GET', '/v1/orders/1/page');
  t.is(headers['x-protogate-partial'], 'lines[2].product, lines[3].product');
  t.deepEqual(
    json.lines.map((line: { product?: { name: string } }) => line.product?.name),
    ['products/a', 'products/b', undefined, undefined, 'products/e'],
  );
});

test('a required batch: a result that is missing is NOT_FOUND, the answer', async (t) => {
  const required = Object.fromEntries(
    Object.entries(ORDER_PAGE).map(([file, text]) => [
      file,
      text.replace('max_items: 100 optional: true', 'max_items: 100'),
    ]),
  );
  const { send } = await startGateway(shared, required, {
    GetOrder: { message: { items: [{ product_id: 'a' }] } },
    BatchGetProducts: { message: {} },
  });
  t.is((await send('GET', '/v1/orders/1/page')).status, 404);
});

for (const optional of [false, true]) {
  test(`beyond max_items ${optional ? 'an optional step is a part that is missing' : 'a required step is OUT_OF_RANGE'}, and nothing is called`, async (t) => {
    const protos = page(
      `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
       steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = each" max_items: 2${optional ? ' optional: true' : ''} }`,
      'Customer customer = 1; repeated Product products = 2; repeated protogate.v1.PartFailure failures = 3;',
    );
    const { send, upstream } = await startGateway(shared, protos, FINE);
    const { status, json, headers } = await send('GET', '/v1/customers/1/page?ids=a&ids=b&ids=c');
    t.is(status, optional ? 200 : 400);
    const failure = optional ? json.failures[0] : json;
    t.is(failure.code, 11);
    t.is(headers['retry-after'], undefined);
    if (!optional)
      t.deepEqual(
        failure.details.map((detail: { reason?: string }) => detail.reason),
        ['TOO_MANY_ITEMS'],
      );
    t.is(failure.message, 'products: expected at most 2 items, got 3');
    t.false(upstream.calls.some(({ path }) => path.endsWith('GetProduct')));
    t.is((await send('GET', '/v1/customers/1/page?ids=a&ids=b')).status, 200);
  });
}

test('a for_each over a list fails if all steps that fill the list failed, and runs if one of them succeeded', async (t) => {
  const protos = page(
    `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
     steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = 'a'" take: "orders" optional: true }
     steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = 'b'" take: "orders" optional: true }
     steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" max_items: 9 optional: true }`,
    'Customer customer = 1; repeated Order orders = 2; repeated Product products = 3; repeated protogate.v1.PartFailure failures = 4;',
  );
  const down: Handler = { status: { code: 14, message: 'no' } };
  const { send, upstream } = await startGateway(shared, protos, {
    ...FINE,
    ListOrders: down,
    GetProduct: (call) => ({ message: { name: name(call) } }),
  });
  t.is((await send('GET', '/v1/customers/1/page')).headers['x-protogate-partial'], 'orders, products');
  upstream.script('ListOrders', (call) =>
    (call.request as { parent: string }).parent === 'b' ? { message: { orders: [{ product: 'products/1' }] } } : down,
  );
  const { json, headers } = await send('GET', '/v1/customers/1/page');
  t.is(headers['x-protogate-partial'], 'orders');
  t.deepEqual(json.products, [{ name: 'products/1' }]);
});

test('everything that the steps bring together is bounded', async (t) => {
  const { send } = await startGateway(
    shared,
    page(
      `steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = each" max_items: 20 }`,
      'repeated Product products = 1;',
    ),
    { GetProduct: { message: { title: 'x'.repeat(60_000) } } },
    { limits: { responseBytes: '100KiB' } },
  );
  t.is((await send('GET', '/v1/customers/1/page?ids=a')).status, 200);
  t.is((await send('GET', '/v1/customers/1/page?ids=a&ids=b')).status, 502);
});

test('a step whose upstream cannot be reached is a part like any other', async (t) => {
  const protos = steps(true);
  const customers = await startUpstream(protos, FINE);
  shared.teardown(customers.close);
  const { send } = await startGateway(shared, protos, FINE, {
    upstreams: {
      up: { target: customers.target, services: ['shop.v1.Customers'] },
      down: { target: '127.0.0.1:1', services: ['*'] },
    },
  });
  const { status, json } = await send('GET', '/v1/customers/1/page');
  t.is(status, 200);
  t.deepEqual(
    json.failures.map(({ path, code }: { path: string; code: number }) => [path, code]),
    [
      ['order', 14],
      ['title', 14],
    ],
  );
});

test('the header names parts up to 4 KiB, the body all of them', async (t) => {
  const protos = pages(`
service Pages {
  rpc GetPage(GetPageRequest) returns (Page) {
    option (google.api.http) = { post: "/v1/page" body: "*" };
    option (protogate.v1.aggregate) = {
      max_calls: 1000
      steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = 'customers/1'" }
      steps: { into: "lines.item" copy: "request.items" }
      steps: { into: "lines.product" call: "shop.v1.Catalog/GetProduct" for_each: "lines" with: "name = each.item.product_id" max_items: 500 optional: true }
    };
  }
}
message GetPageRequest { repeated OrderItem items = 1; }
message Page { Customer customer = 1; repeated Line lines = 2; repeated protogate.v1.PartFailure failures = 3; }
message Line { OrderItem item = 1; Product product = 2; }`);
  const { send } = await startGateway(shared, protos, {
    ...FINE,
    GetProduct: (call) => (name(call) === '0' ? { message: {} } : { status: { code: 5, message: 'no' } }),
  });
  const items = Array.from({ length: 500 }, (_, i) => ({ productId: String(i) }));
  const { status, json, headers } = await send('POST', '/v1/page', { body: { items } });
  t.is(status, 200);
  t.is(json.failures.length, 499);
  const partial = String(headers['x-protogate-partial']);
  t.true(partial.length <= 4096 + 5 && partial.endsWith(', ...'), String(partial.length));
});

const LINES = (step: string, more = '', fields = '') =>
  pages(`
service Pages {
  rpc GetPage(GetPageRequest) returns (Page) {
    option (google.api.http) = {
      post: "/v1/page" body: "*"
      additional_bindings: { post: "/v1/lines" body: "*" response_body: "order_lines" }
      additional_bindings: { post: "/v1/inner" body: "*" response_body: "inner_page" }
    };
    option (protogate.v1.aggregate) = {
      max_calls: 1000
      steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = 'customers/1'" }
      steps: { into: "order_lines.item" copy: "request.items" }
      ${step}
      ${more}
    };
  }
}
message GetPageRequest { repeated OrderItem items = 1; }
message Page {
  Customer customer = 1; repeated Line order_lines = 2; Inner inner_page = 3; repeated Product all_products = 4;
  repeated protogate.v1.PartFailure failures = 9; ${fields}
}
message Inner { Product best_product = 1; Product next_product = 2; }
message Line { OrderItem item = 1; Product product_info = 2; Customer by_whom = 3; }`);

const BATCH =
  'steps: { into: "order_lines.product_info" call: "shop.v1.Catalog/BatchGetProducts" for_each: "order_lines" with: "names = each.item.product_id" take: "products" key: "name" batch_size: 100 max_items: 500 optional: true }';
const EACH =
  'steps: { into: "order_lines.product_info" call: "shop.v1.Catalog/GetProduct" for_each: "order_lines" with: "name = each.item.product_id" max_items: 500 optional: true }';
const BY_WHOM =
  'steps: { into: "order_lines.by_whom" call: "shop.v1.Customers/GetCustomer" for_each: "order_lines" with: "name = each.product_info.author" max_items: 200 optional: true }';
const someItems = (count: number) => ({
  body: { items: Array.from({ length: count }, (_, i) => ({ productId: `p${i}` })) },
});
const DOWN: Handler = { status: { code: 14, message: 'down' } };
const told = (failures: readonly { path: string; code: number }[] = []) =>
  failures.map(({ path, code }) => [path, code]);

test('a step that fails for all its elements fails once, and so does what hangs on it', async (t) => {
  for (const step of [BATCH, EACH]) {
    const { send } = await startGateway(shared, LINES(step, BY_WHOM), {
      ...FINE,
      BatchGetProducts: DOWN,
      GetProduct: DOWN,
    });
    const { json, headers, text } = await send('POST', '/v1/page', someItems(150));
    t.deepEqual(told(json.failures), [
      ['orderLines.productInfo', 14],
      ['orderLines.byWhom', 14],
    ]);
    t.is(headers['x-protogate-partial'], 'orderLines.productInfo, orderLines.byWhom');
    t.is(json.orderLines.length, 150);
    t.true(text.length < 10_000);
    const one = await send('POST', '/v1/page', someItems(1));
    t.deepEqual(told(one.json.failures), [
      ['orderLines[0].productInfo', 14],
      ['orderLines[0].byWhom', 14],
    ]);
  }
});

test('elements with different failures, or of which some succeed, are reported one by one', async (t) => {
  const { send, upstream } = await startGateway(shared, LINES(EACH), {
    ...FINE,
    GetProduct: (call) => (name(call) === 'p1' ? DOWN : { status: { code: 5, message: `no ${name(call)}` } }),
  });
  const answer = () => send('POST', '/v1/page', someItems(3)).then(({ json }) => told(json.failures));
  t.deepEqual(await answer(), [
    ['orderLines[0].productInfo', 5],
    ['orderLines[1].productInfo', 14],
    ['orderLines[2].productInfo', 5],
  ]);
  upstream.script('GetProduct', (call) => (name(call) === 'p1' ? { message: {} } : DOWN));
  t.deepEqual(await answer(), [
    ['orderLines[0].productInfo', 14],
    ['orderLines[2].productInfo', 14],
  ]);
});

test('paths of failures are those of the JSON that the client gets', async (t) => {
  const steps = `${EACH}
      steps: { into: "inner_page.best_product" call: "shop.v1.Catalog/GetProduct" with: "name = 'p1'" optional: true }
      steps: { into: "inner_page.next_product" call: "shop.v1.Catalog/GetProduct" with: "name = 'p2'" }`;
  const handlers: Handlers = {
    ...FINE,
    GetProduct: (call) => (name(call) === 'p1' ? DOWN : { message: { name: name(call) } }),
  };
  const camel = await startGateway(shared, LINES(steps), handlers);
  const partial = async (gateway: typeof camel, path: string) =>
    (await gateway.send('POST', path, someItems(3))).headers['x-protogate-partial'];
  t.is(await partial(camel, '/v1/page'), 'orderLines[1].productInfo, innerPage.bestProduct');
  t.is(await partial(camel, '/v1/lines'), '[1].productInfo');
  t.is(await partial(camel, '/v1/inner'), 'bestProduct');
  const asDeclared = await startGateway(shared, LINES(steps), handlers, { json: { protoNames: true } });
  t.is(await partial(asDeclared, '/v1/page'), 'order_lines[1].product_info, inner_page.best_product');
});

test('a name beside into tells steps apart that fill one list: in failures, the header and the metric', async (t) => {
  const step = (label: string, id: string) =>
    `steps: { name: "${label}" into: "all_products" call: "shop.v1.Catalog/BatchGetProducts" with: "language = '${id}'" take: "products" optional: true }`;
  const { send, gateway } = await startGateway(shared, LINES(step('ours', 'a'), step('theirs', 'b')), {
    ...FINE,
    BatchGetProducts: (call) =>
      (call.request as { language: string }).language === 'a' ? { message: { products: [{ name: 'a' }] } } : DOWN,
  });
  const { json, headers } = await send('POST', '/v1/page', someItems(0));
  t.deepEqual(json.allProducts, [{ name: 'a' }]);
  t.deepEqual(told(json.failures), [['theirs', 14]]);
  t.is(headers['x-protogate-partial'], 'theirs');
  const metrics = await gateway.metrics.registry.metrics();
  for (const [part, outcome] of [
    ['ours', 'ok'],
    ['theirs', 'failed'],
  ]) {
    t.true(
      metrics.includes(`_count{aggregate="shop.v1.Pages/GetPage",part="${part}",outcome="${outcome}"} 1`),
      metrics,
    );
  }
});

test('a message around a part that is missing is not there either, unless something of it is', async (t) => {
  const inner = (field: string, id: string) =>
    `steps: { into: "inner_page.${field}" call: "shop.v1.Catalog/GetProduct" with: "name = '${id}'" optional: true }`;
  const whole = 'steps: { into: "all_products" copy: "inner_page.best_product" optional: true }';
  const { send } = await startGateway(
    shared,
    LINES(inner('best_product', 'p1'), `${inner('next_product', 'p2')} ${whole}`),
    { ...FINE, GetProduct: (call) => (name(call) === 'p1' ? DOWN : { message: { name: name(call) } }) },
  );
  const { json } = await send('POST', '/v1/page?$fields=customer,innerPage.bestProduct,failures', someItems(0));
  t.deepEqual(json.innerPage, undefined);
  t.deepEqual(told(json.failures), [['innerPage.bestProduct', 14]]);
  const all = await send('POST', '/v1/page', someItems(0));
  t.deepEqual(all.json.innerPage, { nextProduct: { name: 'p2' } });
  t.deepEqual(told(all.json.failures), [
    ['innerPage.bestProduct', 14],
    ['allProducts', 14],
  ]);
});

test('of a message that is missing, what another step put into it is there, and nothing else is read', async (t) => {
  const steps = (first: number) => {
    const all = [
      `steps: { into: "inner_page.best_product" call: "shop.v1.Catalog/GetProduct" with: "name = 'p1'" optional: true }`,
      `steps: { into: "inner_page.best_product.title" copy: "'T'" }`,
      `steps: { into: "by_author" call: "shop.v1.Customers/GetCustomer" with: "name = inner_page.best_product.author" optional: true }`,
      `steps: { into: "by_title" call: "shop.v1.Customers/GetCustomer" with: "name = inner_page.best_product.title" optional: true }`,
    ];
    return [...all.slice(first), ...all.slice(0, first)].join('\n');
  };
  for (const first of [0, 1, 2, 3]) {
    const { send, upstream } = await startGateway(
      shared,
      LINES(steps(first), '', 'Customer by_author = 5; Customer by_title = 6;'),
      { GetCustomer: (call) => ({ message: { name: name(call) } }), GetProduct: DOWN },
    );
    const { json } = await send('POST', '/v1/page', someItems(0));
    t.deepEqual(json.innerPage, { bestProduct: { title: 'T' } });
    t.deepEqual([json.byTitle, json.byAuthor], [{ name: 'T' }, undefined]);
    t.deepEqual(told(json.failures).sort(), [
      ['byAuthor', 14],
      ['innerPage.bestProduct', 14],
    ]);
    t.deepEqual(
      upstream.calls
        .filter(({ path }) => path.endsWith('GetCustomer'))
        .map(name)
        .sort(),
      ['T', 'customers/1'],
    );
  }
});

test('a list whose steps all failed reports the failure of the step that is declared first', async (t) => {
  const protos = page(
    `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
     steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = 'a'" take: "orders" optional: true }
     steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = 'b'" take: "orders" optional: true }
     steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" max_items: 9 optional: true }`,
    'Customer customer = 1; repeated Order orders = 2; repeated Product products = 3; repeated protogate.v1.PartFailure failures = 4;',
  );
  const { send, upstream } = await startGateway(shared, protos, FINE);
  for (const slow of ['a', 'b']) {
    upstream.script('ListOrders', (call) => {
      const { parent } = call.request as { parent: string };
      return { status: { code: parent === 'a' ? 14 : 5, message: 'no' }, delayMs: parent === slow ? 50 : 0 };
    });
    const { json } = await send('GET', '/v1/customers/1/page');
    t.deepEqual(told(json.failures), [
      ['orders', 14],
      ['orders', 5],
      ['products', 14],
    ]);
  }
});

test('a list is present if one of its steps succeeded without elements, in any order of the answers', async (t) => {
  const protos = page(
    `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
     steps: { into: "results.order" call: "shop.v1.Orders/ListOrders" with: "parent = 'a'" take: "orders" }
     steps: { into: "results.product" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = each" max_items: 9 optional: true }
     steps: { into: "names" copy: "results.order.name" }`,
    'Customer customer = 1; repeated Result results = 2; repeated string names = 3; repeated protogate.v1.PartFailure failures = 4;',
    'message Result { Order order = 1; Product product = 2; }',
  );
  const { send, upstream } = await startGateway(shared, protos, FINE);
  for (const [orders, products] of [
    [0, 50],
    [50, 0],
  ] as const) {
    upstream.script('ListOrders', { message: { orders: [] }, delayMs: orders });
    upstream.script('GetProduct', { ...(DOWN as object), delayMs: products });
    const { status, json } = await send('GET', '/v1/customers/1/page?ids=p');
    t.is(status, 200);
    t.deepEqual(told(json.failures), [['results.product', 14]]);
  }
});

test('a copy waits for all steps that fill the list that it copies', async (t) => {
  const protos = page(
    `steps: { into: "results.order" call: "shop.v1.Orders/ListOrders" with: "parent = 'a'" take: "orders" }
     steps: { into: "results.product" call: "shop.v1.Catalog/GetProduct" for_each: "request.ids" with: "name = each" max_items: 9 }
     steps: { into: "copies.order" copy: "results.order" }
     steps: { into: "names" copy: "results.order.name" }`,
    'repeated Result results = 2; repeated Result copies = 3; repeated string names = 4;',
    'message Result { Order order = 1; Product product = 2; }',
  );
  const { send, upstream } = await startGateway(shared, protos, {
    ListOrders: { message: { orders: [{ name: 'orders/1' }] } },
  });
  for (const delayMs of [0, 60]) {
    upstream.script('GetProduct', { message: { name: 'p' }, delayMs });
    for (const [fields, calls] of [
      ['copies', 2],
      ['names', 1],
      ['results,copies,names', 2],
    ] as const) {
      upstream.calls.length = 0;
      const { json } = await send('GET', `/v1/customers/1/page?ids=p&$fields=${fields}`);
      if (fields.includes('copies')) t.deepEqual(json.copies, [{ order: { name: 'orders/1' } }, {}]);
      if (fields.includes('names')) t.deepEqual(json.names, ['orders/1']);
      t.is(upstream.calls.length, calls, fields);
    }
  }
});
