/**
 * This module makes TypeScript types of a document with openapi-typescript. It and the TypeScript compiler are large, so
 * they are not dependencies. Users who want types install them.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Part } from './api.js';
import { writeJson } from './write.js';

/** The part of openapi-typescript that is used. It is a CommonJS module, so its own default export is inside of another one. */
interface Generator {
  readonly default: { default(document: unknown): Promise<unknown[]>; astToString(ast: unknown[]): string };
}

/** Returns the types as the text of a `.d.ts` file. Throws an Error that says what to install if the generator is not there. */
export async function typescriptOf(parts: Iterable<Part | undefined>): Promise<string> {
  const { default: generator } = await load();
  const ast = await generator.default(JSON.parse([...writeJson(parts)].join('')));
  return `/** Types of the API for openapi-fetch. \`protogate openapi --typescript\` has written them. */\n\n${generator.astToString(ast)}`;
}

/** Loads the generator from beside protogate, or else from the folder in which the command runs. */
async function load(): Promise<Generator> {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      const path = createRequire(from).resolve('openapi-typescript');
      // Only its name is known here: its types need another version of TypeScript.
      return (await import(pathToFileURL(path).href)) as Generator;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('--typescript needs two more packages: npm install openapi-typescript typescript@5');
}
