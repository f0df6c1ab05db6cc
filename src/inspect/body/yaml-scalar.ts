// What an unquoted scalar means to the API server: go-yaml v2's resolve.go, through sigs.k8s.io/yaml, which is YAML 1.1 with
// omissions. Where versions of it, or of Go's strconv, read a scalar differently, it is refused.
import { BodyError } from './problems.ts';
import type { JsonValue } from './types.ts';

const words = new Map<string, JsonValue>();
for (const word of ['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'])
  words.set(word, true);
for (const word of ['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'])
  words.set(word, false);
for (const word of ['', '~', 'null', 'Null', 'NULL']) words.set(word, null);

/** @throws BodyError */
export function resolvePlain(text: string): JsonValue {
  const word = words.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  const isNumeric = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d || first === 0x2e;
  return isNumeric ? resolveNumber(text) : text;
}

const decimal = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const instant = /^\d{4}-\d\d-\d\d[T]\d\d:\d\d:\d\d(?:Z|[-+]\d\d:\d\d)$/;

function resolveNumber(text: string): JsonValue {
  if (/^[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)$/.test(text)) {
    throw new BodyError('body-syntax', 'a number is not finite');
  }
  if (text.startsWith('.')) return /^\.\d+(?:[eE][-+]?\d+)?$/.test(text) ? float(text) : text;
  if (/^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ]|$)/.test(text)) {
    // A time is written anew, as RFC 3339, by servers that know times: this form stays as it is.
    if (instant.test(text)) return text;
    throw new BodyError('body-ambiguous', 'a date or time is not quoted');
  }
  const plain = text.replaceAll('_', '');
  if (/^(?:[-+]?0[oO]|[-+]?0B|\+0b)/.test(plain)) {
    // Go's strconv reads these since 1.13; before, they were text.
    throw new BodyError('body-ambiguous', 'a number is written in a form that not every server reads');
  }
  const integer = parseInteger(plain);
  if (integer !== undefined) return integer;
  return decimal.test(plain) ? float(plain, text) : text;
}

/** strconv.ParseInt with base 0 and 64 bits, or ParseUint; undefined for anything else. */
function parseInteger(plain: string): number | bigint | undefined {
  const match = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0b([01]+)|0([0-7]+)|(0|[1-9][0-9]*))$/.exec(plain);
  if (!match || plain.length > 80) return undefined;
  const [, sign = '', hex, binary, octal, digits] = match;
  const prefixed = hex ? `0x${hex}` : binary ? `0b${binary}` : octal ? `0o${octal}` : (digits ?? '');
  const value = sign === '-' ? -BigInt(prefixed) : BigInt(prefixed);
  const most = sign === '+' ? 2n ** 63n : 2n ** 64n;
  if (value < -(2n ** 63n) || value >= most) return undefined;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** What no float64 holds is text. */
function float(plain: string, text = plain): number | string {
  const value = Number(plain);
  return Number.isFinite(value) ? value : text;
}
