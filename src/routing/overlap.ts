/**
 * This module finds paths that two templates match. A template with a verb takes paths that another template, without that
 * verb, matches too:
 *
 *     /v1/{resource=**}:getIamPolicy   over   /v1/{name=users/*}   →   /v1/users/x:getIamPolicy
 */
import type { PathTemplate, TemplateSegment } from './path-template.js';

/** Returns a path that both templates match, with the verb of `taking` at its end; undefined when there is no such path. */
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
 * Returns a path that both templates match; undefined when there is none. If their verbs differ, it ends in the verb of `a`.
 */
export function pathOfBoth(a: PathTemplate, b: PathTemplate): string | undefined {
  if (a.verb !== b.verb) return pathTakenByVerb(a, b);
  const common = commonPath(a.segments, 0, b.segments, 0);
  if (common === undefined) return undefined;
  return `${common === '' ? '/' : common}${a.verb === undefined ? '' : `:${a.verb}`}`;
}

/**
 * Returns the forms of a template for paths whose last segment ends in a verb. Only `*` and `**` match such a segment,
 * because a literal contains no raw colon. A `**` at the end has two kinds of forms: it matches at least one segment (`**`
 * followed by `*`), or it matches none, and the segments in front of it are the end.
 */
function endings(segments: readonly TemplateSegment[]): readonly (readonly TemplateSegment[])[] {
  const last = segments.at(-1);
  if (last === undefined || last.kind === 'literal') return [];
  if (last.kind === 'any') return [segments];
  return [segments.toSpliced(-1, 0, { kind: 'any' }), ...endings(segments.slice(0, -1))];
}

/**
 * Returns a path that the segments of `a` from index `i` on and those of `b` from index `j` on both match; undefined when there
 * is none. Each list has at most one `**`.
 */
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
