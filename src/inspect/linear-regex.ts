// Regular expressions in time linear in the text, whatever the pattern: a Thompson automaton, its states made
// deterministic as they are met. JavaScript's own RegExp backtracks, so a caller could choose a path that stalls the gate.
import { type CharSet, parseRegex, RegexError, type RegexNode } from './regex-parse.ts';

/** Does the pattern match anywhere in the text? */
export type LinearRegex = (text: string) => boolean;

type Op =
  | { readonly op: 'set'; readonly set: CharSet; to: number }
  | { readonly op: 'split'; to: number; or: number }
  | { readonly op: 'begin' | 'end'; to: number }
  | { readonly op: 'match' };

type State = {
  /** Indices of `set` and `end` instructions that are live. */
  readonly live: readonly number[];
  readonly accepts: boolean;
  readonly acceptsAtEnd: boolean;
  /** By character class. */
  readonly next: (State | undefined)[];
};

const maxProgram = 4000;
/** Above it the cache starts anew: the cost stays linear, with the program's length as the factor. */
const maxStates = 500;
/** Characters of a text whose answer is kept. */
const maxKept = 256;

/** What a pattern can cost, whatever the text. */
export type RegexCost = {
  /** Instructions of the automaton. */
  readonly program: number;
  /** Do all states it can ever be in fit into the cache? Then each character costs one look-up, else up to a whole program. */
  readonly settles: boolean;
};

/** States times classes that are looked at before a pattern counts as one that does not settle. */
const maxExplored = 20_000;

/** @throws RegexError as compileRegex */
export function regexCost(pattern: string): RegexCost {
  const program = assemble(parseRegex(pattern));
  const samples = classes(program).starts;
  const restart = closure(program, [0], false, false).live;
  const seen = new Set<string>();
  const work: (readonly number[])[] = [closure(program, [0], true, false).live, restart];
  let explored = 0;
  for (let live = work.pop(); live; live = work.pop()) {
    for (const code of samples) {
      if (++explored > maxExplored) return { program: program.length, settles: false };
      const targets = [...restart];
      for (const at of live) {
        const op = program[at];
        if (op?.op === 'set' && inSet(op.set, code)) targets.push(op.to);
      }
      const next = closure(program, targets, false, false);
      if (next.accepts) continue;
      const key = next.live.join();
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size >= maxStates - 2) return { program: program.length, settles: false };
      work.push(next.live);
    }
  }
  return { program: program.length, settles: true };
}

/** @throws RegexError when the pattern is not of the admitted kind (regex-parse.ts) or too large */
export function compileRegex(pattern: string): LinearRegex {
  const program = assemble(parseRegex(pattern));
  const { classOf } = classes(program);
  let states = new Map<string, State>();
  const start = state([0], true);
  const restart = state([0], false);

  function state(from: readonly number[], first: boolean): State {
    const { live, accepts } = closure(program, from, first, false);
    const key = `${first ? '^' : ''}${live.join()}${accepts ? '!' : ''}`;
    const known = states.get(key);
    if (known) return known;
    if (states.size >= maxStates) states = new Map();
    const made: State = {
      live,
      accepts,
      acceptsAtEnd: accepts || closure(program, live, first, true).accepts,
      next: [],
    };
    states.set(key, made);
    return made;
  }

  function step(from: State, code: number): State {
    const targets: number[] = [];
    for (const at of from.live) {
      const op = program[at];
      if (op?.op === 'set' && inSet(op.set, code)) targets.push(op.to);
    }
    // The search may begin at any character: the start is live everywhere, but `^` holds at the first only.
    for (const at of restart.live) targets.push(at);
    const next = state(targets, false);
    return restart.accepts ? { ...next, accepts: true, acceptsAtEnd: true } : next;
  }

  function search(text: string): boolean {
    let now = start;
    if (now.accepts) return true;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      const group = classOf(code);
      let next = now.next[group];
      if (!next) {
        next = step(now, code);
        now.next[group] = next;
      }
      if (next.accepts) return true;
      // A pattern that must begin at the text's begin has failed there.
      if (next.live.length === 0) return false;
      now = next;
    }
    return now.acceptsAtEnd;
  }

  // Of shields that differ in little else many ask the same of one short text: a program's name, a path.
  let last = '';
  let answer = search(last);
  return (text) => {
    if (text.length > maxKept) return search(text);
    if (text !== last) {
      answer = search(text);
      last = text;
    }
    return answer;
  };
}

