/**
 * This module makes TypeScript types of a document with openapi-typescript. It and the TypeScript compiler are large, so that
 * they are not dependencies: who wants types installs them.
 */
import type { Part } from './api.js';
import { writeJson } from './write.js';

/** The part of openapi-typescript that is used. */
interface Generator {
  default(document: string): Promise<unknown[]>;
  astToString(ast: unknown[]): string;
}

/** Returns the types as the text of a `.d.ts` file. Throws an Error that says what to install if the generator is not there. */
export async function typescriptOf(parts: Iterable<Part | undefined>): Promise<string> {
  const generator = await load();
  const ast = await generator.default([...writeJson(parts)].join(''));
  return `/** Types of the API for openapi-fetch. \`protogate openapi --typescript\` has written them. */\n\n${generator.astToString(ast)}`;
}

async function load(): Promise<Generator> {
  // The name is not a literal, because the types of the package need another version of TypeScript.
  const name = 'openapi-typescript';
  try {
    return (await import(name)) as Generator;
  } catch (error) {
    throw new Error(`--typescript needs two more packages: npm install openapi-typescript typescript@5`, {
      cause: error,
    });
  }
}
