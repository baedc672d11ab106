/**
 * The schema of `surfaces`: the config may define several APIs from the same protos, for example one for each kind of client.
 * The settings of a surface have the same keys as the common blocks, but no defaults: a key that is absent has the common
 * value.
 */
import * as z from 'zod';
import { parseAuthority } from '../base/authority.js';
import { headerName } from '../base/values.js';
import { authBlock } from '../policy/access/settings.js';
import * as blocks from './blocks.js';
import { cors, policies } from './policies.js';

const HOST = 'expected a host name without a port, such as m.example.com, or *.example.com';
const BASE_PATH = 'expected a path such as /mobile, of letters, digits and -._~, without a slash at its end';
const FIELD = 'expected the full name of a field, such as shop.v1.Order.internal_notes';

/** The keys of `limits` that a surface may set. The others are limits of a connection, which all surfaces share. */
const OWN_LIMITS = ['bodyBytes', 'responseBytes', 'jsonDepth', 'requestTimeout'] as const;

const surface = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/, {
        error: 'expected a name such as mobile: letters a to z, digits and -',
      })
      .refine((name) => name !== 'none', { error: 'expected another name, because none stands for no surface' })
      .describe('The name of the surface in logs, metrics and the list of routes.'),
    hosts: z
      .array(z.string().transform(normalHost).refine(isHost, { error: HOST }))
      .default([])
      .describe(
        'The hosts that the surface takes. `*.example.com` stands for all names below it. Without this key, it takes every host.',
      ),
    basePath: z
      .string()
      .refine(isBasePath, { error: BASE_PATH })
      .default('')
      .describe('The path in front of every route of the surface. It is removed before the match.'),
    headers: z
      .record(headerName, z.string().min(1))
      .default({})
      .describe(
        'Headers that a request must have with these values. Any client can send them, so they protect nothing.',
      ),
    include: z.array(blocks.methodSelector).default(['*']).describe('Selectors of the methods that the surface has.'),
    exclude: z
      .array(blocks.methodSelector)
      .default([])
      .describe('Selectors of methods that the surface does not have. They win over `include`.'),
    omitFields: z
      .array(z.string().regex(/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/, { error: FIELD }))
      .default([])
      .describe(
        'Fields by their full names. No answer has them, and a request with one of them is refused as if the field did not exist.',
      ),
    auth: authBlock.describe('How callers prove who they are. It replaces the common block as a whole.'),
    policies: policies.describe('Policies of the surface. They come after the common policies, so they win over them.'),
    cors: partial<Cors, CorsInput>(cors),
    metadata: partial<Metadata, z.input<typeof blocks.metadata>>(blocks.metadata),
    json: partial<Json, z.input<typeof blocks.json>>(blocks.json),
    query: partial<Query, z.input<typeof blocks.query>>(blocks.query),
    errors: partial<Errors, z.input<typeof blocks.errors>>(blocks.errors),
    limits: partial<Limits, LimitsInput>(blocks.limits, OWN_LIMITS),
  })
  // The flag --surface sets `isServed` to false for all other surfaces.
  .transform((block) => ({ ...block, position: blocks.SOMEWHERE, isServed: true }));

export const surfaces = z
  .array(surface)
  .superRefine((all, { addIssue }) => {
    for (const [index, { name }] of all.entries()) {
      if (all.findIndex((other) => other.name === name) === index) continue;
      addIssue({ code: 'custom', path: [index, 'name'], message: 'expected each name once, got one twice' });
    }
  })
  .default([])
  .describe(
    'The APIs of the gateway, for example one for each kind of client. The host, the base path and the headers of a request decide to which surface it belongs. A request that fits none gets 404. Without this list, there is one surface, `default`.',
  );

type Cors = NonNullable<z.output<typeof cors>>;
type CorsInput = NonNullable<z.input<typeof cors>>;
type Metadata = z.output<typeof blocks.metadata>;
type Json = z.output<typeof blocks.json>;
type Query = z.output<typeof blocks.query>;
type Errors = Omit<z.output<typeof blocks.errors>, 'position'>;
type Limits = Pick<z.output<typeof blocks.limits>, 'bodyBytes' | 'responseBytes' | 'jsonDepth' | 'requestTimeoutMs'>;
type LimitsInput = Pick<NonNullable<z.input<typeof blocks.limits>>, (typeof OWN_LIMITS)[number]>;

/**
 * Returns a schema with the keys of `block`, in which all keys are optional and have no defaults. If `only` is given, it has
 * only these keys.
 */
function partial<Output, Input>(block: z.ZodType, only?: readonly string[]) {
  const keys = Object.entries(objectOf(block).shape).filter(([key]) => only === undefined || only.includes(key));
  const shape = keys.map(([key, schema]) => {
    const own = withoutDefault(schema as z.ZodType).optional();
    return [key, own.describe((schema as z.ZodType).description ?? '')] as const;
  });
  const own = z.strictObject(Object.fromEntries(shape)).transform((read) => renamed(read) as Partial<Output>);
  // The keys are computed, so the compiler does not know their types.
  const typed = own as unknown as z.ZodType<Partial<Output>, Partial<Input>>;
  return typed.optional().describe('Keys that replace those of the common block.');
}

/** Renames `requestTimeout` to the name that it has in the common block. */
function renamed({ requestTimeout, ...rest }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return requestTimeout === undefined ? rest : { ...rest, requestTimeoutMs: requestTimeout };
}

function objectOf(schema: z.ZodType): z.ZodObject {
  if (schema instanceof z.ZodObject) return schema;
  if (schema instanceof z.ZodPipe) return objectOf(schema.in as z.ZodType);
  return objectOf((schema as z.ZodPrefault | z.ZodOptional).unwrap() as z.ZodType);
}

function withoutDefault(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return withoutDefault(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodPipe && hasDefault(schema.in as z.ZodType)) {
    return z.pipe(withoutDefault(schema.in as z.ZodType), schema.out as z.ZodType);
  }
  return schema;
}

function hasDefault(schema: z.ZodType): boolean {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault;
}

/** Returns a host in one spelling: in lower case, without a dot at its end, and with brackets around an IPv6 address. */
function normalHost(text: string): string {
  const { host = '', port } = parseAuthority(text) ?? {};
  if (host.includes(':') && port === '') return `[${host}]`;
  return text.toLowerCase().replace(/\.$/, '');
}

function isHost(text: string): boolean {
  const name = text.startsWith('*.') ? text.slice(2) : text;
  const authority = parseAuthority(name);
  return name !== '' && !name.startsWith('*') && authority?.port === '' && !name.endsWith(':') && !/[%*]/.test(name);
}

function isBasePath(text: string): boolean {
  const [first, ...segments] = text.split('/');
  return first === '' && segments.length > 0 && segments.every((one) => /^[\w.~-]+$/.test(one) && !/^\.\.?$/.test(one));
}
