// Finds a place in sources whose files are split, moved and reformatted: by its tokens, wherever in src/ they stand.
// Who is asked does not count: `this.#store.job()`, `this.store.job()` and `store.job()` are the same.
import { SyntaxKind } from 'typescript/unstable/ast';
import { createScanner } from 'typescript/unstable/ast/scanner';

export interface Source {
  file: string;
  text: string;
}

export interface Anchor {
  /** The tokens to find, as they are written. */
  from: string;
  /** The name of a function or method around them, for what is said in several. */
  within?: string;
}

/** What was found, from the first character of its first token to the end of its last. */
export interface Place {
  source: Source;
  start: number;
  end: number;
}

interface Token {
  text: string;
  start: number;
  end: number;
}

/** The one place of the anchor; throws when there is none, or more than one. */
export function onlyPlace(sources: readonly Source[], anchor: Anchor): Place {
  const [place, ...others] = sources.flatMap((source) => placesIn(source, anchor));
  const where = anchor.within === undefined ? '' : ` within ${anchor.within}`;
  if (!place) throw new Error(`nowhere${where}: ${anchor.from}`);
  if (others.length > 0) {
    const files = new Set([place, ...others].map(({ source }) => source.file));
    throw new Error(`${1 + others.length} times${where}, in ${[...files].join(', ')}: ${anchor.from}`);
  }
  return place;
}

function placesIn(source: Source, { from, within }: Anchor): Place[] {
  const tokens = tokensOfSource(source);
  const wanted = tokensOf(from);
  if (wanted.length === 0) throw new Error('an anchor without a token is everywhere');
  const bodies = within === undefined ? [[0, tokens.length] as const] : bodiesOf(tokens, within);
  return bodies.flatMap(([first, last]) => {
    const places: Place[] = [];
    for (let at = first; at + wanted.length <= last; at += 1) {
      if (!wanted.every(({ text }, n) => tokens[at + n]?.text === text)) continue;
      const [start, end] = [tokens[at]?.start ?? 0, tokens[at + wanted.length - 1]?.end ?? 0];
      places.push({ source, start, end });
    }
    return places;
  });
}

/** Whether both are the same code, however it is laid out. */
export const isSameCode = (one: string, other: string): boolean =>
  JSON.stringify(tokensOf(one).map(({ text }) => text)) ===
  JSON.stringify(tokensOf(other).map(({ text }) => text));

/** A `/` behind one of these divides; behind anything else it begins a regular expression. */
const OPERANDS = new Set([
  SyntaxKind.Identifier,
  SyntaxKind.PrivateIdentifier,
  SyntaxKind.NumericLiteral,
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateTail,
  SyntaxKind.ThisKeyword,
  SyntaxKind.CloseParenToken,
  SyntaxKind.CloseBracketToken,
  SyntaxKind.CloseBraceToken,
]);

/** Hundreds of anchors are looked for in the same sources. */
const known = new WeakMap<Source, Token[]>();

function tokensOfSource(source: Source): Token[] {
  const tokens = known.get(source) ?? tokensOf(source.text);
  known.set(source, tokens);
  return tokens;
}

function tokensOf(text: string): Token[] {
  const scanner = createScanner(true);
  scanner.setText(text);
  const tokens: Token[] = [];
  /** For each template that is open: how many braces are open in its `${`. */
  const templates: number[] = [];
  let before = SyntaxKind.Unknown;
  let owner: Token | null = null;
  for (let kind = scanner.scan(); kind !== SyntaxKind.EndOfFile; kind = scanner.scan()) {
    if (kind === SyntaxKind.SlashToken && !OPERANDS.has(before)) kind = scanner.reScanSlashToken();
    const depth = templates.pop();
    if (depth !== undefined) {
      if (kind === SyntaxKind.CloseBraceToken && depth === 0) {
        kind = scanner.reScanTemplateToken(false);
        if (kind === SyntaxKind.TemplateMiddle) templates.push(0);
      } else {
        const opened = kind === SyntaxKind.OpenBraceToken ? 1 : kind === SyntaxKind.CloseBraceToken ? -1 : 0;
        templates.push(depth + opened);
      }
    }
    if (kind === SyntaxKind.TemplateHead) templates.push(0);

    const token = {
      text: scanner.getTokenText().replace(/^#(?=.)/, ''),
      start: scanner.getTokenStart(),
      end: scanner.getTokenEnd(),
    };
    // A comma that only a line break brought.
    if (/^[)\]}]$/.test(token.text) && tokens.at(-1)?.text === ',') tokens.pop();
    const isChained = kind === SyntaxKind.DotToken && before === SyntaxKind.ThisKeyword;
    if (isChained) owner = tokens.pop() ?? null;
    else {
      tokens.push(owner ? { ...token, start: owner.start } : token);
      owner = null;
    }
    before = kind;
  }
  return tokens;
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };
const BEFORE_A_METHOD = ['{', '}', ';', ',', 'function', 'async', 'override', 'static', 'get', 'set', '*'];

/** From where to where the functions and methods of this name reach. */
function bodiesOf(tokens: readonly Token[], name: string): [number, number][] {
  const is = (at: number, texts: readonly string[]) => texts.includes(tokens[at]?.text ?? '');
  /** Behind what stands at `at`: one token, or all that is between brackets. */
  const past = (at: number): number => {
    const closing = CLOSING[tokens[at]?.text ?? ''];
    let next = at + 1;
    if (closing === undefined) return next;
    while (next < tokens.length && !is(next, [closing])) next = past(next);
    return next + 1;
  };
  const pastConst = (at: number): number => {
    let next = at;
    while (next < tokens.length && !is(next, [';'])) next = past(next);
    return next;
  };
  /** Null for a call, and for a signature without a body. */
  const pastMethod = (at: number): number | null => {
    let next = at;
    while (next < tokens.length && !is(next, ['('])) next = past(next);
    next = past(next);
    if (!is(next, ['{', ':'])) return null;
    while (next < tokens.length && !is(next, [';', ')', ']', '}'])) {
      // A return type may have braces of its own.
      if (is(next, ['{']) && !is(next - 1, [':', '|', '&', '<', ',', '=>'])) return past(next);
      next = past(next);
    }
    return null;
  };
  return tokens.flatMap(({ text }, at): [number, number][] => {
    if (text !== name) return [];
    if (is(at - 1, ['const']) && is(at + 1, ['=', ':'])) return [[at, pastConst(at)]];
    const end = is(at - 1, BEFORE_A_METHOD) && is(at + 1, ['(', '<']) ? pastMethod(at + 1) : null;
    return end === null ? [] : [[at, end]];
  });
}
