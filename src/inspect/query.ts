// Query parameters as Go's net/url reads them, as far as the API server's own request attributes depend on them.
import { isSecretHeader } from './attributes.ts';
import { percentDecode } from './decode-path.ts';

/** Names of the parameters, decoded, in order, each once, whichever of `&` and `;` a server splits at. */
export function queryNames(query: string): string[] {
  if (query === '') return [];
  const names = new Set<string>();
  for (const pair of query.split(/[&;]/)) {
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    if (name) names.add(name);
  }
  return [...names];
}

/**
 * Values by name, both decoded, in the order sent, whichever of `&` and `;` a server splits at. Names that speak of
 * secrets are left out.
 */
export function queryValues(query: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  if (query === '') return values;
  for (const pair of query.split(/[&;]/)) {
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    const value = decodeComponent(equals < 0 ? '' : pair.slice(equals + 1));
    if (!name || value === undefined || isSecretHeader(name.toLowerCase())) continue;
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  return values;
}

/**
 * The field selector, decoded: every one there is, joined by `,`, whichever of `&` and `;` a server splits at. A server
 * heeds the first alone; rules see them all.
 */
export function fieldSelector(query: string): string {
  return query.includes('=') ? valuesOf(query, 'fieldSelector').join() : '';
}

/**
 * Where the continue token says that the list goes on: `namespace/name\0`, relative to the resource's own keys
 * (apiserver storage.DecodeContinue: base64url JSON with a member `start`). '' where there is none, or the token is of
 * another form. What Go reads where JavaScript would not (names in any letter case, line ends) is read here too.
 */
export function continueStart(query: string): string {
  if (!query.includes('=')) return '';
  return valuesOf(query, 'continue').flatMap(startsOf).join();
}

function startsOf(token: string): string[] {
  let read: unknown;
  try {
    read = JSON.parse(Buffer.from(token, 'base64url').toString());
  } catch {
    return [];
  }
  if (typeof read !== 'object' || read === null) return [];
  return Object.entries(read).flatMap(([name, value]) =>
    name.toUpperCase() === 'START' && typeof value === 'string' ? [value] : [],
  );
}

/** Can no parameter have this name, which has no space? Most queries are done with so: taking one apart costs 0.3 µs. */
function lacks(query: string, name: string): boolean {
  return !query.includes(name) && !query.includes('%');
}

function valuesOf(query: string, wanted: string): string[] {
  const values: string[] = [];
  if (lacks(query, wanted)) return values;
  for (const pair of query.split(/[&;]/)) {
    const equals = pair.indexOf('=');
    if (equals < 0 || decodeComponent(pair.slice(0, equals)) !== wanted) continue;
    const value = decodeComponent(pair.slice(equals + 1));
    if (value) values.push(value);
  }
  return values;
}

/** What the API server reads from a list request's query. */
export type ListQuery = { readonly watch: boolean; readonly name: string };

const nothing: ListQuery = { watch: false, name: '' };

/**
 * Reads `watch` and `fieldSelector=metadata.name=…`. A raw `;` separates parameters for servers built before Go 1.17
 * and voids its pair for later ones: where the two readings differ, undefined.
 */
export function listQuery(query: string): ListQuery | undefined {
  if (query === '' || (lacks(query, 'watch') && lacks(query, 'fieldSelector'))) return nothing;
  const modern = readList(query.split('&').filter((pair) => !pair.includes(';')));
  if (!query.includes(';')) return modern;
  const old = readList(query.split(/[&;]/));
  return old.watch === modern.watch && old.name === modern.name ? modern : undefined;
}

function readList(pairs: readonly string[]): ListQuery {
  let watch: string | undefined;
  let selector: string | undefined;
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const name = decodeComponent(equals < 0 ? pair : pair.slice(0, equals));
    if (name !== 'watch' && name !== 'fieldSelector') continue;
    const value = decodeComponent(equals < 0 ? '' : pair.slice(equals + 1));
    if (value === undefined) continue;
    if (name === 'watch') watch ??= value;
    else selector ??= value;
  }
  return { watch: isTrue(watch), name: selector === undefined ? '' : exactName(selector) };
}

/** apimachinery Convert_Slice_string_To_bool: any value but `false` and `0` is true, an empty one too. */
function isTrue(value: string | undefined): boolean {
  if (value === undefined) return false;
  const lower = value.toLowerCase();
  return lower !== 'false' && lower !== '0';
}

/** net/url QueryUnescape: `+` is a space. undefined for a broken escape: Go skips the pair. */
function decodeComponent(text: string): string | undefined {
  return percentDecode(text.includes('+') ? text.replaceAll('+', ' ') : text)?.text;
}

/**
 * The value that a field selector demands of `metadata.name`, '' when there is none or it is no valid path segment
 * (apimachinery fields.ParseSelector, RequiresExactMatch, path.IsValidPathSegmentName).
 */
function exactName(selector: string): string {
  const values: string[] = [];
  for (const term of splitTerms(selector).sort()) {
    if (term === '') continue;
    const operator = /!=|==|=/.exec(term);
    if (!operator) return '';
    const value = unescapeValue(term.slice(operator.index + operator[0].length));
    if (value === undefined) return '';
    if (operator[0] !== '!=' && term.slice(0, operator.index) === 'metadata.name') values.push(value);
  }
  const name = values[0] ?? '';
  return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name;
}

/** Splits at commas that no backslash escapes. */
function splitTerms(selector: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < selector.length; i++) {
    if (selector[i] === '\\') i++;
    else if (selector[i] === ',') {
      terms.push(selector.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(selector.slice(start));
  return terms;
}

/** Only `\\`, `\,` and `\=` are escapes; a bare `,` or `=` is an error, as is anything else after a backslash. */
function unescapeValue(value: string): string | undefined {
  return /^(?:[^\\,=]|\\[\\,=])*$/.test(value) ? value.replace(/\\([\\,=])/g, '$1') : undefined;
}
