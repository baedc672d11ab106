/** No request and no answer shows a difference between a field that a surface omits and a field that does not exist. */
import test from 'ava';
import { planOf, startGateway } from '../support/gateway.js';

const CRM = `
syntax = "proto3";
package crm.v1;
import "google/api/annotations.proto";
import "google/protobuf/any.proto";
import "google/protobuf/field_mask.proto";
import "protogate/v1/annotations.proto";

service Customers {
  rpc GetCustomer(GetCustomerRequest) returns (Customer) { option (google.api.http) = { get: "/v1/{name=customers/*}" }; }
  rpc ListCustomers(ListCustomersRequest) returns (ListCustomersResponse) {
    option (google.api.http) = { get: "/v1/customers" };
  }
  rpc CreateCustomer(Customer) returns (Customer) { option (google.api.http) = { post: "/v1/customers" body: "*" }; }
  rpc UpdateCustomer(UpdateCustomerRequest) returns (Customer) {
    option (google.api.http) = {
      patch: "/v1/{customer.name=customers/*}" body: "customer"
      additional_bindings { patch: "/v1/{customer.name=customers/*}:whole" body: "*" }
    };
  }
  rpc Wrap(Wrapped) returns (Wrapped) { option (google.api.http) = { post: "/v1/wrapped" body: "*" }; }
  rpc GetFile(GetCustomerRequest) returns (File) {
    option (google.api.http) = { get: "/v1/{name=customers/*}/file" };
    option (protogate.v1.aggregate) = {
      steps: { into: "customer" call: "crm.v1.Customers/GetCustomer" with: "name = request.name" }
      steps: { into: "score" call: "crm.v1.Customers/GetScore" with: "name = request.name" take: "score" optional: true }
      steps: { into: "rank" call: "crm.v1.Customers/GetRank" with: "score = score" take: "rank" optional: true }
    };
  }
  rpc GetScore(GetCustomerRequest) returns (Score) {}
  rpc GetRank(GetRankRequest) returns (Rank) {}
}
message GetCustomerRequest { string name = 1; }
message ListCustomersRequest { Customer like = 1; google.protobuf.FieldMask read_mask = 2; }
message ListCustomersResponse { repeated Customer customers = 1; map<string, Customer> by_name = 2; }
message UpdateCustomerRequest { Customer customer = 1; google.protobuf.FieldMask update_mask = 2; }
message Customer { string name = 1; string email = 2; string secret_notes = 3; Address address = 4; oneof contact { string phone = 5; string secret_phone = 6; } }
message Address { string city = 1; string secret_code = 2; }
message Wrapped { google.protobuf.Any any = 1; google.protobuf.FieldMask mask = 2; }
message File { Customer customer = 1; int32 score = 2; string rank = 3; }
message Score { int32 score = 1; }
message GetRankRequest { int32 score = 1; }
message Rank { string rank = 1; }
`;

const CUSTOMER = {
  name: 'customers/ada',
  email: 'ada@example.com',
  secret_notes: 'SECRET',
  secret_phone: 'SECRET',
  address: { city: 'Turin', secret_code: 'SECRET' },
};
const SEEN = { name: 'customers/ada', email: 'ada@example.com', address: { city: 'Turin' } };

const OMITTED = [
  'crm.v1.Customer.secret_notes',
  'crm.v1.Customer.secret_phone',
  'crm.v1.Address.secret_code',
  'crm.v1.File.score',
];

const CONFIG = {
  surfaces: [
    { name: 'app', omitFields: OMITTED },
    { name: 'office', basePath: '/office' },
  ],
};

const HANDLERS = {
  GetCustomer: { message: CUSTOMER },
  ListCustomers: { message: { customers: [CUSTOMER], by_name: { a: CUSTOMER } } },
  CreateCustomer: { message: CUSTOMER },
  UpdateCustomer: { message: CUSTOMER },
};

test('omitted fields are in no answer: in messages, lists and maps', async (t) => {
  const { send } = await startGateway(t, CRM, HANDLERS, CONFIG);
  t.deepEqual((await send('GET', '/v1/customers/ada')).json, SEEN);
  t.deepEqual((await send('GET', '/v1/customers')).json, { customers: [SEEN], byName: { a: SEEN } });
  t.true((await send('GET', '/office/v1/customers/ada')).text.includes('SECRET'));
});

