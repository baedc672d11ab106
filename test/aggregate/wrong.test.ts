/** Wrong declarations, each found when the schema is loaded, with the place of the mistake. */
import { join } from 'node:path';
import test from 'ava';
import { parseConfig } from '../../src/config/parse.js';
import { plan } from '../../src/gateway/plan.js';
import { protoFolder } from '../support/gateway.js';
import { DASHBOARD, ORDER_PAGE, page, pages } from './pages.js';

type Row = readonly [
  fact: string,
  steps: string,
  fields: string,
  /** The text at the place that the finding names. */
  at: string,
  finding: string,
  more?: string,
];

/** The place of the declaration as a whole. */
const AGGREGATE = '{\n';

const CUSTOMER = 'steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }';
const ORDERS =
  'steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = request.customer" take: "orders" }';
const FIELDS = 'Customer customer = 1; repeated Order orders = 2; repeated Product products = 3; string title = 4;';
const LINES = 'message Line { OrderItem item = 1; Product product = 2; repeated Product all = 3; }';
const batch = (more: string) =>
  `${LINE_ITEMS} steps: { into: "lines.product" call: "shop.v1.Catalog/BatchGetProducts" for_each: "lines" max_items: 9 ${more} }`;
const LINE_ITEMS = 'steps: { into: "lines.item" call: "shop.v1.Orders/GetOrder" with: "name = \'o\'" take: "items" }';
const get = (more: string) => `steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" ${more} }`;

