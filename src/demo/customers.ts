/**
 * This service has the accounts of customers. It is an example of the standard methods of AIP-131 to 135, and of an answer that
 * is a list.
 */
import type { Address, Books, Customer } from './data.js';
import { type FieldMask, page, update } from './listing.js';
import { alreadyExists, failedPrecondition, invalid, notFound } from './refusal.js';
import type { Handlers } from './service.js';
import { timestamp } from './values.js';

const type = 'shop.v1.Customer';
const onTheWay = new Set(['STATE_PAID', 'STATE_PACKED', 'STATE_SHIPPED']);
const updatable = [
  'display_name',
  'email',
  'phone',
  'birth_date',
  'birth_date.year',
  'birth_date.month',
  'birth_date.day',
  'addresses',
  'labels',
  'newsletter',
  'preferences',
];

/** Returns the handlers of the service, by method name. */
export function customers(books: Books): Handlers {
  let nextNumber = 1001;

  function find(name: string): Customer {
    const found = books.customers.get(name);
    if (found === undefined) throw notFound(type, name);
    return found;
  }

  function checkEmail(email: string, owner: string): void {
    if (!/^[^@\s]+@[^@\s]+$/.test(email)) {
      throw invalid('customer.email', `expected an e-mail address, got ${JSON.stringify(email)}`);
    }
    const other = [...books.customers.values()].find((entry) => entry.email === email && entry.name !== owner);
    if (other !== undefined) throw alreadyExists(type, other.name, 'EMAIL_TAKEN', `${email} has an account already`);
  }

  return {
    GetCustomer: ({ name }: { name: string }): Customer => find(name),

    ListCustomers({ pageSize, pageToken, tiers }: { pageSize: number; pageToken: string; tiers: string[] }) {
      const all = [...books.customers.values()].filter(({ tier }) => tiers.length === 0 || tiers.includes(tier));
      const { items, nextPageToken } = page(all, pageSize, pageToken);
      return { customers: items, nextPageToken, totalSize: all.length };
    },

    CreateCustomer({ customer }: { customer: Customer | null }): Customer {
      if (!customer?.displayName) throw invalid('customer.display_name', 'expected a name, got none');
      checkEmail(customer.email, '');
      const name = `customers/${nextNumber++}`;
      const now = timestamp(Date.now());
      const tier = 'TIER_BASIC';
      const created: Customer = { ...customer, name, tier, loyaltyPoints: '0', createTime: now, updateTime: now };
      books.customers.set(name, created);
      return created;
    },

    UpdateCustomer({ customer, updateMask }: { customer: Customer | null; updateMask: FieldMask | null }): Customer {
      if (customer === null) throw invalid('customer', 'expected a customer, got none');
      const updated = update(find(customer.name), customer, updateMask, updatable);
      checkEmail(updated.email, updated.name);
      const kept = { ...updated, updateTime: timestamp(Date.now()) };
      books.customers.set(kept.name, kept);
      return kept;
    },

    DeleteCustomer({ name, allowMissing }: { name: string; allowMissing: boolean }): object {
      if (allowMissing && !books.customers.has(name)) return {};
      find(name);
      const open = [...books.orders.values()].find(
        (order) => order.name.startsWith(`${name}/orders/`) && onTheWay.has(order.state),
      );
      if (open !== undefined) throw failedPrecondition('OPEN_ORDER', open.name, `${name} has an order on its way`);
      books.customers.delete(name);
      return {};
    },

    /** Returns an empty answer: the demo sends no mail, and the answer must not reveal whether the account exists. */
    SendCode: (): object => ({}),

    ListAddresses({ parent }: { parent: string }): { addresses: readonly Address[] } {
      return { addresses: find(parent).addresses };
    },
  };
}
