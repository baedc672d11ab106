/** A registry that takes over the descriptors of another one is like one that is linked from the beginning. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { loadAgain } from '../../src/schema/load-again.js';
import type { SchemaSources } from '../../src/schema/loaded-files.js';
import { loadSchema, type Schema } from '../../src/schema/source.js';
import { casesOf, draws } from '../support/draws.js';
import { protoFolder } from '../support/gateway.js';
import { plainSchema } from './plain.js';

const FILES = 16;
const names = Array.from({ length: FILES }, (_, i) => `f${i}`);

/** Some files are in one package, so that a name of one may hide a name of another. */
const packageOf = (i: number) => `all.p${i % 5}${i % 3 === 0 ? '.deep' : ''}`;

/** Returns the text of a file. `needed` are the numbers of the files whose message it has as fields. */
function textOf(i: number, needed: readonly number[], more = ''): string {
  const fields = needed.map((other, at) => `${packageOf(other)}.M${other} f${at} = ${at + 2};`);
  return `syntax = "proto3"; package ${packageOf(i)};
import "google/api/annotations.proto";
${needed.map((other) => `import "f${other}.proto";`).join('\n')}
message M${i} { string id = 1; ${fields.join(' ')} }
${more}
service S${i} { rpc Get(M${i}) returns (M${i}) { option (google.api.http) = { get: "/v1/f${i}/{id}" }; } }`;
}

async function start(t: ExecutionContext) {
  const texts = names.map((_, i) =>
    textOf(
      i,
      [i * 2 + 1, i * 2 + 2].filter((other) => other < FILES),
    ),
  );
  const folder = await protoFolder(t, Object.fromEntries(texts.map((text, i) => [`f${i}.proto`, text])));
  const sources: SchemaSources = { protos: [folder], imports: [], descriptorSets: [] };
  const write = (i: number, text: string) => writeFile(join(folder, `f${i}.proto`), text);
  return { sources, write, first: loadSchema(sources) };
}

const method = ({ registry }: Schema, i: number) => registry.method(`${packageOf(i)}.S${i}/Get`);
const plain = ({ registry, diagnostics }: Schema) => [
  diagnostics,
  plainSchema(registry, [...names.map((_, i) => `${packageOf(i)}.M${i}`), 'all.p0.Extra']),
];

test('descriptors are kept of files that need no changed file, and the old registry stays as it was', async (t) => {
  const { sources, write, first } = await start(t);
  const before = plain(first);
  await write(5, textOf(5, [11, 12], 'message Added {}'));
  const changed = await loadAgain(sources, first);
  // 5 is needed by 2, and 2 by 0.
  const isKept = (i: number) => method(changed, i) === method(first, i);
  t.deepEqual(
    names.flatMap((_, i) => (isKept(i) ? [] : [i])),
    [0, 2, 5],
  );
  t.deepEqual(plain(changed), plain(loadSchema(sources)));
  t.deepEqual(plain(first), before);
});

test('a schema that is not taken over does not change the one before', async (t) => {
  const { sources, write, first } = await start(t);
  await write(5, textOf(5, [], 'message Added {}'));
  await loadAgain(sources, first);
  // Nothing of these was linked before.
  const type = first.registry.message(`${packageOf(2)}.M2`)!.fieldNamed('f0')!.type;
  t.is(type.kind === 'message' && type.message.fields.length, 3);
});

test('a name that comes nearer is found, and one that goes is missed', async (t) => {
  const { sources, write, first } = await start(t);
  await write(30, `syntax = "proto3"; package all; message Extra { string far = 1; }`);
  await write(5, textOf(5, [], 'message User { Extra extra = 1; }').replace('returns (M5)', 'returns (User)'));
  const far = await loadAgain(sources, first);
  t.deepEqual(plain(far), plain(loadSchema(sources)));
  await write(31, `syntax = "proto3"; package ${packageOf(5)}; message Extra { string near = 1; }`);
  const near = await loadAgain(sources, far);
  t.deepEqual(plain(near), plain(loadSchema(sources)));
  const extra = method(near, 5)!.output.fields[0]!.type;
  t.is(extra.kind === 'message' && extra.message.fullName, `${packageOf(5)}.Extra`);
  await write(31, `syntax = "proto3"; package ${packageOf(5)};`);
  await write(30, 'syntax = "proto3"; package all;');
  const gone = await loadAgain(sources, near);
  t.throws(() => method(gone, 5)!.output.fields[0]!.type, { message: /declares Extra/ });
  await write(30, `syntax = "proto3"; package all; message Extra { string far = 1; }`);
  t.deepEqual(plain(await loadAgain(sources, gone)), plain(far));
});

test('after each of many changes, some of them refused, the schema equals that of a first load', async (t) => {
  const { sources, write, first } = await start(t);
  const draw = draws(7);
  let served = first;
  for (let round = 0; round < casesOf(40); round++) {
    for (let changes = 1 + draw(2); changes > 0; changes--) {
      const i = draw(FILES);
      const needed = Array.from({ length: draw(3) }, () => i + 1 + draw(5)).filter((other) => other < FILES);
      const more = ['', 'message Extra { int32 a = 1; }', 'enum Kind { NONE = 0; }'][draw(3)]!;
      await write(i, textOf(i, [...new Set(needed)], `${more.replace('Extra', `Extra${draw(2) === 0 ? '' : i}`)}`));
    }
    const before = plain(served);
    const next = await loadAgain(sources, served);
    t.deepEqual(plain(next), plain(loadSchema(sources)), `round ${round}`);
    t.deepEqual(plain(served), before, `round ${round}: the one before`);
    if (draw(3) > 0) served = next;
  }
});