const ROWS: readonly Row[] = [
  ['no steps', 'max_calls: 3', FIELDS, AGGREGATE, 'expected at least one step in the aggregate, got none'],
  [
    'an unknown method',
    'steps: { into: "customer" call: "shop.v1.Customers/Get" }',
    FIELDS,
    'shop.v1.Customers/Get"',
    "call: expected an rpc (pkg.Service/Method), got 'shop.v1.Customers/Get'",
  ],
  [
    'a misspelt method',
    'steps: { into: "customer" call: "shop.v1.Customers/GetCustmer" }',
    FIELDS,
    'shop.v1.Customers/GetCustmer"',
    "got 'shop.v1.Customers/GetCustmer', did you mean 'shop.v1.Customers/GetCustomer'?",
  ],
  [
    'into a misspelt field',
    'steps: { into: "custmer" call: "shop.v1.Customers/GetCustomer" }',
    FIELDS,
    'custmer"',
    "got 'custmer', did you mean 'customer'?",
  ],
  [
    'a misspelt take',
    'steps: { into: "orders" call: "shop.v1.Orders/ListOrders" take: "order" }',
    FIELDS,
    'order"',
    "got 'order', did you mean 'orders'?",
  ],
  [
    'neither call nor copy',
    'steps: { into: "customer" }',
    FIELDS,
    '{ into',
    'expected either call or copy, got neither',
  ],
  ['call and copy', get('copy: "request"'), FIELDS, '{ into', 'expected either call or copy, got both'],
  [
    'a write as a step',
    'steps: { name: "made" call: "shop.v1.Orders/CreateOrder" }',
    FIELDS,
    'shop.v1.Orders/C',
    'expected an rpc that only reads',
  ],
  [
    'a stream as a step',
    'steps: { name: "seen" call: "shop.v1.Orders/WatchOrders" }',
    FIELDS,
    'shop.v1.Orders/W',
    'expected a unary rpc',
  ],
  [
    'an aggregate as a step',
    'steps: { name: "self" call: "shop.v1.Pages/GetPage" }',
    FIELDS,
    'shop.v1.Pages/G',
    'is an aggregate',
  ],
  [
    'neither into nor name',
    'steps: { call: "shop.v1.Customers/GetCustomer" }',
    FIELDS,
    '{ call',
    'expected into or name, got neither',
  ],
  [
    'a path of a name that stands beside into',
    `${get('name: "c"')} steps: { into: "title" copy: "c.city" }`,
    FIELDS,
    'c.city',
    "copy: column 1: expected request, caller, each, a named step or a field of shop.v1.Page, got 'c'",
  ],
  [
    'two steps of one name',
    `${get('name: "c"')} steps: { name: "c" call: "shop.v1.Customers/GetCustomer" }`,
    FIELDS,
    'c" call',
    "name: expected an unused name, but 'c' is the name of another step",
  ],
  [
    'into an unknown field',
    'steps: { into: "client" call: "shop.v1.Customers/GetCustomer" }',
    FIELDS,
    'client"',
    "into: column 1: expected a field of shop.v1.Page, got 'client'",
  ],
  [
    'into a field of a scalar',
    'steps: { into: "title.x" copy: "request.customer" }',
    FIELDS,
    'title.x',
    "into: column 7: expected the end of the path after one string, got 'x'",
  ],
  [
    'into a message of another type',
    'steps: { into: "orders" call: "shop.v1.Customers/GetCustomer" }',
    FIELDS,
    'orders"',
    'into: expected one shop.v1.Order, got one shop.v1.Customer',
  ],
  [
    'a list into one message',
    'steps: { into: "order" call: "shop.v1.Orders/ListOrders" take: "orders" }',
    `${FIELDS} Order order = 5;`,
    'order"',
    "expected a list for a list of shop.v1.Order, got the single field 'order'",
  ],
  [
    'a result per element into one message',
    `${ORDERS} steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" for_each: "orders" max_items: 3 }`,
    FIELDS,
    'customer" c',
    "expected a list for the results of for_each, got the single field 'customer'",
  ],
  [
    'into two lists',
    'steps: { into: "lines.all" call: "shop.v1.Catalog/BatchGetProducts" take: "products" }',
    `repeated Line lines = 1;`,
    'lines.all',
    'expected at most one list that for_each does not run through, got lines and all',
    LINES,
  ],
  [
    'one field of the elements of a list twice',
    `steps: { into: "lines.title" copy: "orders.name" } ${ORDERS} steps: { into: "lines.title" for_each: "lines" copy: "request.customer" max_items: 3 }`,
    `${FIELDS} repeated Line lines = 9;`,
    '{ into: "lines.title" for_each',
    'expected a field that no other step fills',
    'message Line { string title = 1; }',
  ],
  [
    'one field twice',
    `${CUSTOMER} ${get('with: "name = \'x\'"')}`,
    FIELDS,
    '{ into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = \'x',
    'expected a field that no other step fills',
  ],
  [
    'an unknown take',
    'steps: { into: "orders" call: "shop.v1.Orders/ListOrders" take: "items" }',
    FIELDS,
    'items"',
    "take: expected a field of shop.v1.ListOrdersResponse, got 'items'",
  ],
  [
    'with an unknown field of the request',
    get('with: "id = request.customer"'),
    FIELDS,
    'id =',
    "with 'id = request.customer': column 1: expected a field of shop.v1.GetCustomerRequest, got 'id'",
  ],
  [
    'with an unknown path',
    get('with: "name = request.client"'),
    FIELDS,
    'name = r',
    "column 16: expected a field of shop.v1.GetPageRequest, got 'client'",
  ],
  [
    'with an unknown root',
    get('with: "name = custumer.name"'),
    FIELDS,
    'name = c',
    "column 8: expected request, caller, each, a named step or a field of shop.v1.Page, got 'custumer'",
  ],
  [
    'with a value of another type',
    get('with: "name = request.size"'),
    FIELDS,
    'name = r',
    "column 8: expected one string for 'name', got one int32",
  ],
  [
    'with a list for one value',
    get('with: "name = request.ids"'),
    FIELDS,
    'name = r',
    "expected one string for 'name', got a list of string",
  ],
  [
    'with a number for text',
    get('with: "name = 5"'),
    FIELDS,
    'name = 5',
    "expected one string for 'name', got number 5",
  ],
  [
    'with an unknown enum value',
    'steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "filter.state = CLOSED" take: "orders" }',
    FIELDS,
    'filter.s',
    'CLOSED',
  ],
  [
    'with what does not parse',
    get('with: "name == request.customer"'),
    FIELDS,
    'name ==',
    "column 7: expected a value, got '='",
  ],
  [
    'with one field twice',
    get('with: "name = request.customer" with: "name = \'x\'"'),
    FIELDS,
    "name = 'x'",
    'expected a field that no other with assigns',
  ],
  [
    'each without for_each',
    get('with: "name = each"'),
    FIELDS,
    'name = e',
    "expected for_each in a step that reads 'each', got none",
  ],
  [
    'a message in a text',
    get('with: "name = \'{request}\'"'),
    FIELDS,
    "name = '{",
    'expected a single scalar or enum inside of a text, got one shop.v1.GetPageRequest',
  ],
  [
    'for_each without max_items',
    `${ORDERS} steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" }`,
    FIELDS,
    'orders" with',
    'max_items: expected the largest number of elements of for_each, got none',
  ],
  [
    'max_items without for_each',
    get('max_items: 3'),
    FIELDS,
    '3 }',
    'max_items: expected for_each in the same step, got none',
  ],
  [
    'for_each over no list',
    `${CUSTOMER} steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "customer" max_items: 3 }`,
    FIELDS,
    'customer" max',
    'expected a list, got one shop.v1.Customer',
  ],
  [
    'a step that reads what it fills',
    get('with: "name = customer.name"'),
    FIELDS,
    '{ into',
    'the step reads the field that it fills; read another field',
  ],
  [
    'a cycle',
    `${get('with: "name = title"')} steps: { into: "title" call: "shop.v1.Orders/GetOrder" with: "name = orders.name" take: "title" } ${ORDERS.replace('request.customer', 'customer.name')}`.replace(
      'name = orders.name',
      "name = '{customer.city}'",
    ),
    FIELDS,
    '{ into: "customer"',
    'the steps wait for each other in a circle: customer → title → customer',
  ],
  [
    'a required step that needs an optional one',
    `${CUSTOMER.replace(' }', ' optional: true }')} steps: { into: "title" copy: "customer.city" }`,
    FIELDS,
    '{ into: "title"',
    'a required step cannot read the result of an optional one, got customer; make this step optional, or that one required',
  ],
  [
    'a name that is a root',
    'steps: { name: "request" call: "shop.v1.Customers/GetCustomer" }',
    FIELDS,
    'request" c',
    "'request' is a word with which paths begin",
  ],
  [
    'a name that is a field of the answer',
    'steps: { name: "orders" call: "shop.v1.Customers/GetCustomer" }',
    FIELDS,
    'orders" c',
    "'orders' is a field of shop.v1.Page",
  ],
  [
    'a name twice',
    'steps: { name: "c" call: "shop.v1.Customers/GetCustomer" } steps: { name: "c" call: "shop.v1.Orders/GetOrder" }',
    FIELDS,
    'c" call: "shop.v1.Orders',
    "'c' is the name of another step",
  ],
  [
    'a field of the answer that is a root',
    CUSTOMER,
    `${FIELDS} string each = 5;`,
    AGGREGATE,
    'shop.v1.Page.each: expected a name other than request, caller, each',
  ],
  [
    'more calls than max_calls',
    `max_calls: 3 ${ORDERS} steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" max_items: 3 }`,
    FIELDS,
    AGGREGATE,
    'expected at most 3 calls (max_calls), got up to 4 (orders 1, products 3); lower max_items or raise max_calls',
  ],
  [
    'more calls than 64',
    `${ORDERS} steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" max_items: 64 }`,
    FIELDS,
    AGGREGATE,
    'expected at most 64 calls (max_calls), got up to 65',
  ],
  [
    'key without for_each',
    'steps: { into: "products" call: "shop.v1.Catalog/BatchGetProducts" take: "products" key: "name" with: "names = request.ids" }',
    FIELDS,
    'name" with',
    'key: expected for_each in the same step, got none',
  ],
  [
    'key without a with of each',
    batch('take: "products" key: "name" with: "names = request.ids"'),
    'repeated Line lines = 1;',
    'name" with',
    "key: expected a with that reads 'each' in the same step, got none",
    LINES,
  ],
  [
    'key that is no field of the results',
    batch('take: "products" key: "id" with: "names = each.item.product_id"'),
    'repeated Line lines = 1;',
    'id" with',
    "key: expected a field of shop.v1.Product, got 'id'",
    LINES,
  ],
  [
    'key of another type',
    batch('take: "products" key: "labels" with: "names = each.item.product_id"'),
    'repeated Line lines = 1;',
    'labels" with',
    'key: expected one string, got a map',
    LINES,
  ],
  [
    'key without take',
    batch('key: "products" with: "names = each.item.product_id"'),
    'repeated Line lines = 1;',
    'products" with',
    'key: expected take to name a list of messages',
    LINES,
  ],
  [
    'copy with a name',
    'steps: { name: "x" copy: "request.customer" }',
    FIELDS,
    'request.c',
    'copy: expected into in the same step, got only a name',
  ],
  [
    'copy with with',
    'steps: { into: "title" copy: "request.customer" with: "a = request.size" }',
    FIELDS,
    'a = r',
    'with: expected call in the same step, got copy',
  ],
  [
    'copy of another type',
    'steps: { into: "title" copy: "request.size" }',
    FIELDS,
    'request.s',
    "expected one string for 'title', got one int32",
  ],
  ['when that is no path', get('when: "5"'), FIELDS, '5" }', 'when: column 1: expected a path, got a number'],
  [
    'an unknown claim path',
    get('with: "name = caller.name"'),
    FIELDS,
    'name = caller',
    'expected caller.subject, caller.issuer or caller.claims.NAME',
  ],
  [
    'two lists of failures',
    CUSTOMER,
    `${FIELDS} repeated protogate.v1.PartFailure a = 5; repeated protogate.v1.PartFailure b = 6;`,
    AGGREGATE,
    'expected at most one list of protogate.v1.PartFailure in shop.v1.Page, got a and b',
  ],
];