/** Requests in which NAME is the name of a field, and the names of an omitted field and of none. */
const NAMING: readonly (readonly [method: string, target: string, body: string, omitted: string, none: string])[] = [
  ['POST', '/v1/customers', '{"NAME":"x"}', 'secretNotes', 'secretNotez'],
  ['POST', '/v1/customers', '{"NAME":"x"}', 'secret_notes', 'secret_notez'],
  ['POST', '/v1/customers', '{"NAME":null}', 'secretPhone', 'secretPhonz'],
  ['POST', '/v1/customers', '{"address":{"NAME":"x"}}', 'secretCode', 'secretCodz'],
  [
    'POST',
    '/v1/wrapped',
    '{"any":{"@type":"type.googleapis.com/crm.v1.Customer","NAME":"x"}}',
    'secretNotes',
    'secretNotez',
  ],
  ['POST', '/v1/wrapped', '{"mask":"NAME"}', 'secretNotes', 'secretNotez'],
  ['POST', '/v1/wrapped', '{"mask":"address.NAME"}', 'secretCode', 'secretCodz'],
  [
    'POST',
    '/v1/wrapped',
    '{"any":{"@type":"x/google.protobuf.FieldMask","value":"NAME"}}',
    'secretNotes',
    'secretNotez',
  ],
  ['POST', '/v1/wrapped', '{"any":{"@type":"x/crm.v1.Wrapped","mask":"NAME"}}', 'secretNotes', 'secretNotez'],
  ['GET', '/v1/customers?like.NAME=x', '', 'secretNotes', 'secretNotez'],
  ['GET', '/v1/customers?like.NAME=x', '', 'secret_notes', 'secret_notez'],
  ['GET', '/v1/customers?like.address.NAME=x', '', 'secretCode', 'secretCodz'],
  ['GET', '/v1/customers?readMask=NAME', '', 'secretNotes', 'secretNotez'],
  ['GET', '/v1/customers?readMask=name,NAME', '', 'secret_notes', 'secret_notez'],
  ['GET', '/v1/customers?readMask.paths=NAME', '', 'secret_notes', 'secret_notez'],
  ['GET', '/v1/customers/ada?$fields=NAME', '', 'secretNotes', 'secretNotez'],
  ['GET', '/v1/customers/ada?$fields=NAME', '', 'secret_notes', 'secret_notez'],
  ['GET', '/v1/customers/ada?$fields=address.NAME', '', 'secretCode', 'secretCodz'],
  ['GET', '/v1/customers/ada/file?$fields=NAME', '', 'score', 'scorz'],
  ['PATCH', '/v1/customers/ada', '{"NAME":"x"}', 'secretNotes', 'secretNotez'],
  ['PATCH', '/v1/customers/ada?updateMask=NAME', '{"email":"x"}', 'secretNotes', 'secretNotez'],
  ['PATCH', '/v1/customers/ada?updateMask=email,address.NAME', '{"email":"x"}', 'secret_code', 'secret_codz'],
];

for (const [method, target, body, omitted, none] of NAMING) {
  test(`an omitted field is refused as one that does not exist: ${method} ${target} ${body} ${omitted}`, async (t) => {
    const { send, upstream } = await startGateway(t, CRM, HANDLERS, CONFIG);
    const answerTo = async (name: string) => {
      const filled =
        body === '' ? {} : { body: body.replace('NAME', name), headers: { 'content-type': 'application/json' } };
      const { status, text, headers } = await send(method, target.replace('NAME', name), filled);
      const id = headers['x-request-id'] as string;
      return { status, text: text.replaceAll(id, 'ID').replaceAll(name, 'NAME').replaceAll(snake(name), 'NAME') };
    };
    const [hidden, absent] = [await answerTo(omitted), await answerTo(none)];
    t.is(hidden.status, 400, hidden.text);
    t.deepEqual(hidden, absent);
    t.is(upstream.calls.length, 0);
  });
}

/** Returns the proto name of a field. The error of a FieldMask has proto names. */
function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

