// What `portcullis shields list` and `shields show` say to people.
import type { CatalogueShield, ListedShield, ShieldAnswer, ShieldDocument } from '../model/catalogue.ts';
import { placesText } from './exposure-text.ts';
import { paragraph, table } from './table.ts';

/** What only a controller knows is left out where none was asked. */
type Listed = CatalogueShield & Partial<ListedShield>;
type Shown = CatalogueShield & Pick<ShieldAnswer, 'shield'> & Partial<ShieldAnswer>;

/** More places than these with a mode of their own are counted. */
const placesNamed = 3;

export function renderShields(
  shields: readonly Listed[],
  columns: number | undefined = process.stdout.columns,
): string {
  const here = shields.some(({ applies }) => applies !== undefined);
  const rows = shields.map((one) => [
    one.id,
    String(one.tier),
    one.severity,
    one.component,
    modeText(one),
    ...(here ? [fromText(one), appliesText(one.applies)] : []),
    one.title,
  ]);
  const heads = [
    ...['SHIELD', 'TIER', 'SEVERITY', 'COMPONENT', 'MODE'],
    ...(here ? ['FROM', 'APPLIES TO'] : []),
    'WHAT',
  ];
  return [table(heads, rows, columns), paragraph(counted(shields, here), columns)].join('\n');
}

function counted(shields: readonly Listed[], here: boolean): string {
  const all = plural(shields.length, 'shield');
  if (!here) return `${all}; what a controller has in force: without --shipped or --shields`;
  const bundled = shields.filter(({ bundle }) => bundle).length;
  const applying = shields.filter(({ applies }) => applies && applies.servers + applies.parts > 0);
  const acting = applying.filter(({ applies }) => applies && applies.acts > 0).length;
  return `${all}, ${bundled} from bundles; ${applying.length} ${applying.length === 1 ? 'applies' : 'apply'} here, ${acting} ${acting === 1 ? 'acts' : 'act'}`;
}

/** `shadow`; `shadow, but enforce at prod`. */
function modeText({ mode, modes = [] }: Listed): string {
  if (modes.length === 0) return mode;
  const named = modes
    .slice(0, placesNamed)
    .map(({ mode: set, cluster, server }) => `${set} at ${server ?? `cluster ${cluster}`}`);
  const more = modes.length > placesNamed ? [`${modes.length - placesNamed} more`] : [];
  return `${mode}, but ${[...named, ...more].join(', ')}`;
}

function fromText({ bundle }: Listed): string {
  return bundle ? `bundle ${bundle.name} ${bundle.version}` : 'shipped';
}

/** `2 servers, 3 parts (acts at 1)`. */
function appliesText(applies: Listed['applies']): string {
  if (!applies) return '';
  const { servers, parts, acts } = applies;
  if (servers + parts === 0) return '-';
  const places = [
    ...(servers > 0 ? [plural(servers, 'server')] : []),
    ...(parts > 0 ? [plural(parts, 'part')] : []),
  ].join(', ');
  return `${places} (${acts === servers + parts ? 'acts' : acts === 0 ? 'does not act' : `acts at ${acts}`})`;
}

export function renderShield(
  one: Shown,
  { now, columns = process.stdout.columns }: { readonly now: number; readonly columns?: number | undefined },
): string {
  const { shield, modes, places, exemptions = [] } = one;
  const { parameters = {}, description, falsePositives, residual, references } = shield;
  const lines = (texts: readonly string[]) => texts.map((text) => paragraph(text.trim(), columns)).join('\n');
  const settable = Object.entries(parameters).map(([name, { default: values, site, meaning }]) => [
    name,
    site ? 'for the site to set: rules that name it are off until then' : values.join(' ') || 'none',
    meaning,
  ]);
  const rules = shield.deeperDefense.rules.map(({ id, phase, action, severity, message }) => [
    ...[id, phase, action, severity, message],
  ]);
  return [
    lines([
      `${one.id}: ${one.title}`,
      `tier ${one.tier}, ${one.severity}, about ${one.component}; ${modes ? fromText(one) : 'as it is written'}`,
      `mode ${modeText(one)}`,
      ...(exemptions.length === 0 ? [] : [`exemptions in force: ${exemptions.join(', ')}`]),
    ]),
    lines([description]),
    lines(actions(shield)),
    ...(rules.length === 0
      ? []
      : [table(['RULE', 'PHASE', 'ACTION', 'SEVERITY', 'MESSAGE'], rules, columns)]),
    ...(settable.length === 0
      ? []
      : [table(['PARAMETER', 'UNLESS THE POLICY SAYS ELSE', 'MEANING'], settable, columns)]),
    lines([
      `Lifted: ${shield.lift.when.map((when) => lifts[when]).join(', and ')}.`,
      `Wrongly refused: ${falsePositives.trim()}`,
      ...(residual === undefined ? [] : [`Stays open: ${residual.trim()}`]),
    ]),
    ...(places
      ? [placesText(places, now, columns) ?? 'No server or other part is known to have the flaw.']
      : []),
    lines(references),
  ].join('\n\n');
}

const lifts: Readonly<Record<ShieldDocument['lift']['when'][number], string>> = {
  version: 'the version that was read is patched',
  'upgrade-probe': 'the safe probe proves it',
};

/** What it does at its stages, beside its rules. */
function actions({ firstResponse, deeperDefense }: ShieldDocument): string[] {
  const { services, pass, action } = firstResponse;
  const { byGate = [], stripHeaders = [], rules } = deeperDefense;
  const [what, others] =
    services === undefined
      ? ['the API server', ['the cluster', 'break-glass hosts']]
      : [services.join(', '), ['API servers', 'break-glass hosts', 'whom your rules name']];
  const inspects = rules.length + byGate.length + stripHeaders.length > 0;
  return [
    `At block it closes ${what} to all but ${together([...others, ...pass])} (${action}).`,
    ...(byGate.length === 0 ? [] : [`At inspect the gate refuses of itself: ${byGate.join(', ')}.`]),
    ...(stripHeaders.length === 0
      ? []
      : [`At inspect it takes out of requests: ${stripHeaders.join(', ')}.`]),
    ...(rules.length === 0 ? [] : ['At inspect it judges by these rules:']),
    ...(inspects ? [] : ['There is nothing for a gate to inspect.']),
  ];
}

/** `a, b and c`. */
function together(words: readonly string[]): string {
  return [words.slice(0, -1).join(', '), words.at(-1)].join(' and ');
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
