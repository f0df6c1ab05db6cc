// Enforces the import table of docs/architecture.md: which folder may import which, and that pure folders
// touch no I/O, clock, process or randomness. Each ban carries its reason in the message it prints.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const root = join(import.meta.dirname, '..');

/** What each folder may import besides itself. A folder that is not listed here does not exist. */
const allowed: Record<string, readonly string[]> = {
  base: [],
  model: ['base'],
  policy: ['model', 'base'],
  nft: ['model', 'base'],
  http: ['model', 'base'],
  // inspect drives http's parsers so that the gate, the shield tests and the fuzzers run one pure engine
  // (docs/decisions/0002-inspect-owns-the-connection.md).
  inspect: ['http', 'model', 'base'],
  intel: ['model', 'base'],
  // A shield that closes ports proves it in the kernel table (src/shields/reach.ts).
  shields: ['inspect', 'policy', 'nft', 'http', 'model', 'base'],
  platform: ['model', 'base'],
  log: ['model', 'base', 'platform'],
  controller: ['policy', 'nft', 'http', 'inspect', 'intel', 'shields', 'platform', 'log', 'model', 'base'],
  agent: ['policy', 'nft', 'http', 'inspect', 'intel', 'shields', 'platform', 'model', 'base'],
  gate: ['policy', 'nft', 'http', 'inspect', 'intel', 'shields', 'platform', 'model', 'base'],
};
const pure = new Set(['base', 'model', 'policy', 'nft', 'http', 'inspect', 'intel', 'shields']);
/** Node modules that only compute. */
const pureNode = new Set(['node:buffer', 'node:assert/strict', 'node:assert', 'node:test', 'node:util']);
/** Tests, and what only they use: neither is part of the product, so the bans don't hold there. */
function isTestCode(path: string): boolean {
  return path.endsWith('.test.ts') || path.includes('/testing/');
}
/** The cli composes the parts; range is a test ground that drives them from outside. */
const free = new Set(['cli']);
const impureGlobals: readonly [RegExp, string][] = [
  [/\bDate\.now\b|\bnew Date\(\)/, 'pure folders take time as an argument: use base/clock.ts'],
  [/\bprocess\./, 'pure folders know no process: pass the value in'],
  [
    /\bset(Timeout|Interval|Immediate)\(/,
    'pure folders have no timers: return the deadline, let the edge wait',
  ],
  [/\bMath\.random\(|\bcrypto\.random/, 'pure folders take randomness as an argument'],
  [/\bfetch\(|\bconsole\./, 'pure folders do no I/O'],
];

const problems: string[] = [];
for (const file of globSync('src/**/*.ts', { cwd: root }).sort()) {
  const folder = file.split('/')[1] ?? '';
  if (free.has(folder)) continue;
  const may = allowed[folder];
  if (!may) {
    problems.push(`${file}: folder src/${folder} is not in the import table`);
    continue;
  }
  const text = readFileSync(join(root, file), 'utf8');
  const isTest = isTestCode(file);
  for (const match of text.matchAll(
    /^(?:import|export)\b[^;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm,
  )) {
    const spec = match[1] ?? match[2] ?? '';
    if (spec.startsWith('.')) {
      const target = relative(root, join(root, dirname(file), spec));
      const [top, to] = target.split('/');
      if (!isTest && isTestCode(target))
        problems.push(`${file}: imports ${target}, which is test support and may be missing where it runs`);
      if (top !== 'src') {
        if (!isTest) problems.push(`${file}: imports ${target}, outside src`);
      } else if (to !== folder && !may.includes(to ?? '')) {
        problems.push(
          `${file}: ${folder} may not import ${to} (it may import: ${may.join(', ') || 'nothing'})`,
        );
      }
    } else if (pure.has(folder) && !isTest && spec.startsWith('node:') && !pureNode.has(spec)) {
      if (spec === 'node:crypto' && (folder === 'model' || folder === 'shields')) continue; // hashing and signatures only compute
      problems.push(`${file}: pure folder ${folder} imports ${spec}`);
    }
  }
  if (pure.has(folder) && !isTest) {
    const code = text
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/\/\/.*$/gm, '')
      .replace(/'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''");
    for (const [pattern, reason] of impureGlobals) {
      if (pattern.test(code)) problems.push(`${file}: ${pattern.source}: ${reason}`);
    }
  }
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
