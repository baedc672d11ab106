/** A codec writes only into the writer that its caller passes. */
import ava, { type ExecutionContext } from 'ava';
import type { CreateCodecs } from '../../../src/codec/codec.js';
import { JsonWriter } from '../../../src/codec/json-writer.js';
import type { StatusError } from '../../../src/status/status-error.js';
import { JSON_OPTIONS } from '../../support/json.js';
import { schemaOf } from '../../support/schema.js';

const { registry } = schemaOf(`syntax = "proto3";
  package t;
  message Note { string text = 1; repeated Note notes = 2; map<string, string> labels = 3; }
`);

export function writingCases(name: string, createCodecs: CreateCodecs): void {
  const test = (fact: string, body: (t: ExecutionContext) => void) => ava(`${name}: ${fact}`, body);
  const codec = createCodecs(registry, JSON_OPTIONS).of(registry.message('t.Note')!);
  const read = (json: string) => codec.read(Buffer.from(json));

  test('a message is written at the place that its caller chooses, between the caller’s own bytes', (t) => {
    const out = new JsonWriter();
    const text = out.collectString((inside) => {
      inside.ascii('[');
      codec.write(read('{"text":"a"}'), inside);
      inside.ascii(',');
      codec.writeField(codec.descriptor.fieldNamed('notes')!, read('{"notes":[{"text":"b"}]}'), inside);
      inside.ascii(']');
    });
    t.is(text, '[{"text":"a"},[{"text":"b"}]]');
  });

  test('a message that is broken leaves nothing of itself or of what was written around it', (t) => {
    const out = new JsonWriter();
    const broken = Buffer.concat([read('{"text":"good"}'), Buffer.from('0a05', 'hex')]);
    for (const size of [0, 10, 100_000]) {
      const error = t.throws(() =>
        out.collect((inside) => {
          inside.ascii('x'.repeat(size));
          codec.write(broken, inside);
        }),
      ) as StatusError;
      t.is(error.httpStatus, 502);
      t.is(
        Buffer.from(out.collect((inside) => codec.write(read('{"text":"next"}'), inside))).toString(),
        '{"text":"next"}',
      );
    }
  });

  test('five thousand messages of one writer stay as they were written', (t) => {
    const out = new JsonWriter();
    const texts = Array.from({ length: 5000 }, (_, i) =>
      JSON.stringify({ text: `${'é"\n'.repeat(i % 7)}${'x'.repeat(1 + (i % 97))}` }),
    );
    const written = texts.map((text) => out.collect((inside) => codec.write(read(text), inside)));
    t.deepEqual(
      texts.filter((text, i) => Buffer.from(written[i]!).toString() !== text),
      [],
    );
  });

  test('the keys of maps do not count towards the caller’s own bytes', (t) => {
    const out = new JsonWriter();
    const json = '{"labels":{"a":"1","b":"2"}}';
    for (let i = 0; i < 3; i++)
      t.is(
        out.collectString((inside) => codec.write(read(json), inside)),
        json,
      );
  });
}
