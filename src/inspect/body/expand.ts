// What a pod's words come to on its node, as far as its own text tells: kubelets put variables of the container into its
// command, its arguments and subPathExpr, so that none of these has to say what it does. From Kubernetes
// third_party/forked/golang/expansion, pkg/kubelet/kubelet_pods.go and pkg/kubelet/container/helpers.go.
import { each, entry, field, isObject } from './reach.ts';
import type { JsonObject } from './types.ts';

export type Expanded = {
  /** Words of all programs that the pod runs: commands, arguments, those of probes and hooks. */
  readonly words: readonly string[];
  /** Values of its variables. */
  readonly variables: readonly string[];
  /** subPath as it stands, and what subPathExpr comes to. */
  readonly subPaths: readonly string[];
};

/** Characters that the pods of one body may come to: references double with each that holds two of the one before. */
export type ExpansionBudget = { left: number };

/** The pod's variables would come to more text than the limit. */
export class ExpansionTooLong extends Error {}

const lists = ['containers', 'initContainers', 'ephemeralContainers'];
const programs = ['livenessProbe', 'readinessProbe', 'startupProbe'];
const hooks = ['postStart', 'preStop'];

/** @throws ExpansionTooLong */
export function expanded(metadata: JsonObject, spec: JsonObject, budget: ExpansionBudget): Expanded {
  const words: string[] = [];
  const variables: string[] = [];
  const subPaths: string[] = [];
  for (const list of lists) {
    for (const container of each(field(spec, list))) {
      const known = new Map<string, string>();
      for (const variable of each(field(container, 'env'))) {
        const name = field(variable, 'name');
        const value = variableOf(variable, metadata, spec, known, budget);
        if (typeof name !== 'string' || value === undefined) continue;
        known.set(name, value);
        variables.push(value);
      }
      words.push(...programOf(container, known, budget));
      for (const word of execs(container)) words.push(expand(word, known, budget));
      for (const mount of each(field(container, 'volumeMounts'))) {
        subPaths.push(...textsOf(field(mount, 'subPath')));
        for (const text of textsOf(field(mount, 'subPathExpr'))) subPaths.push(expand(text, known, budget));
      }
    }
  }
  return { words, variables, subPaths };
}

/** The program is the first word, wherever it stands; with a slash in it, it is found from the working folder. */
function programOf(
  container: unknown,
  known: ReadonlyMap<string, string>,
  budget: ExpansionBudget,
): string[] {
  const words = [...textsOf(field(container, 'command')), ...textsOf(field(container, 'args'))].map((word) =>
    expand(word, known, budget),
  );
  const [program] = words;
  if (program?.includes('/') && !program.startsWith('/')) {
    const folder = field(container, 'workingDir');
    const path = `${typeof folder === 'string' ? folder : ''}/${program}`;
    spend(budget, path);
    words.push(path);
  }
  return words;
}

function execs(container: unknown): string[] {
  const lifecycle = field(container, 'lifecycle');
  const holders = [
    ...programs.map((name) => field(container, name)),
    ...hooks.map((name) => field(lifecycle, name)),
  ];
  return holders.flatMap((holder) => textsOf(field(field(holder, 'exec'), 'command')));
}

/** A text, or the texts of a list; a sketch of a patch may not know which it is. */
function textsOf(value: unknown): string[] {
  return (typeof value === 'string' ? [value] : each(value)).filter((one) => typeof one === 'string');
}

/** undefined where only the cluster knows: a config map, a secret, a file, an annotation that is not in the body. */
function variableOf(
  variable: unknown,
  metadata: JsonObject,
  spec: JsonObject,
  known: ReadonlyMap<string, string>,
  budget: ExpansionBudget,
): string | undefined {
  const text = field(variable, 'value');
  const from = field(variable, 'valueFrom');
  if (!isObject(from)) return typeof text === 'string' ? expand(text, known, budget) : '';
  // Digits, whatever they are.
  if (isObject(field(from, 'resourceFieldRef'))) return '0';
  const path = field(field(from, 'fieldRef'), 'fieldPath');
  return typeof path === 'string' ? fieldValue(path, metadata, spec) : undefined;
}

function fieldValue(path: string, metadata: JsonObject, spec: JsonObject): string | undefined {
  const keyed = /^metadata\.(annotations|labels)\['(.*)'\]$/.exec(path);
  if (keyed) {
    const [, map = '', key = ''] = keyed;
    const value = entry(field(metadata, map), key);
    return typeof value === 'string' ? value : undefined;
  }
  const [holder, name = ''] = path.startsWith('metadata.')
    ? [metadata, path.slice(9)]
    : [spec, path.slice(5)];
  const value = /^(metadata|spec)\.\w+$/.test(path) ? field(holder, name) : undefined;
  // Names, addresses and identifiers that the cluster gives hold letters, digits, dots, colons and hyphens alone.
  return typeof value === 'string' ? value : '';
}

/** `$(NAME)` is the variable, where it is known; `$$` is a dollar. */
function expand(text: string, known: ReadonlyMap<string, string>, budget: ExpansionBudget): string {
  if (!text.includes('$')) return text;
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (written, name: string | undefined) => {
    const value = name === undefined ? '$' : (known.get(name) ?? written);
    spend(budget, value);
    return value;
  });
}

function spend(budget: ExpansionBudget, text: string): void {
  budget.left -= text.length;
  if (budget.left < 0) throw new ExpansionTooLong();
}
