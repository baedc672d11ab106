/** Checks the public API: every export is documented, and every type that an exported type names is exported too. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';

interface Declaration {
  readonly name: string;
  /** The declaration without its comments. */
  readonly text: string;
  readonly documented: boolean;
  /** The types that its file imports from src or exports itself. */
  readonly known: ReadonlySet<string>;
}

/** Returns the declarations that `src/index.ts` exports. They are read where they are declared. */
async function publicDeclarations(): Promise<readonly Declaration[]> {
  const index = await readFile('src/index.ts', 'utf8');
  const files = [...index.matchAll(/export (?:type )?\{([^}]+)\} from '(.+)\.js'/g)].map(
    async ([, list = '', path = '']) => {
      const source = await readFile(join('src', `${path}.ts`), 'utf8');
      const names = list.split(',').map((item) => item.trim().replace(/^type /, ''));
      return names.filter((name) => name !== '').map((name) => declarationOf(name, source));
    },
  );
  return (await Promise.all(files)).flat();
}

function declarationOf(name: string, source: string): Declaration {
  // A type alias ends with a semicolon at the end of a line, everything else with a brace at the start of one.
  const kinds = `(?:type ${name}\\b[\\s\\S]*?;$|(?:interface|class|enum|function) ${name}\\b[\\s\\S]*?^\\}$)`;
  const found = new RegExp(`^((?:/\\*\\*(?:(?!\\*/)[\\s\\S])*\\*/\\n)?)export (?:async )?${kinds}`, 'm').exec(source);
  if (found === null) throw new Error(`src/index.ts: expected a declaration of ${name} in its file`);
  const imported = [...source.matchAll(/import (?:type )?\{([^}]+)\} from '\.[^']*'/g)].flatMap(([, list = '']) =>
    list.split(',').map((item) => item.trim().replace(/^type /, '')),
  );
  const declared = [...source.matchAll(/^export (?:type|interface|class|enum) (\w+)/gm)].map(([, own = '']) => own);
  const text = found[0].replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
  return { name, text, documented: found[1] !== '', known: new Set([...imported, ...declared]) };
}

test('every public type and function has a comment of its own', async (t) => {
  const all = await publicDeclarations();
  t.true(all.length > 25, `only ${all.length}`);
  t.deepEqual(
    all.filter(({ documented }) => !documented).map(({ name }) => name),
    [],
  );
});

test('every type that a public type names is exported', async (t) => {
  const all = await publicDeclarations();
  const exported = new Set(all.map(({ name }) => name));
  const missing = all.flatMap(({ name, text, known }) => {
    // The body of a function is no part of its type.
    const type = /^export (?:async )?function/m.test(text) ? text.slice(0, text.indexOf('{\n')) : text;
    const named = new Set(type.match(/\b[A-Z]\w*/g));
    return [...named].filter((used) => known.has(used) && !exported.has(used)).map((used) => `${name} names ${used}`);
  });
  t.deepEqual(missing, []);
});

test('the sample of the package test names every public type', async (t) => {
  const sample = await readFile('test/package/typescript.ts', 'utf8');
  const all = await publicDeclarations();
  t.deepEqual(
    all.map(({ name }) => name).filter((name) => !new RegExp(`\\b${name}\\b`).test(sample)),
    [],
  );
});
