/**
 * The contract of `src/codec/codec.ts` as tests. Every codec runs the whole of it: `codecSuite('weaving', createCodecs)`.
 * Beside it protobuf's official conformance runner (`npm run conformance`) asks the codec that is served.
 */
import type { CreateCodecs } from '../../src/codec/codec.js';
import { edgeCases } from './suite/edges.js';
import { oracleCases } from './suite/oracle.js';
import { weavingCases } from './suite/weaving.js';
import { writingCases } from './suite/writing.js';

export function codecSuite(name: string, createCodecs: CreateCodecs): void {
  edgeCases(name, createCodecs);
  weavingCases(name, createCodecs);
  writingCases(name, createCodecs);
  oracleCases(name, createCodecs);
}
