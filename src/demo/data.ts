/**
 * This module has the data of the shop: ten customers, thirty products and sixty orders. It is the same in every run, so that
 * the requests of the tour (`tour.ts`) keep working. The services share one `Books` object and change it in memory.
 */
import { createHash } from 'node:crypto';
import {
  type CalendarDate,
  centsOf,
  type Duration,
  days,
  euros,
  type Money,
  struct,
  type Timestamp,
  timestamp,
} from './values.js';

export interface Address {
  readonly lines: readonly string[];
  readonly postalCode: string;
  readonly city: string;
  readonly countryCode: string;
}

export interface Customer {
  readonly name: string;
  readonly displayName: string;
  readonly email: string;
  readonly phone?: string;
  readonly tier: string;
  readonly birthDate: CalendarDate | null;
  readonly addresses: readonly Address[];
  readonly labels: Readonly<Record<string, string>>;
  readonly loyaltyPoints: string;
  readonly newsletter?: boolean;
  readonly preferences: object | null;
  readonly createTime: Timestamp;
  readonly updateTime: Timestamp;
}

export interface Product {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly category: string;
  readonly sku: string;
  readonly price: Money;
  readonly stock: string;
  readonly rating?: number;
  readonly deliveryTime: Duration | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly discontinued: boolean;
  readonly pictureSha256: Uint8Array;
  readonly addTime: Timestamp;
}

export interface OrderItem {
  readonly productId: string;
  readonly quantity: number;
  readonly unitPrice: Money | null;
}

export interface Order {
  readonly name: string;
  readonly state: string;
  readonly items: readonly OrderItem[];
  readonly total: Money;
  readonly card?: object;
  readonly bankTransfer?: object;
  readonly giftCardCode?: string;
  readonly shippingAddress: Address | null;
  readonly deliveryDate: CalendarDate | null;
  readonly preparationTime: Duration | null;
  readonly giftWrap?: boolean;
  readonly notes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: object | null;
  readonly tracking: object | null;
  readonly createTime: Timestamp;
  readonly updateTime: Timestamp;
  readonly internalNotes: string;
}

