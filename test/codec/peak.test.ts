/**
 * The most memory that writing an answer holds. The test has a file, and so a process, of its own, because the peak is that
 * of the process.
 */
import test from 'ava';
import { createCodecs } from '../../src/codec/codec.js';
import { JsonWriter } from '../../src/codec/json-writer.js';
import type { StatusError } from '../../src/status/status-error.js';
import { JSON_OPTIONS } from '../support/json.js';
import { schemaOf } from '../support/schema.js';

const MiB = 1 << 20;
const LONG = 'A_VALUE_WITH_A_NAME_THAT_GOES_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON_AND_ON';

test('packed enums with long names hold four times the limit at most, and what came', async (t) => {
  const { registry } = await schemaOf(`syntax = "proto3"; package t;
    enum Color { NONE = 0; ${LONG} = 1; } message Many { repeated Color colors = 1; }`);
  const maxBytes = 32 * MiB;
  const codec = createCodecs(registry, { ...JSON_OPTIONS, maxBytes }).of(registry.message('t.Many')!);
  // The wire has field 1 with a length of 8 MiB and as many times the value 1, which is 750 MB of JSON.
  const wire = Buffer.concat([Buffer.from([0x0a, 0x80, 0x80, 0x80, 0x04]), Buffer.alloc(8 * MiB, 1)]);
  const before = process.resourceUsage().maxRSS * 1024;
  const error = t.throws(() => new JsonWriter().collect((out) => codec.write(wire, out))) as StatusError;
  const grown = process.resourceUsage().maxRSS * 1024 - before;
  t.is(error.httpStatus, 502);
  t.true(grown < 4 * maxBytes + wire.length, `${Math.round(grown / MiB)} MiB`);
});