test('unknownFields: ignore ignores an omitted field, and the service does not get it', async (t) => {
  const surfaces = [{ name: 'app', omitFields: OMITTED, json: { unknownFields: 'ignore' as const } }];
  const { send, upstream } = await startGateway(t, CRM, HANDLERS, { surfaces });
  const body = { name: 'customers/x', secretNotes: 'x', address: { city: 'Rome', secretCode: 'x' } };
  t.is((await send('POST', '/v1/customers', { body })).status, 200);
  t.deepEqual(upstream.calls[0]!.request, { name: 'customers/x', address: { city: 'Rome' } });
  t.is((await send('PATCH', '/v1/customers/ada', { body: { email: 'e', secretNotes: 'x' } })).status, 200);
  t.deepEqual(upstream.calls[1]!.request, {
    customer: { name: 'customers/ada', email: 'e' },
    update_mask: { paths: ['email'] },
  });
});

test('an update mask never names an omitted field: * and whole messages become the fields that are seen', async (t) => {
  const { send, upstream } = await startGateway(t, CRM, HANDLERS, CONFIG);
  const sent = async (query: string, body: object) => {
    t.is((await send('PATCH', `/v1/customers/ada${query}`, { body })).status, 200);
    return (upstream.calls.at(-1)!.request as { update_mask: { paths: string[] } }).update_mask.paths;
  };
  t.deepEqual(await sent('?updateMask=*', { email: 'e' }), ['name', 'email', 'address.city', 'phone']);
  t.deepEqual(await sent('?updateMask=address', {}), ['address.city']);
  t.deepEqual(await sent('?updateMask=address.*', {}), ['address.city']);
  const whole = (updateMask: string) => sent(':whole', { customer: { email: 'e' }, updateMask });
  t.deepEqual(await whole('*'), ['name', 'email', 'address.city', 'phone']);
  t.deepEqual(await whole('email,address'), ['email', 'address.city']);
  t.deepEqual(await sent('', { address: {} }), ['address.city']);
  t.deepEqual(await sent('', { email: 'e', address: { city: 'Rome' } }), ['email', 'address.city']);
});

test('a mask in an answer does not name omitted fields, and an Any has none', async (t) => {
  const any = { type_url: 'type.googleapis.com/crm.v1.Customer', value: Buffer.from('1a065345435245540a0161', 'hex') };
  const mask = { paths: ['secret_notes', 'email', 'address.secret_code', 'address.city'] };
  const { send } = await startGateway(t, CRM, { ...HANDLERS, Wrap: { message: { any, mask } } }, CONFIG);
  const { json } = await send('POST', '/v1/wrapped', { body: {} });
  t.deepEqual(json, {
    any: { '@type': 'type.googleapis.com/crm.v1.Customer', name: 'a' },
    mask: 'email,address.city',
  });
});

test('the details of an error have no omitted field', async (t) => {
  // google.rpc.Status { code: 3, message: "no", details: [Customer { name: "a", secret_notes: "SECRET" }] }
  const customer = Buffer.concat([
    Buffer.from([0x0a, 1]),
    Buffer.from('a'),
    Buffer.from([0x1a, 6]),
    Buffer.from('SECRET'),
  ]);
  const url = Buffer.from('type.googleapis.com/crm.v1.Customer');
  const any = Buffer.concat([Buffer.from([0x0a, url.length]), url, Buffer.from([0x12, customer.length]), customer]);
  const details = Buffer.concat([
    Buffer.from([8, 3, 0x12, 2]),
    Buffer.from('no'),
    Buffer.from([0x1a, any.length]),
    any,
  ]);
  const { send } = await startGateway(t, CRM, { GetCustomer: { status: { code: 3, message: 'no', details } } }, CONFIG);
  const { json, text } = await send('GET', '/v1/customers/ada');
  t.deepEqual(json.details, [{ '@type': 'type.googleapis.com/crm.v1.Customer', name: 'a' }]);
  t.false(text.includes('SECRET'));
});