export interface Asset {
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** All data of the shop by resource name, and the files by path. */
export interface Books {
  readonly customers: Map<string, Customer>;
  readonly products: Map<string, Product>;
  readonly orders: Map<string, Order>;
  readonly assets: Map<string, Asset>;
  readonly visits: Map<string, bigint>;
}

const dayMs = 86_400_000;
const opening = Date.UTC(2025, 0, 6, 9);
const firstOrder = Date.UTC(2026, 0, 3, 9, 30);

/** Returns a new copy of the shop's data. */
export function openBooks(): Books {
  const customers = new Map(customerRows.map(customer).map((entry) => [entry.name, entry]));
  const pictures = new Map(productRows.map(([id, title]) => [`pictures/${id}.svg`, picture(title)]));
  const products = new Map(
    productRows.map((row, index) => product(row, index, pictures)).map((entry) => [entry.name, entry]),
  );
  const orders = new Map(
    seedOrders([...customers.values()], [...products.values()]).map((entry) => [entry.name, entry]),
  );
  return { customers, products, orders, assets: pictures, visits: new Map() };
}

// The columns are: id, name, phone, tier, street, postal code, city, country, year of birth.
const customerRows = [
  ['ada', 'Ada Okafor', '+31 20 555 0101', 'GOLD', 'Prinsengracht 263', '1016 GV', 'Amsterdam', 'NL', 1985],
  ['bjorn', 'Björn Lindqvist', '+46 8 555 0102', 'SILVER', 'Götgatan 11', '116 46', 'Stockholm', 'SE', 1979],
  ['chiara', 'Chiara Rossi', '', 'BASIC', 'Via Garibaldi 4', '16124', 'Genova', 'IT', 1992],
  ['deniz', 'Deniz Yılmaz', '+49 30 555 0104', 'BASIC', 'Oranienstraße 25', '10999', 'Berlin', 'DE', 1990],
  ['emeka', 'Emeka Eze', '+353 1 555 0105', 'SILVER', '12 Capel Street', 'D01 XY88', 'Dublin', 'IE', 1974],
  ['fatima', 'Fatima El Amrani', '', 'GOLD', 'Rue Neuve 80', '1000', 'Bruxelles', 'BE', 1988],
  ['goran', 'Goran Kovač', '+385 1 555 0107', 'BASIC', 'Ilica 15', '10000', 'Zagreb', 'HR', 1966],
  ['hana', 'Hana Nováková', '+420 2 555 0108', 'BASIC', 'Dlouhá 33', '110 00', 'Praha', 'CZ', 1997],
  ['ines', 'Inês Carvalho', '', 'SILVER', 'Rua Augusta 120', '1100-053', 'Lisboa', 'PT', 1983],
  ['jonas', 'Jonas Weber', '+41 44 555 0110', 'BASIC', 'Langstrasse 64', '8004', 'Zürich', 'CH', 2001],
] as const;

function customer(row: (typeof customerRows)[number], index: number): Customer {
  const [id, displayName, phone, tier, street, postalCode, city, countryCode, year] = row;
  const opened = timestamp(opening + index * 11 * dayMs);
  return {
    name: `customers/${id}`,
    displayName,
    email: `${id}@example.com`,
    ...(phone === '' ? {} : { phone }),
    tier: `TIER_${tier}`,
    birthDate: { year, month: (index % 12) + 1, day: 3 + index * 2 },
    addresses: [{ lines: [street], postalCode, city, countryCode }],
    labels: { segment: index % 4 === 1 ? 'wholesale' : 'retail' },
    loyaltyPoints: String(1250 - index * 110),
    ...(index % 3 === 2 ? {} : { newsletter: index % 3 === 0 }),
    preferences: struct({ theme: index % 2 === 0 ? 'dark' : 'light', sizes: [38 + index, 'M'], confirmByPhone: false }),
    createTime: opened,
    updateTime: opened,
  };
}

// The columns are: id, title, category, price in cents, stock, material, days of delivery.
const productRows = [
  ['oak-desk', 'Oak desk', 'FURNITURE', 34900, 12, 'oak', 7],
  ['oak-shelf', 'Oak shelf', 'FURNITURE', 12950, 31, 'oak', 5],
  ['beech-chair', 'Beech chair', 'FURNITURE', 8900, 64, 'beech', 5],
  ['swivel-chair', 'Swivel chair', 'FURNITURE', 21900, 0, 'steel', 14],
  ['walnut-table', 'Walnut table', 'FURNITURE', 64900, 4, 'walnut', 21],
  ['pine-bed', 'Pine bed', 'FURNITURE', 27500, 9, 'pine', 10],
  ['desk-lamp', 'Desk lamp', 'LIGHTING', 4995, 120, 'steel', 2],
  ['floor-lamp', 'Floor lamp', 'LIGHTING', 8950, 18, 'brass', 4],
  ['paper-lantern', 'Paper lantern', 'LIGHTING', 1495, 210, 'paper', 2],
  ['glass-pendant', 'Glass pendant', 'LIGHTING', 11900, 0, 'glass', 12],
  ['reading-light', 'Reading light', 'LIGHTING', 2995, 77, 'aluminium', 2],
  ['candle-set', 'Set of six candles', 'LIGHTING', 995, 340, 'beeswax', 1],
  ['wool-rug', 'Wool rug', 'TEXTILES', 18900, 14, 'wool', 6],
  ['linen-curtain', 'Linen curtain', 'TEXTILES', 5950, 42, 'linen', 3],
  ['cotton-throw', 'Cotton throw', 'TEXTILES', 3450, 88, 'cotton', 2],
  ['felt-cushion', 'Felt cushion', 'TEXTILES', 2450, 95, 'felt', 2],
  ['jute-mat', 'Jute mat', 'TEXTILES', 1995, 61, 'jute', 2],
  ['silk-scarf', 'Silk scarf', 'TEXTILES', 6900, 7, 'silk', 3],
  ['cast-iron-pot', 'Cast iron pot', 'KITCHEN', 9900, 26, 'iron', 3],
  ['chef-knife', 'Chef’s knife', 'KITCHEN', 7450, 33, 'steel', 2],
  ['stoneware-plate', 'Stoneware plate', 'KITCHEN', 1650, 180, 'stoneware', 2],
  ['espresso-cup', 'Espresso cup', 'KITCHEN', 950, 240, 'porcelain', 1],
  ['oak-board', 'Oak cutting board', 'KITCHEN', 3900, 51, 'oak', 2],
  ['copper-kettle', 'Copper kettle', 'KITCHEN', 8450, 0, 'copper', 9],
  ['garden-bench', 'Garden bench', 'GARDEN', 24900, 8, 'teak', 12],
  ['terracotta-pot', 'Terracotta pot', 'GARDEN', 1295, 150, 'terracotta', 2],
  ['watering-can', 'Watering can', 'GARDEN', 2250, 70, 'zinc', 2],
  ['hammock', 'Hammock', 'GARDEN', 6450, 22, 'cotton', 4],
  ['fire-bowl', 'Fire bowl', 'GARDEN', 15900, 6, 'steel', 8],
  ['bird-house', 'Bird house', 'GARDEN', 2850, 39, 'pine', 3],
] as const;

function product(row: (typeof productRows)[number], index: number, pictures: ReadonlyMap<string, Asset>): Product {
  const [id, title, category, cents, stock, material, deliveryDays] = row;
  const data = pictures.get(`pictures/${id}.svg`)?.data ?? new Uint8Array();
  return {
    name: `products/${id}`,
    title,
    description: `${title}, made of ${material}, at your door in ${deliveryDays} days.`,
    category: `CATEGORY_${category}`,
    sku: `${category.slice(0, 3)}-${String(index + 1).padStart(4, '0')}`,
    price: euros(cents),
    stock: String(stock),
    // Every seventh product is too new to have a rating.
    ...(index % 7 === 6 ? {} : { rating: 3 + ((index * 3) % 9) / 4 }),
    deliveryTime: days(deliveryDays),
    labels: { material, maker: index % 2 === 0 ? 'north-workshop' : 'harbour-mill' },
    discontinued: id === 'copper-kettle',
    pictureSha256: createHash('sha256').update(data).digest(),
    addTime: timestamp(opening + index * 9 * dayMs),
  };
}

function picture(title: string): Asset {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="240" height="80"><text x="12" y="48">${title}</text></svg>\n`;
  return { contentType: 'image/svg+xml', data: Buffer.from(svg) };
}

// The states repeat in this order. The length of the list is such that each customer has orders in every state.
const states = ['DELIVERED', 'SHIPPED', 'PENDING', 'PAID', 'DELIVERED', 'CANCELLED', 'PACKED'] as const;

function seedOrders(customers: readonly Customer[], products: readonly Product[]): Order[] {
  const random = randomFrom(20_260_103);
  const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
  return Array.from({ length: 60 }, (_, index) => {
    const buyer = at(customers, index);
    const state = at(states, index);
    const placed = firstOrder + index * 3 * dayMs + random(8) * 3_600_000;
    const items = Array.from({ length: 1 + random(3) }, (_, line) => {
      const bought = at(products, index * 7 + line * 11 + random(5));
      return { productId: bought.name.slice('products/'.length), quantity: 1 + random(4), unitPrice: bought.price };
    });
    const wanted = new Date(placed + 7 * dayMs);
    const left = state === 'SHIPPED' || state === 'DELIVERED';
    return {
      name: `${buyer.name}/orders/${5001 + index}`,
      state: `STATE_${state}`,
      items,
      total: totalOf(items),
      ...at([payment.card, payment.transfer, payment.gift], index)(index),
      shippingAddress: buyer.addresses[0] ?? null,
      deliveryDate: { year: wanted.getUTCFullYear(), month: wanted.getUTCMonth() + 1, day: wanted.getUTCDate() },
      preparationTime: { seconds: String(1800 + random(6) * 900), nanos: 500_000_000 },
      ...(index % 4 === 0 ? { giftWrap: index % 8 === 0 } : {}),
      notes: index % 5 === 0 ? ['Please ring twice.'] : [],
      labels: { channel: at(['web', 'phone', 'store'], index) },
      metadata: struct({ campaign: index % 2 === 0 ? 'spring' : null, basketChanges: random(9), devices: ['phone'] }),
      tracking: left ? parcel(index, placed + 2 * dayMs) : null,
      createTime: timestamp(placed),
      updateTime: timestamp(placed + (left ? 2 * dayMs : 0)),
      internalNotes: index % 6 === 0 ? 'Bought here before; check the address.' : '',
    };
  });
}

const payment = {
  card: (index: number) => ({ card: { network: 'visa', lastDigits: String(4000 + index * 7) } }),
  transfer: (index: number) => ({ bankTransfer: { iban: 'NL91ABNA0417164300', reference: `SHOP-${5001 + index}` } }),
  gift: (index: number) => ({ giftCardCode: `GIFT-${String(index).padStart(4, '0')}` }),
};

function parcel(index: number, seenMs: number): object {
  return {
    '@type': 'type.googleapis.com/shop.v1.ParcelTracking',
    carrier: 'Fast Parcel',
    trackingCode: `FP${(7_300_000 + index * 977).toString()}NL`,
    lastSeenTime: timestamp(seenMs),
  };
}

/** Returns the sum of the prices of the items. For less than 50 euros, 4.95 euros for delivery are added. */
export function totalOf(items: readonly OrderItem[]): Money {
  const goods = items.reduce((sum, item) => sum + item.quantity * (item.unitPrice ? centsOf(item.unitPrice) : 0), 0);
  return euros(goods < 5000 ? goods + 495 : goods);
}

/**
 * Returns a function `random(n)` that returns numbers from 0 to n - 1, in the same order in every run (a linear congruential
 * generator).
 */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
