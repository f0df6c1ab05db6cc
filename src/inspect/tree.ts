// Walking the tree of a CEL predicate.
import type { ASTNode } from '@marcbachmann/cel-js';

/** The nodes right below this one, in the order of the text. */
export function children(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const look = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(look);
    else if (typeof value === 'object' && value !== null && 'op' in value) found.push(value as ASTNode);
  };
  look(node.args);
  return found;
}

/** This node and all below it, each before what is below it. */
export function visit(node: ASTNode, see: (node: ASTNode) => void): void {
  see(node);
  for (const child of children(node)) visit(child, see);
}