test('a step that fills an omitted field is called only for other steps, and its failure is not reported', async (t) => {
  const failing = { ...HANDLERS, GetScore: { status: { code: 14, message: 'down' } } };
  const { send, upstream } = await startGateway(t, CRM, failing, CONFIG);
  const alone = await send('GET', '/v1/customers/ada/file?$fields=customer');
  t.deepEqual(alone.json, { customer: SEEN });
  t.deepEqual(
    upstream.calls.map(({ path }) => path),
    ['/crm.v1.Customers/GetCustomer'],
  );
  const all = await send('GET', '/v1/customers/ada/file');
  t.deepEqual(all.json, { customer: SEEN });
  t.is(all.headers['x-protogate-partial'], 'rank');
  const whole = await send('GET', '/office/v1/customers/ada/file');
  t.is(whole.headers['x-protogate-partial'], 'score, rank');
});

/** Configs whose omitted field something needs, with a part of the error. */
const NEEDED: readonly (readonly [field: string, text: string])[] = [
  ['crm.v1.GetCustomerRequest.name', "because the path variable 'name' of crm.v1.Customers/GetCustomer needs it"],
  ['crm.v1.UpdateCustomerRequest.customer', "because the path variable 'customer.name'"],
  ['crm.v1.GetCustomerRequest.name', 'because step customer of crm.v1.Customers/GetFile reads it in the request'],
  ['crm.v1.Customer.email', 'surface app: expected omitFields without the field that a require reads'],
  ['crm.v1.Customer.nick', "expected a field of crm.v1.Customer, got 'crm.v1.Customer.nick'"],
  ['crm.v1.Kustomer.name', "expected the full name of a field, got 'crm.v1.Kustomer.name'"],
];

for (const [field, text] of NEEDED) {
  test(`check: omitting ${field} is an error: ${text}`, async (t) => {
    const policies = [
      { selector: 'crm.v1.Customers/CreateCustomer', auth: { require: ["request.email = 'a@example.com'"] } },
    ];
    // Without a variable in its path, the aggregate is planned.
    const proto = CRM.replace('get: "/v1/{name=customers/*}/file"', 'get: "/v1/file"');
    const { diagnostics } = await planOf(t, proto, { policies, surfaces: [{ name: 'app', omitFields: [field] }] });
    const found = diagnostics.filter(({ rule }) => rule === 'omitted-field');
    t.true(
      found.some((one) => one.severity === 'error' && one.text.includes(text)),
      JSON.stringify(diagnostics),
    );
  });
}

test('the names for masks are read when the gateway starts, and not by its first request', async (t) => {
  const { plan } = await startGateway(t, CRM, HANDLERS, CONFIG);
  const { view } = plan.surfaces[0]!;
  t.is([...view!.readNames()].length, 0);
  const unread = (await planOf(t, CRM, CONFIG)).surfaces[0]!.view!;
  t.true([...unread.readNames()].length > 5, 'it pauses after each message');
});

test('streams have no omitted field, in either direction', async (t) => {
  const proto = CRM.replace(
    'rpc GetScore',
    `rpc Watch(GetCustomerRequest) returns (stream Customer) { option (google.api.http) = { get: "/v1/customers:watch" }; }
  rpc Load(stream Customer) returns (Customer) { option (google.api.http) = { post: "/v1/customers:load" body: "*" }; }
  rpc GetScore`,
  );
  const handlers = { Watch: { messages: [CUSTOMER, CUSTOMER] }, Load: { message: CUSTOMER } };
  const { send } = await startGateway(t, proto, handlers, CONFIG);
  t.deepEqual((await send('GET', '/v1/customers:watch')).json, [SEEN, SEEN]);
  const headers = { 'content-type': 'application/json' };
  const load = async (name: string) => {
    const body = `[{"email":"e"},{"${name}":"x"}]`;
    const { status, json } = await send('POST', '/v1/customers:load', { headers, body });
    return [status, String(json.message).replaceAll(name, 'NAME')];
  };
  t.deepEqual(await load('secretNotes'), [400, '[1].NAME: unknown field']);
  t.deepEqual(await load('secretNotes'), await load('secretNotez'));
  t.deepEqual((await send('POST', '/v1/customers:load', { headers, body: '[{"email":"e"}]' })).json, SEEN);
});
