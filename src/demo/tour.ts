/**
 * The requests to try at the demo, one curl command each. They are in an order that tells a story, and each also works
 * alone and more than once. A line is one command without a pipe, so that `-w '%{http_code}'` can be added at its end.
 * Credentials are shell variables, which the demo prints.
 */

/** One request of the tour. */
interface Stop {
  readonly title: string;
  /** The whole command, as a line for bash. */
  readonly curl: string;
  readonly expect: {
    readonly status: number;
    /** A text that the answer contains; undefined when any answer will do. */
    readonly contains?: string;
  };
}

/** Returns the tour of a gateway at `baseUrl`, such as `http://127.0.0.1:8080`. */
export function tour(baseUrl: string): Stop[] {
  const v1 = `${baseUrl}/v1`;
  return [...reads(v1), ...writesAndFiles(v1), ...pagesStreamsAndErrors(v1)];
}

function reads(v1: string): Stop[] {
  return [
    {
      title: 'A resource by its name',
      curl: `curl -s '${v1}/customers/bjorn'`,
      expect: { status: 200, contains: 'Björn Lindqvist' },
    },
    {
      title: 'A variable of several segments: {name=customers/*/orders/*}',
      curl: `curl -s '${v1}/customers/ada/orders/5001'`,
      expect: { status: 200, contains: 'shop.v1.ParcelTracking' },
    },
    {
      title: 'The same method at a second path: additional_bindings',
      curl: `curl -s '${v1}/orders/5002'`,
      expect: { status: 200, contains: 'customers/bjorn/orders/5002' },
    },
    {
      title: 'A simple variable, and a scalar as the whole answer: {sku}, response_body',
      curl: `curl -s '${v1}/stock/LIG-0012'`,
      expect: { status: 200, contains: '340' },
    },
    {
      title: 'A list as the whole answer: response_body. Ines sees hers: require',
      curl: `curl -s -H "authorization: Bearer $INES" '${v1}/customers/ines/addresses'`,
      expect: { status: 200, contains: 'Rua Augusta 120' },
    },
    {
      title: '… and nobody else’s: 403',
      curl: `curl -s -H "authorization: Bearer $INES" '${v1}/customers/ada/addresses'`,
      expect: { status: 403, contains: 'NOT_ALLOWED' },
    },
    {
      title: '… and without a token: 401',
      curl: `curl -s '${v1}/customers/ines/addresses'`,
      expect: { status: 401, contains: 'UNAUTHENTICATED' },
    },
    {
      title: 'Query parameters: nested, repeated enum, number, wrapper, Timestamp, Duration, map, bool, FieldMask',
      curl: `curl -sg '${v1}/products?filter.categories=CATEGORY_FURNITURE&filter.categories=CATEGORY_KITCHEN&filter.price.minUnits=30&filter.inStock=true&filter.minRating=3.5&filter.addedAfter=2025-01-01T00:00:00Z&filter.maxDeliveryTime=604800s&filter.labels[material]=oak&showDiscontinued=true&readMask=name,title,price'`,
      expect: { status: 200, contains: 'products/oak-board' },
    },
    {
      title: 'A list page by page, with proto field names',
      curl: `curl -s '${v1}/customers/-/orders?page_size=2&states=STATE_PAID&states=STATE_PACKED&placed_after=2026-02-01T00:00:00Z'`,
      expect: { status: 200, contains: 'nextPageToken' },
    },
    {
      title: 'A custom verb after a literal, and a repeated parameter: products:batchGet',
      curl: `curl -s '${v1}/products:batchGet?names=products/hammock&names=products/bird-house'`,
      expect: { status: 200, contains: 'Bird house' },
    },
    {
      title: '… and the same as a POST whose body is a bare list',
      curl: `curl -s --json '["products/oak-desk", "products/wool-rug"]' '${v1}/products:batchGet'`,
      expect: { status: 200, contains: 'Wool rug' },
    },
    {
      title: 'An enum in the path, and a * that binds nothing',
      curl: `curl -s '${v1}/locales/nl-NL/categories/CATEGORY_GARDEN'`,
      expect: { status: 200, contains: 'lowestPrice' },
    },
    {
      title: 'One method with three bindings: as a link',
      curl: `curl -s '${v1}/products:search?query=oak+desk'`,
      expect: { status: 200, contains: 'products/oak-desk' },
    },
    {
      title: '… with the whole request as the body: body: "*"',
      curl: `curl -s --json '{"query": "oak", "filter": {"price": {"maxUnits": "200"}}}' '${v1}/products:search'`,
      expect: { status: 200, contains: 'products/oak-shelf' },
    },
    {
      title: '… with one field in the path and another as the body: body: "filter"',
      curl: `curl -s --json '{"categories": ["CATEGORY_LIGHTING"], "inStock": true}' '${v1}/search/lamp'`,
      expect: { status: 200, contains: 'products/floor-lamp' },
    },
  ];
}