async function findings(t: Parameters<typeof protoFolder>[0], protos: Readonly<Record<string, string>>) {
  const folder = await protoFolder(t, protos);
  const { config } = parseConfig({ version: 1, schema: { protos: [folder] } });
  const { diagnostics } = await plan(config!);
  return diagnostics
    .filter(({ rule }) => rule !== 'no-auth')
    .map(({ position, ...rest }) => ({ ...rest, ...position, file: position.file.replace(join(folder, '/'), '') }));
}

/** Returns the line and column of the last occurrence of the text, counted from 1. The place of a value is after its quote. */
function placeOf(source: string, text: string): string {
  const offset = text === AGGREGATE ? source.indexOf('{', source.indexOf('aggregate) =')) : source.lastIndexOf(text);
  const before = source.slice(0, offset).split('\n');
  return `${before.length}:${before.at(-1)!.length + 1}`;
}

for (const [fact, steps, fields, at, finding, more] of ROWS) {
  test(`check finds ${fact}, with its place`, async (t) => {
    const protos = page(steps, fields, more);
    const found = await findings(t, protos);
    const [first] = found;
    t.is(first?.severity, 'error', JSON.stringify(found));
    t.true(first!.text.includes(finding), `${first!.text} [${first!.rule}]`);
    t.is(
      `${first!.file}:${first!.line}:${first!.column}`,
      `shop/v1/pages.proto:${placeOf(protos['shop/v1/pages.proto']!, at)}`,
      first!.text,
    );
  });
}

test('a correct aggregate has no problems', async (t) => {
  t.deepEqual(await findings(t, DASHBOARD), []);
  t.deepEqual(await findings(t, ORDER_PAGE), []);
});

test('every problem of an aggregate is reported, not only the first', async (t) => {
  const found = await findings(t, page(`${get('with: "id = 1" when: "5"')} steps: { into: "x" copy: "y" }`, FIELDS));
  t.is(found.length, 3, JSON.stringify(found.map(({ text }) => text)));
});

test('a streaming aggregate is refused', async (t) => {
  const found = await findings(
    t,
    pages(`service Pages { rpc Watch(GetOrderRequest) returns (stream Page) { option (protogate.v1.aggregate) = { ${CUSTOMER.replace('request.customer', 'request.name')} }; } }
message Page { Customer customer = 1; }`),
  );
  t.true(found[0]?.text.includes('expected a unary rpc'), JSON.stringify(found));
});
