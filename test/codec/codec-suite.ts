/**
 * The contract of `src/codec/codec.ts` as tests. Every codec runs all of them: `codecSuite('weaving', createCodecs)`.
 * Besides, protobuf's official conformance runner (`npm run conformance`) tests the codec that is in use.
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
