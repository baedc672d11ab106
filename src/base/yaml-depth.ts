/**
 * Finds YAML that is nested too deeply, before it is parsed. The parser would fail with an error text of its own, or end the
 * process.
 */
import { CST, Lexer } from 'yaml';

/** The most levels of nesting that are accepted. Files that people write have far fewer. */
const MAX_DEPTH = 100;
export const TOO_DEEP = `expected at most ${MAX_DEPTH} levels, got more`;

/**
 * Returns the offset of the first token that is nested too deeply, by brackets (`[[[`) or by indicators in one line (`- - -`);
 * undefined if there is none.
 */
export function tooDeep(text: string): number | undefined {
  let [brackets, indicators] = [0, 0];
  for (const { type, offset } of yamlTokens(text)) {
    if (type === 'flow-seq-start' || type === 'flow-map-start') brackets++;
    else if (type === 'flow-seq-end' || type === 'flow-map-end') brackets--;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') indicators++;
    else if (type === 'newline') indicators = 0;
    if (brackets + indicators > MAX_DEPTH) return offset;
  }
  return undefined;
}

export interface YamlToken {
  readonly type: ReturnType<typeof CST.tokenType>;
  readonly token: string;
  readonly offset: number;
}

/** Yields the tokens of a YAML text, each with its offset. */
export function* yamlTokens(text: string): Generator<YamlToken> {
  // The lexer adds these marks, which are not part of the text.
  const marks: ReadonlySet<string> = new Set([CST.DOCUMENT, CST.FLOW_END, CST.SCALAR]);
  let [offset, isScalar] = [0, false];
  for (const token of new Lexer().lex(text)) {
    // After the mark SCALAR, the next token is a text without quotes, which may begin with any character.
    const type = isScalar ? 'scalar' : CST.tokenType(token);
    isScalar = token === CST.SCALAR;
    if (marks.has(token)) continue;
    yield { type, token, offset };
    offset += token.length;
  }
}