function writesAndFiles(v1: string): Stop[] {
  return [
    {
      title: 'Create: a message as the body, a oneof, a Struct and a map in it; a query parameter beside it',
      curl: `curl -s --json '{"items": [{"productId": "espresso-cup", "quantity": 6}], "card": {"network": "visa", "lastDigits": "4242"}, "labels": {"channel": "web"}, "metadata": {"visits": 3, "from": ["newsletter"]}}' '${v1}/customers/chiara/orders?validateOnly=true'`,
      expect: { status: 200, contains: 'STATE_PENDING' },
    },
    {
      title: 'Update: PATCH; the update mask comes from the JSON keys that were sent',
      curl: `curl -s -X PATCH --json '{"giftWrap": true, "shippingAddress": {"city": "Haarlem"}}' '${v1}/customers/ada/orders/5011'`,
      expect: { status: 200, contains: 'Prinsengracht 263' },
    },
    {
      title: '… or from the client: update_mask, here to clear a field',
      curl: `curl -s -X PATCH --json '{}' '${v1}/customers/deniz?update_mask=phone,newsletter'`,
      expect: { status: 200, contains: 'Deniz' },
    },
    {
      title: 'Replace: PUT, with money, bytes and a Duration',
      curl: `curl -s -X PUT --json '{"title": "Cork stool", "sku": "FUR-0101", "price": {"currencyCode": "EUR", "units": "79", "nanos": 950000000}, "stock": "9007199254740993", "deliveryTime": "86400.5s", "pictureSha256": "3q2+7w=="}' '${v1}/products/cork-stool'`,
      expect: { status: 200, contains: '9007199254740993' },
    },
    {
      title: 'A map as body and answer',
      curl: `curl -s -X PUT --json '{"channel": "phone", "priority": "high"}' '${v1}/customers/ada/orders/5021/labels'`,
      expect: { status: 200, contains: 'priority' },
    },
    {
      title: 'A string as the body',
      curl: `curl -s --json '"Leave it with the neighbours."' '${v1}/customers/bjorn/orders/5012/notes'`,
      expect: { status: 200, contains: 'neighbours' },
    },
    {
      title: 'A custom verb: POST …:cancel',
      curl: `curl -s --json '{"reason": "Found it cheaper"}' '${v1}/customers/ada/orders/5031:cancel'`,
      expect: { status: 200, contains: 'STATE_CANCELLED' },
    },
    {
      title: 'Delete: google.protobuf.Empty',
      curl: `curl -s -X DELETE '${v1}/customers/ada/orders/5041?allowMissing=true'`,
      expect: { status: 200, contains: '{}' },
    },
    {
      title: 'A file as it is: HttpBody out, and ** in the path',
      curl: `curl -s '${v1}/assets/pictures/oak-desk.svg'`,
      expect: { status: 200, contains: '<svg' },
    },
    {
      title: '… HttpBody in, with any content type',
      curl: `curl -s -X PUT -H 'content-type: text/plain' --data-binary 'Wipe with a damp cloth.' '${v1}/assets/manuals/oak-desk/care.txt'`,
      expect: { status: 200, contains: 'manuals/oak-desk/care.txt' },
    },
    {
      title: '… and a rule of its own for HEAD: custom { kind: "HEAD" }',
      curl: `curl -sI '${v1}/assets/pictures/oak-desk.svg'`,
      expect: { status: 200 },
    },
    {
      title: 'Any HTTP method: custom { kind: "*" }',
      curl: `curl -s -X POST '${v1}/visits/spring/lamps?referrer=newsletter'`,
      expect: { status: 200, contains: 'spring/lamps' },
    },
    {
      title: 'Messages in the query: google.type.Date. A method that takes a scope',
      curl: `curl -s -H "authorization: Bearer $CLERK" '${v1}/reports/revenue?startDate.year=2026&startDate.month=2&startDate.day=1&endDate.year=2026&endDate.month=2&endDate.day=28'`,
      expect: { status: 200, contains: 'orderCount' },
    },
    {
      title: '… with an API key that has it',
      curl: `curl -s -H "x-api-key: $KEY" '${v1}/reports/revenue'`,
      expect: { status: 200, contains: 'orderCount' },
    },
    {
      title: '… with a token that has not: 403 that names it',
      curl: `curl -s -H "authorization: Bearer $INES" '${v1}/reports/revenue'`,
      expect: { status: 403, contains: 'reports.read' },
    },
    {
      title: 'Numbers in the path. Cached: the second answer is a hit and has an age',
      curl: `curl -si '${v1}/reports/top-products/2026/1?limit=3' '${v1}/reports/top-products/2026/1?limit=3'`,
      expect: { status: 200, contains: 'cache-status: protogate; hit' },
    },
    {
      title: 'A custom verb after **: a report as CSV',
      curl: `curl -s '${v1}/reports/orders/by-state:export'`,
      expect: { status: 200, contains: 'state,orders' },
    },
    {
      title: 'Struct, Value and Any',
      curl: `curl -s --json '{"groupBy": ["DIMENSION_STATE"], "labels": {"channel": "web"}}' '${v1}/analytics:query'`,
      expect: { status: 200, contains: 'type.googleapis.com/shop.v1.RunQueryRequest' },
    },
  ];
}

