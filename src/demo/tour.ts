/**
 * The tour: requests that users of the demo can try, one curl command each. Each of them works alone and more than once, so
 * that they can be tried in any order. A command ends with its URL, so that options such as `-i` can be added at its end.
 * Credentials are in shell variables, which the demo prints.
 */
import type { Shell } from './shell.js';
import type { Stop } from './stop.js';
import { SURFACES } from './surface-stops.js';

/** A request of the tour as a curl command. */
interface TourCommand extends Pick<Stop, 'title' | 'expect'> {
  readonly first: boolean;
  /** The whole command in one line. */
  readonly command: string;
}

/** Returns the tour as commands for `shell`. `baseUrl` is the URL of the gateway, such as `http://127.0.0.1:8080`. */
export function tour(baseUrl: string, shell: Shell): TourCommand[] {
  return [...READS, ...WRITES_AND_FILES, ...PAGES_STREAMS_AND_ERRORS, ...SURFACES].map((stop) => {
    const { title, first = false, options, json, body, surface = '', path, twice, expect } = stop;
    const all = [options, json === undefined ? undefined : "-H 'content-type: application/json'"];
    const url = `'${baseUrl}${surface}/v1${path}'`;
    const command = shell.curl({
      options: all.filter((option) => option !== undefined),
      body: json ?? body,
      urls: twice === true ? [url, url] : [url],
    });
    return { title, first, command, expect };
  });
}

/** A request of the tour, in the form that a program needs. */
interface TourRequest {
  readonly method: string;
  /** The path with the query. */
  readonly target: string;
  /** The JSON body, parsed. Undefined when there is none. */
  readonly body: unknown;
}

/** Returns the requests of the tour that succeed or exceed a limit, without those that show the surfaces. */
export function tourRequests(): readonly TourRequest[] {
  return [...READS, ...WRITES_AND_FILES, ...PAGES_STREAMS_AND_ERRORS]
    .filter(({ expect }) => expect.status < 400 || expect.status === 429)
    .map(({ options = '', json, body, path }) => {
      const [, method = json === undefined && body === undefined ? 'GET' : 'POST'] = /-X (\w+)/.exec(options) ?? [];
      // curl sends one request for each name in braces. Here only the first name is used.
      const target = `/v1${path.replace(/\{([^,}]+),[^}]*\}/, '$1')}`;
      return { method, target, body: json === undefined ? undefined : JSON.parse(json) };
    });
}

const READS: readonly Stop[] = [
  {
    title: 'One resource by its name',
    first: true,
    path: '/customers/bjorn',
    expect: { status: 200, contains: 'Björn Lindqvist' },
  },
  {
    title: 'A path variable of several segments: {name=customers/*/orders/*}',
    path: '/customers/ada/orders/5001',
    expect: { status: 200, contains: 'shop.v1.ParcelTracking' },
  },
  {
    title: 'The same method at a second path (additional_bindings)',
    path: '/orders/5002',
    expect: { status: 200, contains: 'customers/bjorn/orders/5002' },
  },
  {
    title: 'One number as the whole answer (response_body)',
    path: '/stock/LIG-0012',
    expect: { status: 200, contains: '340' },
  },
  {
    title: 'Ines reads her own addresses with her token; the answer is a bare list (require, response_body)',
    first: true,
    options: '-H "authorization: Bearer $INES"',
    path: '/customers/ines/addresses',
    expect: { status: 200, contains: 'Rua Augusta 120' },
  },
  {
    title: 'With the same token she cannot read the addresses of Ada: 403',
    options: '-H "authorization: Bearer $INES"',
    path: '/customers/ada/addresses',
    expect: { status: 403, contains: 'NOT_ALLOWED' },
  },
  {
    title: 'Without a token: 401',
    first: true,
    path: '/customers/ines/addresses',
    expect: { status: 401, contains: 'UNAUTHENTICATED' },
  },
  {
    title: 'Query parameters of every type: nested fields, repeated enums, Timestamp, Duration, map, FieldMask',
    options: '-g',
    path: '/products?filter.categories=CATEGORY_FURNITURE&filter.categories=CATEGORY_KITCHEN&filter.price.minUnits=30&filter.inStock=true&filter.minRating=3.5&filter.addedAfter=2025-01-01T00:00:00Z&filter.maxDeliveryTime=604800s&filter.labels[material]=oak&showDiscontinued=true&readMask=name,title,price',
    expect: { status: 200, contains: 'products/oak-board' },
  },
  {
    title: 'A list, page by page; query parameters may have their proto names',
    first: true,
    path: '/customers/-/orders?page_size=2&states=STATE_PAID&states=STATE_PACKED&placed_after=2026-02-01T00:00:00Z',
    expect: { status: 200, contains: 'nextPageToken' },
  },
  {
    title: 'A custom verb and a repeated query parameter',
    path: '/products:batchGet?names=products/hammock&names=products/bird-house',
    expect: { status: 200, contains: 'Bird house' },
  },
  {
    title: 'The same method as a POST with a bare list as its body',
    json: '["products/oak-desk", "products/wool-rug"]',
    path: '/products:batchGet',
    expect: { status: 200, contains: 'Wool rug' },
  },
  {
    title: 'An enum in the path',
    path: '/locales/nl-NL/categories/CATEGORY_GARDEN',
    expect: { status: 200, contains: 'lowestPrice' },
  },
  {
    title: 'A search as a GET',
    path: '/products:search?query=oak+desk',
    expect: { status: 200, contains: 'products/oak-desk' },
  },
  {
    title: 'The same search as a POST with the whole request in the body (body: "*")',
    json: '{"query": "oak", "filter": {"price": {"maxUnits": "200"}}}',
    path: '/products:search',
    expect: { status: 200, contains: 'products/oak-shelf' },
  },
  {
    title: 'The same search with the words in the path and the filter in the body (body: "filter")',
    json: '{"categories": ["CATEGORY_LIGHTING"], "inStock": true}',
    path: '/search/lamp',
    expect: { status: 200, contains: 'products/floor-lamp' },
  },
];

