/**
 * Whether a template with a verb takes paths that another one matches too, with the colon as data:
 *
 *     /v1/{resource=**}:getIamPolicy   over   /v1/{name=users/*}   →   /v1/users/x:getIamPolicy
 */
import type { PathTemplate, TemplateSegment } from './path-template.js';

/** A path that both match, of which the first has the verb; undefined: there is none. */
export function pathTakenByVerb(taking: PathTemplate, other: PathTemplate): string | undefined {
  const { verb } = taking;
  if (verb === undefined || verb === other.verb) return undefined;
  if (other.verb !== undefined && !verb.endsWith(`:${other.verb}`)) return undefined;
  for (const segments of endings(other.segments)) {
    const common = commonPath(taking.segments, 0, segments, 0);
    if (common !== undefined && common !== '') return `${common}:${verb}`;
  }
  return undefined;
}

/**
 * The template with a `*` at its end, where a segment that ends in a verb can stand: of a `**` there it is one segment, or
 * the `**` is empty. A literal holds no raw colon, and so is another segment.
 */
function endings(segments: readonly TemplateSegment[]): readonly (readonly TemplateSegment[])[] {
  const last = segments.at(-1);
  if (last === undefined || last.kind === 'literal') return [];
  if (last.kind === 'any') return [segments];
  return [segments.toSpliced(-1, 0, { kind: 'any' }), ...endings(segments.slice(0, -1))];
}

/** A path that both lists of segments match, from the places on. Each has one `**` at most. */
function commonPath(
  a: readonly TemplateSegment[],
  i: number,
  b: readonly TemplateSegment[],
  j: number,
): string | undefined {
  const [x, y] = [a[i], b[j]];
  if (x === undefined && y === undefined) return '';
  if (x?.kind === 'rest') return commonPath(a, i + 1, b, j) ?? after(y, y && commonPath(a, i, b, j + 1));
  if (y?.kind === 'rest') return commonPath(a, i, b, j + 1) ?? after(x, x && commonPath(a, i + 1, b, j));
  if (x === undefined || y === undefined) return undefined;
  if (x.kind === 'literal' && y.kind === 'literal' && x.literal !== y.literal) return undefined;
  return after(x.kind === 'literal' ? x : y, commonPath(a, i + 1, b, j + 1));
}

function after(segment: TemplateSegment | undefined, rest: string | undefined): string | undefined {
  if (segment === undefined || rest === undefined) return undefined;
  if (segment.kind === 'rest') return rest;
  return `/${segment.kind === 'literal' ? encodeURIComponent(segment.literal) : 'x'}${rest}`;
}
