/** Draws routes and paths over small alphabets, so that they match often. */
import fc from 'fast-check';
import { parsePathTemplate } from '../../src/routing/path-template.js';

const literal = fc.constantFrom<string[]>('a', 'b', 'a%3Av', '%62', 'c%2Fd');
const segment: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: literal },
  { weight: 3, arbitrary: fc.constant('*') },
);

/** Segments with at most one `**`; some of them are put into variables. */
const templateText = fc
  .record({
    segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    restAt: fc.option(fc.nat(4)),
    cuts: fc.array(fc.nat(3), { maxLength: 5 }),
    verb: fc.constantFrom('', '', ':v', ':%77', ':a', ':a:v', ':a%3Av:w', ':v:a'),
  })
  .map(({ segments, restAt, cuts, verb }) => {
    const all = restAt === null ? segments : segments.toSpliced(restAt, 0, '**');
    const parts: string[] = [];
    for (let at = 0; at < all.length; ) {
      const length = cuts[parts.length] ?? 0;
      const taken = all.slice(at, at + Math.max(length, 1)).join('/');
      parts.push(length === 0 ? taken : `{f${at}=${taken}}`);
      at += Math.max(length, 1);
    }
    return `/${parts.join('/')}${verb}`;
  });

const line = fc.tuple(fc.constantFrom('GET', 'POST', 'HEAD', '*'), templateText).map((parts) => parts.join(' '));

const pathSegment = fc.constantFrom(
  'a',
  'b',
  'c',
  '%61',
  'a:v',
  'b:w',
  'a%3av',
  'a:a:v',
  'b:a:v:w',
  'a:a%3av:w',
  'b:v:a',
  ':a:v',
  'c%2fd',
  ':v',
  'b:',
  'x:a',
  '',
);
export const path = fc.oneof(
  { weight: 20, arbitrary: fc.array(pathSegment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`) },
  { weight: 1, arbitrary: fc.constant('/') },
);

/** Lines with different methods or shapes. */
export const lines = fc.uniqueArray(line, {
  minLength: 3,
  maxLength: 16,
  selector: (one) => `${one.split(' ')[0]} ${parsePathTemplate(one.split(' ')[1]!).shape}`,
});
