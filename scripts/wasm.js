/**
 * Compiles `src/codec/text-simd.wat`, and writes the code as base64 into `src/codec/text-simd-code.ts`, so that the gateway
 * reads no other file. `npm run check` looks whether that was done after the last change.
 *
 *     npm run wasm
 *     node scripts/wasm.js --check
 */
import { readFileSync, writeFileSync } from 'node:fs';
import wabt from 'wabt';

const file = (name) => new URL(`../src/codec/${name}`, import.meta.url);
const { parseWat } = await wabt();
const { buffer } = parseWat('text-simd.wat', readFileSync(file('text-simd.wat'))).toBinary({});
const lines = Buffer.from(buffer)
  .toString('base64')
  .match(/.{1,110}/g)
  .map((line) => `  '${line}',\n`);
const code = `/** This is \`text-simd.wat\` as WebAssembly, in base64. \`npm run wasm\` writes it. */
export const TEXT_SIMD_CODE = [\n${lines.join('')}].join('');\n`;
if (!process.argv.includes('--check')) writeFileSync(file('text-simd-code.ts'), code);
else if (readFileSync(file('text-simd-code.ts'), 'utf8') !== code) {
  throw new Error(
    'expected text-simd-code.ts to be text-simd.wat as WebAssembly, got other code: `npm run wasm` writes it',
  );
}
