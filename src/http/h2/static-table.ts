// The static table of HPACK (RFC 7541 appendix A).
import { Field } from './field.ts';

const rows =
  ':authority|:method GET|:method POST|:path /|:path /index.html|:scheme http|:scheme https|:status 200|:status 204|' +
  ':status 206|:status 304|:status 400|:status 404|:status 500|accept-charset|accept-encoding gzip, deflate|' +
  'accept-language|accept-ranges|accept|access-control-allow-origin|age|allow|authorization|cache-control|' +
  'content-disposition|content-encoding|content-language|content-length|content-location|content-range|content-type|' +
  'cookie|date|etag|expect|expires|from|host|if-match|if-modified-since|if-none-match|if-range|if-unmodified-since|' +
  'last-modified|link|location|max-forwards|proxy-authenticate|proxy-authorization|range|referer|refresh|retry-after|' +
  'server|set-cookie|strict-transport-security|transfer-encoding|user-agent|vary|via|www-authenticate';

/** Index 1 is the first: [0] is no entry. */
export const staticTable: readonly (Field | undefined)[] = [
  undefined,
  ...rows.split('|').map((row) => {
    const space = row.indexOf(' ');
    return space < 0
      ? new Field(row, '', undefined, false)
      : new Field(row.slice(0, space), row.slice(space + 1), undefined, false);
  }),
];
export const staticCount: number = staticTable.length - 1;

const names = new Map<string, number>();
const whole = new Map<string, number>();
for (let index = staticCount; index >= 1; index--) {
  const field = staticTable[index] as Field;
  names.set(field.name, index);
  if (field.value !== '') whole.set(`${field.name}\n${field.value}`, index);
}

/** Index of an entry of that name, or 0. */
export function staticName(name: string): number {
  return names.get(name) ?? 0;
}

/** Index of the entry that is just this field, or 0. */
export function staticField(name: string, value: string): number {
  return name.charCodeAt(0) === 0x3a ? (whole.get(`${name}\n${value}`) ?? 0) : 0;
}
