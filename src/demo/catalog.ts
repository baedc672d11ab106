/**
 * This service has products, stock and files. It is an example of filters in the query, of three forms of the body for one
 * method, and of google.api.HttpBody in both directions, as a whole and in pieces.
 */
import type { Asset, Books, Product } from './data.js';
import { type FieldMask, page, pick } from './listing.js';
import { invalid, notFound } from './refusal.js';
import { reviewsOf } from './reviews.js';
import type { Handlers } from './service.js';
import { centsOf, type Duration, euros, millisOf, type Timestamp, timestamp } from './values.js';

const type = 'shop.v1.Product';

interface Filter {
  categories: string[];
  price: { minUnits?: string; maxUnits?: string } | null;
  inStock: { value: boolean } | null;
  addedAfter: Timestamp | null;
  maxDeliveryTime: Duration | null;
  labels: Record<string, string>;
  minRating: { value: number } | null;
}

interface ListProducts {
  filter: Filter | null;
  pageSize: number;
  pageToken: string;
  showDiscontinued: boolean;
  readMask: FieldMask | null;
}

interface HttpBody {
  contentType: string;
  data: Uint8Array;
}

/** The most bytes of a file that is uploaded in pieces. */
const MOST_BYTES = 64 << 20;
const PIECE_BYTES = 64 << 10;

/** Returns the handlers of the service, by method name. */
export function catalog(books: Books): Handlers {
  function find(name: string): Product {
    const found = books.products.get(name);
    if (found === undefined) throw notFound(type, name);
    return found;
  }

  function asset(path: string): Asset {
    const found = books.assets.get(path);
    if (found === undefined) throw notFound('shop.v1.Asset', path);
    return found;
  }

  return {
    GetProduct: ({ name }: { name: string }): Product => find(name),

    BatchGetProducts({ names }: { names: string[] }): object {
      if (names.length > 50) throw invalid('names', `expected at most 50, got ${names.length}`);
      return { products: names.map(find) };
    },

    ListProducts({ filter, pageSize, pageToken, showDiscontinued, readMask }: ListProducts): object {
      const all = [...books.products.values()].filter(
        (product) => (showDiscontinued || !product.discontinued) && fits(product, filter),
      );
      const { items, nextPageToken } = page(all, pageSize, pageToken);
      return { products: items.map((product) => pick(product, readMask)), nextPageToken };
    },

    SearchProducts({ query, filter }: { query: string; filter: Filter | null }): object {
      const words = query.toLowerCase().split(/\s+/).filter(Boolean);
      if (words.length === 0) throw invalid('query', 'expected a word, got none');
      const products = [...books.products.values()]
        .filter((product) => {
          const text = `${product.title} ${product.description}`.toLowerCase();
          return words.every((word) => text.includes(word)) && fits(product, filter);
        })
        .sort((a, b) => (a.title < b.title ? -1 : 1));
      return { products };
    },

    GetCategorySummary({ category }: { category: string }): object {
      const prices = [...books.products.values()]
        .filter((product) => product.category === category)
        .map(({ price }) => centsOf(price));
      if (prices.length === 0) throw notFound('shop.v1.Category', category);
      return { category, productCount: prices.length, lowestPrice: euros(Math.min(...prices)) };
    },

    ReplaceProduct({ product }: { product: Product | null }): Product {
      if (!product?.title) throw invalid('product.title', 'expected a title, got none');
      if (product.price === null) throw invalid('product.price', 'expected a price, got none');
      const addTime = books.products.get(product.name)?.addTime ?? timestamp(Date.now());
      const kept: Product = { ...product, addTime };
      books.products.set(kept.name, kept);
      return kept;
    },

    ListReviews({ parent }: { parent: string }): object {
      return { reviews: reviewsOf(find(parent).name) };
    },

    GetStock({ sku }: { sku: string }): object {
      const found = [...books.products.values()].find((product) => product.sku === sku);
      if (found === undefined) throw notFound('shop.v1.Stock', sku);
      return { sku, quantity: found.stock };
    },

    GetAsset: ({ path }: { path: string }): object => asset(path),

    CheckAsset: ({ path }: { path: string }): object => about(path, asset(path)),

    UploadAsset({ path, content }: { path: string; content: HttpBody | null }): object {
      if (path === '') throw invalid('path', 'expected a path, got none');
      if (content === null || content.data.length === 0) throw invalid('content', 'expected a file, got nothing');
      const stored = { contentType: content.contentType, data: content.data };
      books.assets.set(path, stored);
      return about(path, stored);
    },

    async StoreAsset(pieces: AsyncIterable<{ path: string; content: HttpBody | null }>): Promise<object> {
      let [path, contentType, size] = ['', '', 0];
      const kept: Uint8Array[] = [];
      for await (const { path: named, content } of pieces) {
        path ||= named;
        contentType ||= content?.contentType ?? '';
        size += content?.data.length ?? 0;
        if (size > MOST_BYTES) throw invalid('content', `expected at most ${MOST_BYTES} bytes, got more`);
        if (content !== null) kept.push(content.data);
      }
      const stored = { contentType, data: Buffer.concat(kept) };
      books.assets.set(path, stored);
      return about(path, stored);
    },

    async *DownloadAsset({ path }: { path: string }) {
      const { contentType, data } = asset(path);
      yield { contentType, data: data.subarray(0, PIECE_BYTES) };
      for (let at = PIECE_BYTES; at < data.length; at += PIECE_BYTES) {
        yield { contentType: '', data: data.subarray(at, at + PIECE_BYTES) };
      }
    },
  };
}

function about(path: string, { contentType, data }: Asset): object {
  return { path, contentType, sizeBytes: data.length };
}

function fits(product: Product, filter: Filter | null): boolean {
  if (filter === null) return true;
  const { categories, price, inStock, addedAfter, maxDeliveryTime, labels, minRating } = filter;
  const cents = centsOf(product.price);
  const carried = new Map(Object.entries(product.labels));
  return (
    (categories.length === 0 || categories.includes(product.category)) &&
    (price?.minUnits === undefined || cents >= Number(price.minUnits) * 100) &&
    (price?.maxUnits === undefined || cents <= Number(price.maxUnits) * 100) &&
    (inStock === null || (product.stock !== '0') === inStock.value) &&
    (addedAfter === null || millisOf(product.addTime) >= millisOf(addedAfter)) &&
    (maxDeliveryTime === null ||
      (product.deliveryTime !== null && millisOf(product.deliveryTime) <= millisOf(maxDeliveryTime))) &&
    Object.entries(labels).every(([key, label]) => carried.get(key) === label) &&
    (minRating === null || (product.rating ?? 0) >= minRating.value)
  );
}
