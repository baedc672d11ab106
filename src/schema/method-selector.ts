/**
 * This module parses the selectors with which rules of the config select methods:
 *
 *     shop.v1.Orders.ListOrders   that method; shop.v1.Orders/ListOrders is the same
 *     shop.v1.Orders.*            the methods of that service
 *     shop.*                      everything below that package
 *     *                           every method
 *     label:mobile                every method whose policy carries that label
 *     shop.*.ListOrders           refused: `*` stands alone or last
 */

import { hintOf, meantHint } from '../base/did-you-mean.js';

export type MethodSelector = (method: SelectableMethod) => boolean;

export interface SelectableMethod {
  /** The full name: `pkg.Service/Method`. */
  readonly fullName: string;
  readonly labels: readonly string[];
}

/** The forms that a selector may have, for error texts. */
export const METHOD_SELECTOR_FORMS =
  'expected a method (shop.v1.Orders/ListOrders), a service or package (shop.v1.*), label:NAME or *';

const NAMES = '[A-Za-z_]\\w*(?:\\.[A-Za-z_]\\w*)*';
const METHOD = new RegExp(`^${NAMES}[./][A-Za-z_]\\w*$`);
const BELOW = new RegExp(`^${NAMES}\\.\\*$`);

/** Returns the selector of a text. Undefined when the text is not a selector. */
export function parseMethodSelector(text: string): MethodSelector | undefined {
  if (text === '*') return () => true;
  const label = /^label:(\S+)$/.exec(text)?.[1];
  if (label !== undefined) return ({ labels }) => labels.includes(label);
  if (BELOW.test(text)) {
    const prefix = text.slice(0, -1);
    return ({ fullName }) => dotted(fullName).startsWith(prefix);
  }
  const name = selectedMethod(text);
  return name === undefined ? undefined : ({ fullName }) => dotted(fullName) === name;
}

/** Returns the only method that a selector can select, as `pkg.Service.Method`. Undefined for other selectors. */
export function selectedMethod(text: string): string | undefined {
  return METHOD.test(text) ? dotted(text) : undefined;
}

/**
 * Returns the end of an error text about a selector that selects nothing, such as `, did you mean 'shop.v1.*'?`. The selector
 * in it has a `/` before the method's name if the wrong one has a `/`. Each of `methods` is a full name: `pkg.Service/Method`.
 */
export function selectorHint(selector: string, methods: readonly string[]): string {
  const services = [...new Set(methods.map((name) => name.slice(0, name.indexOf('/'))))];
  if (services.includes(selector)) return hintOf(`${selector}.*`);
  const names = selector.includes('/') ? methods : methods.map(dotted);
  return meantHint(selector, [...services.map((name) => `${name}.*`), ...names]);
}

/** Returns a full name such as `pkg.Service/Method` as `pkg.Service.Method`. */
export function dotted(fullName: string): string {
  return fullName.replace('/', '.');
}
