/** This module names the surfaces that have a problem, if not all surfaces have it. */
import { type Diagnostic, formatDiagnostic } from '../base/diagnostic.js';

interface Found {
  readonly name: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Returns the problems of all surfaces, each once. If only some surfaces have a problem, its text names them. */
export function ofSomeSurfaces(surfaces: readonly Found[]): readonly Diagnostic[] {
  const [only] = surfaces;
  if (surfaces.length === 1) return only!.diagnostics;
  const byLine = new Map<string, { readonly diagnostic: Diagnostic; readonly names: Set<string> }>();
  for (const { name, diagnostics } of surfaces) {
    for (const diagnostic of diagnostics) {
      const line = formatDiagnostic(diagnostic);
      const known = byLine.get(line);
      if (known === undefined) byLine.set(line, { diagnostic, names: new Set([name]) });
      else known.names.add(name);
    }
  }
  return [...byLine.values()].map(({ diagnostic, names }) => {
    const list = [...names].join(', ');
    const isNamed = names.size === surfaces.length || diagnostic.text.includes(`surface ${list}`);
    return isNamed ? diagnostic : { ...diagnostic, text: `${diagnostic.text} (surface ${list})` };
  });
}
