// A shield's parameters, written into its predicates: what runs in a gate is plain CEL with literals.
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { visit } from './tree.ts';

const environment = new Environment({ limits: { maxAstNodes: 500, maxDepth: 50 } });

/**
 * The predicate with each `parameters.NAME` replaced by its list, and the names it holds, also those without a value,
 * which are left as they are. What is no CEL is given back untouched: the compiler of predicates says what is wrong.
 */
export function inlineParameters(
  text: string,
  values: Readonly<Record<string, readonly string[]>>,
): { readonly text: string; readonly names: ReadonlySet<string> } {
  const names = new Set<string>();
  let tree: ASTNode;
  try {
    tree = environment.parse(text).ast;
  } catch {
    return { text, names };
  }
  const found: { readonly start: number; readonly end: number; readonly name: string }[] = [];
  visit(tree, (node) => {
    if (node.op !== '.' || node.args[0].op !== 'id' || node.args[0].args !== 'parameters') return;
    const name = node.args[1];
    names.add(name);
    if (Object.hasOwn(values, name)) found.push({ start: node.start, end: node.end, name });
  });
  let inlined = text;
  for (const { start, end, name } of found.sort((a, b) => b.start - a.start)) {
    const list = (values[name] ?? []).map((value) => JSON.stringify(value)).join(', ');
    inlined = `${inlined.slice(0, start)}[${list}]${inlined.slice(end)}`;
  }
  return { text: inlined, names };
}
