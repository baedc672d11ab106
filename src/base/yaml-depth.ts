/**
 * How deep YAML is nested, asked before it is parsed: of what is too deep the parser gives up in words of its own, or ends
 * the process.
 */
import { CST, Lexer } from 'yaml';

/** Deeper than anything that people write. */
const MAX_DEPTH = 100;
export const TOO_DEEP = `expected at most ${MAX_DEPTH} levels, got more`;

/** Of the lexer's own: nothing of the text. */
const MARKS: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);

/** The offset of what stands a level too deep, of brackets and of indicators in one line: `[[[`, `- - -`. */
export function tooDeep(text: string): number | undefined {
  let [offset, brackets, indicators, isScalar] = [0, 0, 0, false];
  for (const token of new Lexer().lex(text)) {
    const type = isScalar ? 'scalar' : CST.tokenType(token);
    isScalar = token === CST.SCALAR;
    if (type === 'flow-seq-start' || type === 'flow-map-start') brackets++;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') brackets--;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') indicators++;
    else if (type === 'newline') indicators = 0;
    if (brackets + indicators > MAX_DEPTH) return offset;
    if (!MARKS.has(token)) offset += token.length;
  }
  return undefined;
}