const WRITES_AND_FILES: readonly Stop[] = [
  {
    title: 'Create an order: POST with a JSON body and a query parameter',
    first: true,
    json: '{"items": [{"productId": "espresso-cup", "quantity": 6}], "card": {"network": "visa", "lastDigits": "4242"}, "labels": {"channel": "web"}, "metadata": {"visits": 3, "from": ["newsletter"]}}',
    path: '/customers/chiara/orders?validateOnly=true',
    expect: { status: 200, contains: 'STATE_PENDING' },
  },
  {
    title: 'Update an order: PATCH changes only the fields in the body',
    first: true,
    options: '-X PATCH',
    json: '{"giftWrap": true, "shippingAddress": {"city": "Haarlem"}}',
    path: '/customers/ada/orders/5011',
    expect: { status: 200, contains: 'Prinsengracht 263' },
  },
  {
    title: 'Clear fields: PATCH with an explicit update_mask',
    options: '-X PATCH',
    json: '{}',
    path: '/customers/deniz?update_mask=phone,newsletter',
    expect: { status: 200, contains: 'Deniz' },
  },
  {
    title: 'Replace a product: PUT, with money, bytes, a Duration and a 64-bit number',
    options: '-X PUT',
    json: '{"title": "Cork stool", "sku": "FUR-0101", "price": {"currencyCode": "EUR", "units": "79", "nanos": 950000000}, "stock": "9007199254740993", "deliveryTime": "86400.5s", "pictureSha256": "3q2+7w=="}',
    path: '/products/cork-stool',
    expect: { status: 200, contains: '9007199254740993' },
  },
  {
    title: 'A map as the body and as the answer',
    options: '-X PUT',
    json: '{"channel": "phone", "priority": "high"}',
    path: '/customers/ada/orders/5021/labels',
    expect: { status: 200, contains: 'priority' },
  },
  {
    title: 'A bare string as the body',
    json: '"Leave it with the neighbours."',
    path: '/customers/bjorn/orders/5012/notes',
    expect: { status: 200, contains: 'neighbours' },
  },
  {
    title: 'Cancel an order: POST with a custom verb',
    json: '{"reason": "Found it cheaper"}',
    path: '/customers/ada/orders/5031:cancel',
    expect: { status: 200, contains: 'STATE_CANCELLED' },
  },
  {
    title: 'Delete an order; the answer is empty (google.protobuf.Empty)',
    options: '-X DELETE',
    path: '/customers/ada/orders/5041?allowMissing=true',
    expect: { status: 200, contains: '{}' },
  },
  {
    title: 'Download a file with its own content type (google.api.HttpBody)',
    path: '/assets/pictures/oak-desk.svg',
    expect: { status: 200, contains: '<svg' },
  },
  {
    title: 'Upload a file with any content type (google.api.HttpBody)',
    options: `-X PUT -H 'content-type: text/plain'`,
    body: 'Wipe with a damp cloth.',
    path: '/assets/manuals/oak-desk/care.txt',
    expect: { status: 200, contains: 'manuals/oak-desk/care.txt' },
  },
  {
    title: 'HEAD, by a rule of its own (custom { kind: "HEAD" })',
    options: '-I',
    path: '/assets/pictures/oak-desk.svg',
    expect: { status: 200 },
  },
  {
    title: 'A route for every HTTP method (custom { kind: "*" })',
    options: '-X POST',
    path: '/visits/spring/lamps?referrer=newsletter',
    expect: { status: 200, contains: 'spring/lamps' },
  },
  {
    title: 'A report that needs the scope reports.read, with a token; dates in the query (google.type.Date)',
    options: '-H "authorization: Bearer $CLERK"',
    path: '/reports/revenue?startDate.year=2026&startDate.month=2&startDate.day=1&endDate.year=2026&endDate.month=2&endDate.day=28',
    expect: { status: 200, contains: 'orderCount' },
  },
  {
    title: 'A report that needs the scope reports.read, with an API key that has it',
    first: true,
    options: '-H "x-api-key: $KEY"',
    path: '/reports/revenue',
    expect: { status: 200, contains: 'orderCount' },
  },
  {
    title: 'The same report with a token that lacks the scope: 403 names the scope',
    options: '-H "authorization: Bearer $INES"',
    path: '/reports/revenue',
    expect: { status: 403, contains: 'reports.read' },
  },
  {
    title: 'A cached route: the second answer comes from the cache and has an Age header',
    options: '-i',
    path: '/reports/top-products/2026/1?limit=3',
    twice: true,
    expect: { status: 200, contains: 'cache-status: protogate; hit' },
  },
  {
    title: 'A report as CSV',
    path: '/reports/orders/by-state:export',
    expect: { status: 200, contains: 'state,orders' },
  },
  {
    title: 'Struct, Value and Any in the answer',
    json: '{"groupBy": ["DIMENSION_STATE"], "labels": {"channel": "web"}}',
    path: '/analytics:query',
    expect: { status: 200, contains: 'type.googleapis.com/shop.v1.RunQueryRequest' },
  },
];

