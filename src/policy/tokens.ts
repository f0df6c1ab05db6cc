// Tokens of tag expressions, with the character each starts at, for messages that point.
import { Failure } from '../base/failure.ts';

type Token = {
  readonly kind: 'word' | 'symbol' | 'end';
  readonly text: string;
  /** From 0. */
  readonly at: number;
};

const maxLength = 4096;
const space = /[ \t\r\n]*/y;
const symbol = /!=|<=|>=|[()=<>,]/y;
/** What tag types, tag values, versions and keywords are written with. */
const word = /[A-Za-z0-9][A-Za-z0-9._+:/-]*/y;

/** The tokens of one expression, read one by one. */
export class Tokens {
  readonly #text: string;
  readonly #place: string | undefined;
  readonly #tokens: readonly Token[];
  #index = 0;

  /** @throws Failure `bad-expression` */
  constructor(text: string, place: string | undefined) {
    this.#text = text;
    this.#place = place;
    if (text.length > maxLength) {
      throw this.#fail(`it has ${text.length} characters, more than ${maxLength}`, 0);
    }
    this.#tokens = this.#split();
  }

  peek(): Token {
    return this.#tokens[this.#index] ?? { kind: 'end', text: '', at: this.#text.length };
  }

  next(): Token {
    const token = this.peek();
    this.#index++;
    return token;
  }

  /** Takes the next token if it is this keyword, in any letter case. */
  takeKeyword(keyword: string): boolean {
    const token = this.peek();
    if (token.kind !== 'word' || token.text.toLowerCase() !== keyword) return false;
    this.#index++;
    return true;
  }

  takeSymbol(text: string): boolean {
    const token = this.peek();
    if (token.kind !== 'symbol' || token.text !== text) return false;
    this.#index++;
    return true;
  }

  /** `expected X, found Y`, at the next token. */
  expected(what: string): Failure {
    const token = this.peek();
    return this.failure(`expected ${what}, found ${token.kind === 'end' ? 'the end' : `'${token.text}'`}`);
  }

  /** A refusal that points at the next token. */
  failure(why: string): Failure {
    return this.#fail(why, this.peek().at);
  }

  #fail(why: string, at: number): Failure {
    const character = `character ${at + 1}`;
    return new Failure('bad-expression', why, {
      place: this.#place === undefined ? character : `${this.#place}, ${character}`,
      pointer: pointer(this.#text, at),
    });
  }

  #split(): Token[] {
    const tokens: Token[] = [];
    let at = this.#matchAt(space, 0).length;
    while (at < this.#text.length) {
      const mark = this.#matchAt(symbol, at);
      const text = mark || this.#matchAt(word, at);
      if (!text) {
        const found = String.fromCodePoint(this.#text.codePointAt(at) ?? 0);
        throw this.#fail(`'${found}' can't stand in a tag expression`, at);
      }
      tokens.push({ kind: mark ? 'symbol' : 'word', text, at });
      at += text.length;
      at += this.#matchAt(space, at).length;
    }
    return tokens;
  }

  #matchAt(pattern: RegExp, at: number): string {
    pattern.lastIndex = at;
    return pattern.exec(this.#text)?.[0] ?? '';
  }
}

/** Characters shown on either side of the one that is pointed at. */
const shown = 40;

/** The text around a character, on one line, and below it a caret under the character. */
function pointer(text: string, at: number): string {
  const from = Math.max(0, at - shown);
  const before = (from > 0 ? '…' : '') + text.slice(from, at).replace(/\s/g, ' ');
  const after = text.slice(at, at + shown).replace(/\s/g, ' ');
  return `${before}${after}${at + shown < text.length ? '…' : ''}\n${' '.repeat([...before].length)}^`;
}
