/**
 * This module chooses the part of the schema that a surface has: its methods, the schema without its omitted fields (the view),
 * and the codecs. Surfaces with the same fields and JSON options share one view and one set of codecs.
 */
import { type Diagnostic, errorAt, warningAt } from '../base/diagnostic.js';
import { meantHint } from '../base/did-you-mean.js';
import { type Codecs, createCodecs } from '../codec/codec.js';
import type { SurfaceConfig } from '../config/surface-configs.js';
import type { MethodDescriptor, Registry } from '../schema/descriptor.js';
import { registryWithout, type SchemaView } from '../schema/field-omission.js';
import { parseMethodSelector, selectorHint } from '../schema/method-selector.js';
import type { SurfaceSchema } from './plan-surface.js';

/** The views and codecs, by the settings that they depend on. They are used again after a reload that does not change these. */
export class SharedSchemas {
  private readonly views = new Map<string, SchemaView>();
  private readonly codecs = new Map<string, Codecs>();
  private last: SharedSchemas | undefined;

  /** `previous` has the views and codecs of the plan that is served now. They are used again if the registry is the same. */
  constructor(
    private readonly registry: Registry,
    previous: SharedSchemas | undefined,
  ) {
    this.last = previous?.registry === registry ? previous : undefined;
  }

  of({ block, config }: SurfaceConfig): SurfaceSchema {
    const { json, limits } = config;
    const omitted = [...new Set(block?.omitFields)].toSorted();
    const key = JSON.stringify(omitted);
    const view = omitted.length === 0 ? undefined : this.view(key, omitted);
    const registry = view ?? this.registry;
    const options = { ...json, maxDepth: limits.jsonDepth, maxBytes: limits.responseBytes };
    const codecs = this.codecsOf(JSON.stringify([omitted, options]), () =>
      createCodecs(registry, { ...options, omitFields: new Set(omitted) }),
    );
    const includes = selecting(block?.include ?? ['*']);
    const excludes = selecting(block?.exclude ?? []);
    const has = (method: MethodDescriptor) => includes(method) && !excludes(method);
    return { has, excludes, registry, view, codecs };
  }

  /** Removes the reference to the previous views and codecs, so that their memory can be freed. Returns this object. */
  settle(): this {
    this.last = undefined;
    return this;
  }

  private view(key: string, omitted: readonly string[]): SchemaView {
    const known = this.views.get(key) ?? this.last?.views.get(key);
    const view = known ?? registryWithout(this.registry, new Set(omitted));
    this.views.set(key, view);
    return view;
  }

  private codecsOf(key: string, create: () => Codecs): Codecs {
    const codecs = this.codecs.get(key) ?? this.last?.codecs.get(key) ?? create();
    this.codecs.set(key, codecs);
    return codecs;
  }
}

function selecting(selectors: readonly string[]): (method: MethodDescriptor) => boolean {
  const parsed = selectors.flatMap((text) => parseMethodSelector(text) ?? []);
  return (method) => parsed.some((selects) => selects(method));
}

/** Returns the problems of the method selectors and the field names in the config of a surface. */
export function namingProblems(
  { name, block }: SurfaceConfig,
  registry: Registry,
  routed: () => readonly MethodDescriptor[],
): readonly Diagnostic[] {
  if (block === undefined) return [];
  const methods = [...new Set(routed())];
  const diagnostics: Diagnostic[] = [];
  for (const key of ['include', 'exclude'] as const) {
    for (const selector of block[key]) {
      const selects = parseMethodSelector(selector);
      if (selector === '*' || selects === undefined || methods.some(selects)) continue;
      const hint = selectorHint(
        selector,
        methods.map(({ fullName }) => fullName),
      );
      const text = `surface ${name}: ${key}: expected a selector that matches a method with a route, got '${selector}'${hint}`;
      // An `exclude` that selects nothing is an error, because the method that was meant stays in the surface.
      diagnostics.push((key === 'exclude' ? errorAt : warningAt)(block.position, 'surface-selector', text));
    }
  }
  for (const path of block.omitFields) {
    const dot = path.lastIndexOf('.');
    const message = registry.message(path.slice(0, dot));
    const last = path.slice(dot + 1);
    if (message?.fields.some((field) => field.name === last) === true) continue;
    const expected = message === undefined ? 'the full name of a field' : `a field of ${message.fullName}`;
    const hint = meantHint(last, message?.fields.map((field) => field.name) ?? []);
    const text = `surface ${name}: omitFields: expected ${expected}, got '${path}'${hint}`;
    diagnostics.push(errorAt(block.position, 'omitted-field', text));
  }
  return diagnostics;
}
