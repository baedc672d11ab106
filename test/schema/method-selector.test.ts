import test from 'ava';
import { parseMethodSelector, selectorHint } from '../../src/schema/method-selector.js';

const method = { fullName: 'shop.v1.Orders/ListOrders', labels: ['mobile', 'slow'] };

test('a selector is a method, a service, a package, a label or everything', (t) => {
  const rows: readonly [text: string, selects: boolean | undefined][] = [
    ['*', true],
    ['shop.*', true],
    ['shop.v1.*', true],
    ['shop.v1.Orders.*', true],
    ['shop.v1.Orders.ListOrders', true],
    ['shop.v1.Orders/ListOrders', true],
    ['label:mobile', true],
    ['label:mob', false],
    ['shop.v1.Order.*', false],
    ['shop.v1', false],
    ['shop.v1.Orders', false],
    ['shop.v1.Orders.ListOrders.*', false],
    ['', undefined],
    ['shop', undefined],
    ['shop.*.ListOrders', undefined],
    ['shop.v1.Orders/*', undefined],
    ['*.Orders', undefined],
    ['label:', undefined],
    ['shop.v1.*.*', undefined],
    ['shop..v1', undefined],
  ];
  for (const [text, selects] of rows) t.is(parseMethodSelector(text)?.(method), selects, text);
});

test('the hint for a selector that selects nothing keeps the way in which it was written', (t) => {
  const methods = ['shop.v1.Orders/ListOrders', 'shop.v1.Orders/GetOrder', 'shop.v1.Admin/Dump'];
  const rows: readonly [selector: string, hint: string][] = [
    ['shop.v1.Orders', ", did you mean 'shop.v1.Orders.*'?"],
    ['shop.v1.Order.*', ", did you mean 'shop.v1.Orders.*'?"],
    ['shop.v1.Orders/ListOrder', ", did you mean 'shop.v1.Orders/ListOrders'?"],
    ['shop.v1.Orders.ListOrder', ", did you mean 'shop.v1.Orders.ListOrders'?"],
    ['something.else.at.all', ''],
  ];
  for (const [selector, hint] of rows) t.is(selectorHint(selector, methods), hint, selector);
});
