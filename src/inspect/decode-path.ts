// Decodes a request target's path as Go's net/url does for a server, and refuses what two readers could read
// differently (kubernetes-cves.md §1.5: normalise once, refuse ambiguity).

/** Why a path is refused: a code of docs/reference/refusals.md. */
export type PathRefusal =
  | 'path-form'
  | 'path-percent'
  | 'path-encoded-twice'
  | 'path-not-utf8'
  | 'path-control'
  | 'path-backslash'
  | 'path-semicolon'
  | 'path-empty-segment'
  | 'path-dot-segment';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const lossyUtf8 = new TextDecoder('utf-8');

/**
 * Percent-decodes a raw path once (net/url `unescape` in mode encodePath: `+` stays, `%2f` becomes `/`). Bytes that are
 * no UTF-8 become U+FFFD and set `lossy`. Returns undefined for an escape that is not two hex digits: Go answers 400.
 */
export function percentDecode(raw: string): { text: string; lossy: boolean } | undefined {
  if (!raw.includes('%')) return { text: raw, lossy: false };
  const bytes = new Uint8Array(raw.length);
  let length = 0;
  for (let i = 0; i < raw.length; i++) {
    const code = raw.charCodeAt(i);
    if (code !== 0x25) {
      bytes[length++] = code;
      continue;
    }
    const high = hexDigit(raw.charCodeAt(i + 1));
    const low = hexDigit(raw.charCodeAt(i + 2));
    if (high < 0 || low < 0) return undefined;
    bytes[length++] = high * 16 + low;
    i += 2;
  }
  const decoded = bytes.subarray(0, length);
  try {
    return { text: utf8.decode(decoded), lossy: false };
  } catch {
    return { text: lossyUtf8.decode(decoded), lossy: true };
  }
}

/** Value of an ASCII hex digit, -1 for anything else (NaN included: past the end). */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  if (code >= 0x41 && code <= 0x46) return code - 0x37;
  if (code >= 0x61 && code <= 0x66) return code - 0x57;
  return -1;
}

/**
 * What makes `path` (decoded, from its first `/`) ambiguous, or undefined. One pass over the characters: this runs for
 * every request.
 */
export function pathAmbiguity(path: string): PathRefusal | undefined {
  const end = path.length;
  /** Characters of the segment so far, and how many of them are dots. */
  let size = 0;
  let dots = 0;
  for (let i = 1; i <= end; i++) {
    const code = i < end ? path.charCodeAt(i) : 0x2f;
    if (code === 0x2f) {
      if (size === 0 && i < end) return 'path-empty-segment';
      if (size > 0 && size <= 2 && dots === size) return 'path-dot-segment';
      size = 0;
      dots = 0;
      continue;
    }
    size++;
    if (code === 0x2e) dots++;
    else if (code < 0x20 || code === 0x7f) return 'path-control';
    else if (code === 0x5c) return 'path-backslash';
    else if (code === 0x3b) return 'path-semicolon';
    else if (code === 0x25) return 'path-encoded-twice';
  }
  return undefined;
}

/**
 * Go's path.Join('/', tail), keeping a trailing slash: what a proxied server gets after the API server has joined the
 * tail of a `/proxy/` path to the backend's address (apimachinery net.JoinPreservingTrailingSlash).
 */
export function cleanTail(tail: string): string {
  const kept: string[] = [];
  for (const segment of tail.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const joined = `/${kept.join('/')}`;
  return tail.endsWith('/') && joined !== '/' ? `${joined}/` : joined;
}