const PAGES_STREAMS_AND_ERRORS: readonly Stop[] = [
  {
    title: 'An aggregate: the gateway calls four services and merges their answers',
    first: true,
    path: '/customers/ada/dashboard',
    expect: { status: 200, contains: 'bestSellers' },
  },
  {
    title: 'Only two fields of it ($fields): services that are not needed are not called',
    first: true,
    options: '-g',
    path: '/customers/ada/dashboard?$fields=customer.displayName,orders.name',
    expect: { status: 200, contains: 'Ada Okafor' },
  },
  {
    title: 'An aggregate that joins each line of an order with its product, in one batch call',
    path: '/customers/ada/orders/5001/page',
    expect: { status: 200, contains: 'Order customers/ada/orders/5001' },
  },
  {
    title: 'An aggregate of three levels: reviews, their comments, and the authors of both',
    path: '/products/oak-desk/feed',
    expect: { status: 200, contains: 'Björn Lindqvist' },
  },
  {
    title: 'An aggregate that puts products and orders into one list',
    path: '/shop:search?query=hammock',
    expect: { status: 200, contains: 'productId' },
  },
  {
    title: 'A server stream as JSON lines; without the limit it stays open and shows new events',
    first: true,
    options: `-N -H 'accept: application/x-ndjson'`,
    path: '/customers/ada/orders:watch?limit=3',
    expect: { status: 200, contains: 'customers/ada/orders/5001' },
  },
  {
    title: 'The same stream as server-sent events, for the EventSource of browsers',
    options: `-N -H 'accept: text/event-stream'`,
    path: '/customers/ada/orders:watch?limit=2',
    expect: { status: 200, contains: 'event: end' },
  },
  {
    title: 'A bidirectional stream over HTTP/2: a chat, one JSON line for each message',
    options: `-N --http2-prior-knowledge -H 'content-type: application/x-ndjson'`,
    body: '{"author": "ada", "text": "Where is my order?"}',
    path: '/rooms/lobby:chat',
    expect: { status: 200, contains: 'Which number has the order?' },
  },
  {
    title: 'Upload a file as a client stream',
    options: `-X PUT -H 'transfer-encoding: chunked' -H 'content-type: text/plain'`,
    body: 'Two trees, four paces apart.',
    path: '/uploads/manuals/hammock.txt',
    expect: { status: 200, contains: 'sizeBytes' },
  },
  {
    title: 'Download a file as a server stream',
    options: '-N',
    path: '/downloads/pictures/oak-desk.svg',
    expect: { status: 200, contains: '<svg' },
  },
  {
    title: 'A rate limit of three requests in ten seconds: the fourth answer is 429',
    first: true,
    json: '{}',
    path: '/customers/{ada,bjorn,chiara,deniz}:sendCode',
    expect: { status: 429, contains: 'RATE_LIMITED' },
  },
  {
    title: 'The service refuses a product that does not exist: 400 names the field',
    json: '{"items": [{"productId": "gold-bar", "quantity": 1}]}',
    path: '/customers/ada/orders',
    expect: { status: 400, contains: 'order.items[0].product_id' },
  },
  {
    title: 'The gateway refuses a wrong type: 400 names the field and the expected type',
    first: true,
    json: '{"items": [{"productId": "hammock", "quantity": "many"}]}',
    path: '/customers/ada/orders',
    expect: { status: 400, contains: 'quantity' },
  },
  {
    title: 'A customer who does not exist: 404 with details',
    path: '/customers/nobody',
    expect: { status: 404, contains: 'google.rpc.ResourceInfo' },
  },
  {
    title: 'An order that cannot be cancelled any more: 400 with a PreconditionFailure',
    json: '{}',
    path: '/customers/ada/orders/5051:cancel',
    expect: { status: 400, contains: 'google.rpc.PreconditionFailure' },
  },
  {
    title: 'An e-mail address that is already used: 409',
    json: '{"displayName": "Ada", "email": "ada@example.com"}',
    path: '/customers',
    expect: { status: 409, contains: 'EMAIL_TAKEN' },
  },
];
