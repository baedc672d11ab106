/** `.proto` text and a descriptor set that buf made from it give the same schema. */
import test from 'ava';
import { loadSchema } from '../../src/schema/source.js';
import { bothFormsOf } from '../support/descriptor-set.js';
import { FIXTURES, type Fixture } from './fixtures.js';
import { plainSchema } from './plain.js';

for (const [name, files] of FIXTURES) {
  for (const sourceInfo of [true, false]) {
    test(`${name}: as text and as a set ${sourceInfo ? 'with' : 'without'} source info`, async (t) => {
      const { folder, set } = await bothFormsOf(t, files, sourceInfo ? [] : ['--exclude-source-info']);
      const text = loadSchema({ protos: [folder], imports: [], descriptorSets: [] });
      const binary = loadSchema({ protos: [], imports: [], descriptorSets: [set] });
      t.deepEqual(text.diagnostics, []);
      t.deepEqual(binary.diagnostics, []);
      const names = namesIn(files);
      const strip = (value: unknown) =>
        sourceInfo ? value : JSON.parse(JSON.stringify(value, (k, v: unknown) => (k === 'comment' ? undefined : v)));
      const [a, b] = [strip(plainSchema(text.registry, names)), strip(plainSchema(binary.registry, names))];
      t.deepEqual(b, a);
    });
  }
}

/** Returns the names of all types that the files declare at the top level, read from their text. */
function namesIn(files: Fixture): string[] {
  return Object.values(files).flatMap((text) => {
    const scope = /package ([\w.]+);/.exec(text)?.[1];
    return [...text.matchAll(/(?:^|[;}] *)(?:message|enum) (\w+)/gm)]
      .map(([, name = '']) => (scope === undefined ? name : `${scope}.${name}`))
      .filter((n) => !n.endsWith('.N') || scope !== 'a.b.c');
  });
}