/** Follows splits and the assertions that hold here. */
function closure(
  program: readonly Op[],
  from: readonly number[],
  atBegin: boolean,
  atEnd: boolean,
): { live: number[]; accepts: boolean } {
  const seen = new Set<number>();
  const work = [...from];
  const live: number[] = [];
  let accepts = false;
  for (let at = work.pop(); at !== undefined; at = work.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const op = program[at];
    if (!op) continue;
    if (op.op === 'match') accepts = true;
    else if (op.op === 'split') work.push(op.to, op.or);
    else if (op.op === 'begin') {
      if (atBegin) work.push(op.to);
    } else {
      live.push(at);
      if (op.op === 'end' && atEnd) work.push(op.to);
    }
  }
  return { live: live.sort((a, b) => a - b), accepts };
}

function assemble(root: RegexNode): Op[] {
  const program: Op[] = [];
  function add(op: Op): number {
    if (program.length >= maxProgram) throw new RegexError(`it needs more than ${maxProgram} states`);
    return program.push(op) - 1;
  }
  /** Emits the node; whatever it matches goes on at the index after its last instruction. */
  function emit(node: RegexNode): void {
    if (node.kind === 'set') {
      add({ op: 'set', set: node.set, to: program.length + 1 });
    } else if (node.kind === 'begin' || node.kind === 'end') {
      add({ op: node.kind, to: program.length + 1 });
    } else if (node.kind === 'cat') {
      node.items.forEach(emit);
    } else if (node.kind === 'alt') {
      emitAlternatives(node.items);
    } else {
      emitRepeat(node);
    }
  }
  function emitAlternatives(items: readonly RegexNode[]): void {
    const ends: number[] = [];
    items.forEach((item, index) => {
      if (index === items.length - 1) {
        emit(item);
        return;
      }
      const fork = add({ op: 'split', to: program.length + 1, or: 0 });
      emit(item);
      ends.push(add({ op: 'split', to: 0, or: 0 }));
      patch(fork, undefined, program.length);
    });
    for (const end of ends) patch(end, program.length, program.length);
  }
  function emitRepeat(node: Extract<RegexNode, { kind: 'repeat' }>): void {
    for (let i = 0; i < node.min; i++) emit(node.item);
    if (node.max === Number.POSITIVE_INFINITY) {
      const loop = add({ op: 'split', to: program.length + 1, or: 0 });
      emit(node.item);
      add({ op: 'split', to: loop, or: loop });
      patch(loop, undefined, program.length);
      return;
    }
    const forks: number[] = [];
    for (let i = node.min; i < node.max; i++) {
      forks.push(add({ op: 'split', to: program.length + 1, or: 0 }));
      emit(node.item);
    }
    for (const fork of forks) patch(fork, undefined, program.length);
  }
  function patch(at: number, to: number | undefined, or: number): void {
    const op = program[at];
    if (op?.op !== 'split') return;
    if (to !== undefined) op.to = to;
    op.or = or;
  }
  emit(root);
  add({ op: 'match' });
  return program;
}

/** Characters that no set of the program tells apart share a class. `starts` holds the first character of each. */
function classes(program: readonly Op[]): {
  readonly classOf: (code: number) => number;
  readonly starts: readonly number[];
} {
  const edges = new Set([0]);
  for (const op of program) {
    if (op.op !== 'set') continue;
    for (const [low, high] of op.set) {
      edges.add(low);
      edges.add(high + 1);
    }
  }
  const starts = [...edges].sort((a, b) => a - b);
  const find = (code: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= code) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const ascii = Uint16Array.from({ length: 128 }, (_, code) => find(code));
  return { classOf: (code) => (code < 128 ? (ascii[code] ?? 0) : find(code)), starts };
}

function inSet(set: CharSet, code: number): boolean {
  return set.some(([low, high]) => code >= low && code <= high);
}
