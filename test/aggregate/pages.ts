/** The services and pages that the tests of aggregates share. */

const HEAD = `syntax = "proto3";
package shop.v1;
import "google/api/annotations.proto";
import "protogate/v1/annotations.proto";
`;

const SERVICES = `${HEAD}
service Customers {
  rpc GetCustomer(GetCustomerRequest) returns (Customer) { option (google.api.http) = { get: "/v1/{name=customers/*}" }; }
}
service Orders {
  rpc GetOrder(GetOrderRequest) returns (Order) { option (google.api.http) = { get: "/v1/{name=orders/*}" }; }
  rpc ListOrders(ListOrdersRequest) returns (ListOrdersResponse) { option (google.api.http) = { get: "/v1/{parent=customers/*}/orders" }; }
  rpc CreateOrder(Order) returns (Order) { option (google.api.http) = { post: "/v1/orders" body: "*" }; }
  rpc WatchOrders(ListOrdersRequest) returns (stream Order);
}
service Catalog {
  rpc GetProduct(GetProductRequest) returns (Product) { option (google.api.http) = { get: "/v1/{name=products/*}" }; }
  rpc BatchGetProducts(BatchGetProductsRequest) returns (BatchGetProductsResponse);
}
message GetCustomerRequest { string name = 1; }
message Customer { string name = 1; string city = 2; int64 points = 3; }
message GetOrderRequest { string name = 1; }
message ListOrdersRequest { string parent = 1; int32 page_size = 2; Filter filter = 3; }
message Filter { State state = 1; string label = 2; }
enum State { STATE_UNSPECIFIED = 0; OPEN = 1; PAID = 2; }
message ListOrdersResponse { repeated Order orders = 1; string next_page_token = 2; }
message Order { string name = 1; string title = 2; repeated OrderItem items = 3; string product = 4; State state = 5; }
message OrderItem { string product_id = 1; int32 quantity = 2; }
message GetProductRequest { string name = 1; }
message BatchGetProductsRequest { repeated string names = 1; string language = 2; }
message BatchGetProductsResponse { repeated Product products = 1; }
message Product { string name = 1; string title = 2; map<string, string> labels = 3; string author = 4; }
`;

/** Returns the protos: the services above, and one service of aggregates. `page` is the content of its file. */
export function pages(page: string): Readonly<Record<string, string>> {
  return {
    'shop/v1/services.proto': SERVICES,
    'shop/v1/pages.proto': `${HEAD}import "shop/v1/services.proto";\n${page}`,
  };
}

/**
 * Returns the protos with one aggregate at `GET /v1/{customer=customers/*}/page`: `steps` in text format, `fields` of its
 * answer.
 */
export function page(steps: string, fields: string, more = ''): Readonly<Record<string, string>> {
  return pages(`
service Pages {
  rpc GetPage(GetPageRequest) returns (Page) {
    option (google.api.http) = { get: "/v1/{customer=customers/*}/page" };
    option (protogate.v1.aggregate) = {
${steps}
    };
  }
}
message GetPageRequest { string customer = 1; repeated string ids = 2; int32 size = 3; State state = 4; bool detail = 5; }
message Page {
  ${fields}
}
${more}`);
}

export const DASHBOARD = page(
  `      steps: { into: "customer" call: "shop.v1.Customers/GetCustomer" with: "name = request.customer" }
      steps: { into: "orders" call: "shop.v1.Orders/ListOrders" with: "parent = request.customer" take: "orders" optional: true }
      steps: { into: "products" call: "shop.v1.Catalog/GetProduct" for_each: "orders" with: "name = each.product" max_items: 20 optional: true }`,
  'Customer customer = 1; repeated Order orders = 2; repeated Product products = 3; repeated protogate.v1.PartFailure failures = 4;',
);

export const ORDER_PAGE = pages(`
service Pages {
  rpc GetOrderPage(GetOrderPageRequest) returns (OrderPage) {
    option (google.api.http) = { get: "/v1/{name=orders/*}/page" };
    option (protogate.v1.aggregate) = {
      steps: { name: "order" call: "shop.v1.Orders/GetOrder" with: "name = request.name" }
      steps: { into: "title" copy: "order.title" }
      steps: { into: "lines.item" copy: "order.items" }
      steps: { into: "lines.product" call: "shop.v1.Catalog/BatchGetProducts" for_each: "lines"
               with: "names = 'products/{each.item.product_id}'" take: "products" key: "name" batch_size: 2 max_items: 100 optional: true }
    };
  }
}
message GetOrderPageRequest { string name = 1; }
message OrderPage { string title = 1; repeated Line lines = 2; repeated protogate.v1.PartFailure failures = 3; }
message Line { OrderItem item = 1; Product product = 2; }
`);
