/** The schema and the messages that the codec is measured with. */
const item = (n: number) => ({
  product: `products/${n}`,
  quantity: n,
  price: n + 0.25,
  gift: n % 2 === 0,
  state: 'OPEN',
});
const shelf = {
  name: 'shelves/7',
  theme: 'Poetry',
  books: '340',
  tags: Array.from({ length: 20 }, (_, i) => `tag-${i}`),
};
const order = (n: number) => ({
  name: `orders/${n}`,
  at: '2026-11-30T12:00:00.123Z',
  items: [item(1), item(2), item(3)],
  labels: { team: 'search', region: 'eu' },
  token: 'AAECAwQFBgc=',
  shelf,
});
/** An order with `lines` lines. With 4 lines its JSON has about 700 bytes. */
const sale = (lines: number, n = 7) => ({
  name: `customers/${n}/orders/${n * 1000}`,
  customer: `customers/${n}`,
  state: 'OPEN',
  createdSeconds: String(1_790_000_000 + n),
  lines: Array.from({ length: lines }, (_, i) => ({
    sku: `SKU-${1000 + i}`,
    quantity: i + 1,
    price: { currencyCode: 'EUR', units: String(10 + i), nanos: 990_000_000 },
    title: `A thing that is sold, no. ${i}`,
  })),
  labels: { channel: 'web', region: 'eu-west' },
  gift: true,
  weightKg: 12.5,
  checksum: 'AAECAwQFBgcICQoLDA0ODw==',
});
const nested = (depth: number): object =>
  depth === 0 ? { name: 'leaf' } : { name: `node ${depth}`, child: nested(depth - 1), size: depth };
const many = <T>(count: number, one: (n: number) => T) => Array.from({ length: count }, (_, n) => one(n));

export const PROTO = `syntax = "proto3";
package bench.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/struct.proto";
enum State { STATE_UNSPECIFIED = 0; OPEN = 1; CLOSED = 2; }
message Shelf { string name = 1; string theme = 2; int64 books = 3; repeated string tags = 4; }
message Item { string product = 1; int32 quantity = 2; double price = 3; bool gift = 4; State state = 5; }
message Order {
  string name = 1; google.protobuf.Timestamp at = 2; repeated Item items = 3; map<string, string> labels = 4;
  bytes token = 5; optional string note = 6; Shelf shelf = 7;
}
message Orders { repeated Order orders = 1; string next_page_token = 2; }
message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }
message Line { string sku = 1; int32 quantity = 2; Money price = 3; string title = 4; }
message Sale {
  string name = 1; string customer = 2; State state = 3; int64 created_seconds = 4; repeated Line lines = 5;
  map<string, string> labels = 6; bool gift = 7; double weight_kg = 8; bytes checksum = 9;
}
message Sales { repeated Sale sales = 1; }
message Numbers { repeated int32 small = 1; repeated sint64 wide = 2; repeated double real = 3; repeated uint64 ids = 4; repeated float coarse = 5; }
message Text { string text = 1; repeated string texts = 2; bytes blob = 3; repeated bytes blobs = 4; }
message Maps { map<string, int32> texts = 1; map<int64, Item> items = 2; }
message Node { string name = 1; Node child = 2; int32 size = 3; }
message Nodes { repeated Node nodes = 1; }
message Free { google.protobuf.Struct fields = 1; }
`;

export const SHAPES: readonly (readonly [name: string, type: string, value: object])[] = [
  ['a sale of 700 B', 'Sale', sale(4)],
  ['sales of 17 KB', 'Sales', { sales: many(24, (n) => sale(4, n)) }],
  ['sales of 338 KB', 'Sales', { sales: many(470, (n) => sale(4, n)) }],
  ['a small message', 'Item', item(7)],
  ['a shelf with 20 tags', 'Shelf', shelf],
  ['50 orders', 'Orders', { orders: many(50, order), nextPageToken: 'x' }],
  ['nested 20 deep', 'Nodes', { nodes: many(20, () => nested(20)) }],
  [
    'maps',
    'Maps',
    {
      texts: Object.fromEntries(many(300, (n) => [`key-${n}`, n])),
      items: Object.fromEntries(many(100, (n) => [String(n), item(n)])),
    },
  ],
  [
    '3,000 numbers',
    'Numbers',
    {
      small: many(1000, (n) => n),
      wide: many(1000, (n) => String(n * 7_000_000_000)),
      real: many(1000, (n) => n + 0.5),
    },
  ],
  ['1,000 large ids', 'Numbers', { ids: many(1000, (n) => String(9_300_000_000_000_000_000n + BigInt(n))) }],
  ['1,000 long doubles', 'Numbers', { real: many(1000, (n) => (n + 1) / 7) }],
  ['1,000 floats', 'Numbers', { coarse: many(1000, (n) => Math.fround((n + 1) / 7)) }],
  ['100 KB of ASCII', 'Text', { text: 'Hello, wonderful world. '.repeat(4300) }],
  ['100 KB of UTF-8', 'Text', { text: 'Grüße, Ελλάδα, 日本語 '.repeat(3300) }],
  ['100 KB with escapes', 'Text', { text: 'Grüße, "world"\n'.repeat(6500) }],
  ['1,000 texts of UTF-8', 'Text', { texts: many(1000, (n) => `Müller-Lüdenscheidt ${n}`) }],
  ['1,000 texts with escapes', 'Text', { texts: many(1000, (n) => `say "hello" ${n}`) }],
  ['100 KB of bytes', 'Text', { blob: Buffer.alloc(75_000, 'abc').toString('base64') }],
  ['1,000 hashes', 'Text', { blobs: many(1000, (n) => Buffer.alloc(32, n).toString('base64')) }],
  ['a struct', 'Free', { fields: { a: [1, 'b', null, { c: true }], d: { e: { f: [1, 2, 3] } } } }],
];