function pagesStreamsAndErrors(v1: string): Stop[] {
  return [
    {
      title: 'An aggregate: four services in one answer',
      curl: `curl -s '${v1}/customers/ada/dashboard'`,
      expect: { status: 200, contains: 'bestSellers' },
    },
    {
      title: '… and only what somebody asks for: $fields leaves out what is not needed, and does not call it',
      curl: `curl -sg '${v1}/customers/ada/dashboard?$fields=customer.displayName,orders.name'`,
      expect: { status: 200, contains: 'Ada Okafor' },
    },
    {
      title: 'Every line of an order with its product: one batch call',
      curl: `curl -s '${v1}/customers/ada/orders/5001/page'`,
      expect: { status: 200, contains: 'Order customers/ada/orders/5001' },
    },
    {
      title: 'A feed: reviews, their authors, comments, their authors',
      curl: `curl -s '${v1}/products/oak-desk/feed'`,
      expect: { status: 200, contains: 'Björn Lindqvist' },
    },
    {
      title: 'Products and orders in one list',
      curl: `curl -s '${v1}/shop:search?query=hammock'`,
      expect: { status: 200, contains: 'productId' },
    },
    {
      title: 'A stream, a line a message: order events, live. Without a limit it goes on; cancel an order and see',
      curl: `curl -sN -H 'accept: application/x-ndjson' '${v1}/customers/ada/orders:watch?limit=3'`,
      expect: { status: 200, contains: 'customers/ada/orders/5001' },
    },
    {
      title: '… and as a browser’s EventSource reads it',
      curl: `curl -sN -H 'accept: text/event-stream' '${v1}/customers/ada/orders:watch?limit=2'`,
      expect: { status: 200, contains: 'event: end' },
    },
    {
      title:
        'Both ways, over HTTP/2: a chat, a line a message. With -X POST -T . for --data-binary it takes the lines that you type',
      curl: `curl -sN --http2-prior-knowledge -H 'content-type: application/x-ndjson' --data-binary '{"author": "ada", "text": "Where is my order?"}' '${v1}/rooms/lobby:chat'`,
      expect: { status: 200, contains: 'Which number has the order?' },
    },
    {
      title: 'A file that goes up in pieces, of any content type',
      curl: `curl -s -X PUT -H 'transfer-encoding: chunked' -H 'content-type: text/plain' --data-binary 'Two trees, four paces apart.' '${v1}/uploads/manuals/hammock.txt'`,
      expect: { status: 200, contains: 'sizeBytes' },
    },
    {
      title: '… and one that comes down in pieces',
      curl: `curl -sN '${v1}/downloads/pictures/oak-desk.svg'`,
      expect: { status: 200, contains: '<svg' },
    },
    {
      title: 'Limited: an address may ask for three codes in ten seconds, the fourth is 429 and says when',
      curl: `curl -s --json '{}' '${v1}/customers/{ada,bjorn,chiara,deniz}:sendCode'`,
      expect: { status: 429, contains: 'RATE_LIMITED' },
    },
    {
      title: 'Refused by the service: 400 that names the field',
      curl: `curl -s --json '{"items": [{"productId": "gold-bar", "quantity": 1}]}' '${v1}/customers/ada/orders'`,
      expect: { status: 400, contains: 'order.items[0].product_id' },
    },
    {
      title: 'Refused by the gateway: 400 that says what was expected',
      curl: `curl -s --json '{"items": [{"productId": "hammock", "quantity": "many"}]}' '${v1}/customers/ada/orders'`,
      expect: { status: 400, contains: 'quantity' },
    },
    {
      title: 'Not there: 404 with details',
      curl: `curl -s '${v1}/customers/nobody'`,
      expect: { status: 404, contains: 'google.rpc.ResourceInfo' },
    },
    {
      title: 'Too late: 400 with a PreconditionFailure',
      curl: `curl -s --json '{}' '${v1}/customers/ada/orders/5051:cancel'`,
      expect: { status: 400, contains: 'google.rpc.PreconditionFailure' },
    },
    {
      title: 'In the way: 409',
      curl: `curl -s --json '{"displayName": "Ada", "email": "ada@example.com"}' '${v1}/customers'`,
      expect: { status: 409, contains: 'EMAIL_TAKEN' },
    },
  ];
}
