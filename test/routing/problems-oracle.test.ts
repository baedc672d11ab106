/** Compares the diagnostics about all routes with the results of random requests. */
import test from 'ava';
import fc from 'fast-check';
import { atOnce } from '../../src/base/slices.js';
import type { Binding } from '../../src/routing/binding.js';
import { bindingTable } from '../../src/routing/binding-table.js';
import { pathTakenByVerb } from '../../src/routing/overlap.js';
import { parsePathTemplate } from '../../src/routing/path-template.js';
import { shapesOf, unreachableRoutes } from '../../src/routing/unreachable.js';
import { casesOf } from '../support/draws.js';
import { pause } from '../support/pause.js';
import { lines, path } from './random-routes.js';
import { show, tableOf } from './route-lines.js';

const OPTIONS = { seed: 20_260, numRuns: casesOf(400) };

function bindingOf(line: string): Binding {
  const [httpMethod = '', text = ''] = line.split(' ');
  const method = { fullName: line };
  return { httpMethod, template: parsePathTemplate(text), method, position: { file: line } } as Binding;
}

const routeOf = (found: string) => found.split(' ').slice(0, 2).join(' ');

test('no random request reaches a route that check reports as unreachable', async (t) => {
  let never = 0;
  const property = fc.asyncProperty(lines, fc.array(path, { minLength: 20, maxLength: 60 }), async (all, paths) => {
    await pause();
    const { table } = tableOf(all);
    const routes = all.map((line) => ({ binding: bindingOf(line) }));
    const built = bindingTable(routes.map((route) => ({ ...route, value: route }))).build();
    const unreachable = new Set(
      atOnce(unreachableRoutes(shapesOf(routes), built)).map(({ route }) => route.binding.method.fullName),
    );
    never += unreachable.size;
    for (const rawPath of paths) {
      for (const method of ['GET', 'POST', 'HEAD', 'PURGE']) {
        const found = routeOf(show(table.match(method, rawPath)));
        if (unreachable.has(found)) throw new Error(`${found}: expected never, got it by ${method} ${rawPath}`);
      }
    }
  });
  await t.notThrowsAsync(fc.assert(property, OPTIONS));
  t.true(never >= casesOf(6), `${never} routes that are never reached`);
});

test('a path that a verb-overlap names belongs to the other route without the verb', async (t) => {
  let taken = 0;
  const property = fc.asyncProperty(lines, async (all) => {
    await pause();
    for (const one of all) {
      for (const other of all) {
        const [verb, without] = [one, other].map((line) => `GET ${line.split(' ')[1]}`) as [string, string];
        const rawPath = pathTakenByVerb(bindingOf(verb).template, bindingOf(without).template);
        if (rawPath === undefined || verb === without) continue;
        taken++;
        const found = [[verb, without], [without]].map((some) =>
          routeOf(show(tableOf(some).table.match('GET', rawPath))),
        );
        if (found[0] !== verb || found[1] !== without) throw new Error(`${rawPath}: ${verb} and ${without}: ${found}`);
      }
    }
  });
  await t.notThrowsAsync(fc.assert(property, { ...OPTIONS, numRuns: casesOf(400) }));
  t.true(taken > casesOf(1000), `${taken} paths`);
});

test('no path that a verb takes from another route is missed', async (t) => {
  const property = fc.asyncProperty(lines, fc.array(path, { minLength: 10, maxLength: 30 }), async (all, paths) => {
    await pause();
    for (const one of all.filter((line) => parsePathTemplate(line.split(' ')[1]!).verb !== undefined)) {
      for (const other of all) {
        const [verb, without] = [one, other].map((line) => `GET ${line.split(' ')[1]}`) as [string, string];
        const templates = [verb, without].map((line) => bindingOf(line).template);
        if (verb === without || templates[0]!.verb === templates[1]!.verb) continue;
        const tables = [[verb], [without], [verb, without]].map((some) => tableOf(some).table);
        for (const rawPath of paths) {
          const [first, second, winner] = tables.map((table) => routeOf(show(table.match('GET', rawPath))));
          if (first !== verb || second !== without || winner !== verb) continue;
          if (pathTakenByVerb(templates[0]!, templates[1]!) === undefined)
            throw new Error(`${rawPath}: ${verb} takes it from ${without}`);
        }
      }
    }
  });
  await t.notThrowsAsync(fc.assert(property, { ...OPTIONS, numRuns: casesOf(100) }));
});
