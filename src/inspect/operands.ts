// A predicate taken apart into what its outcome hangs on, so that tests can be asked whether they tried all of it.
import { type ASTNode, Environment } from '@marcbachmann/cel-js';

/** Something in a predicate that is true or false: an operand of && or ||, or the whole where there is none. */
export type Operand = {
  readonly text: string;
  /** From 1, in the predicate as it is written. */
  readonly column: number;
  /** CEL that holds exactly where the operand's truth decides: what stands before it has not settled the outcome. */
  readonly reached: string;
};

const environment = new Environment();

/**
 * The operands of a predicate that compiles, in the order of the text. What stands in the call of a macro (`exists`, `all`)
 * is one operand with it, for its names mean nothing outside. Literals are none: they are always the same.
 */
export function operandsOf(text: string): readonly Operand[] {
  const found: Operand[] = [];
  visit(environment.parse(text).ast, []);
  return found;

  function visit(node: ASTNode, guards: readonly string[]): void {
    switch (node.op) {
      case '&&':
      case '||': {
        const [left, right] = node.args;
        visit(left, guards);
        visit(right, [...guards, node.op === '&&' ? `(${textOf(left)})` : `!(${textOf(left)})`]);
        return;
      }
      case '?:': {
        const [condition, then, otherwise] = node.args;
        visit(condition, guards);
        visit(then, [...guards, `(${textOf(condition)})`]);
        visit(otherwise, [...guards, `!(${textOf(condition)})`]);
        return;
      }
      case '!_':
        visit(node.args, guards);
        return;
      case 'value':
        return;
      default: {
        const reached = guards.length === 0 ? 'true' : guards.join(' && ');
        found.push({ text: textOf(node), column: node.start + 1, reached });
      }
    }
  }
}

/** A node's text. Where it begins or ends in parentheses the parser leaves those out at that end: they are put back. */
function textOf({ input, start, end }: ASTNode): string {
  const text = input.slice(start, end);
  let [open, missing] = [0, 0];
  for (const [token] of text.matchAll(/r"[^"]*"|r'[^']*'|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[()]/gs)) {
    if (token === '(') open++;
    else if (token === ')' && open > 0) open--;
    else if (token === ')') missing++;
  }
  return '('.repeat(missing) + text + ')'.repeat(open);
}
