// Which kubectl callers use, by the User-Agent of a connection's first request: old ones have flaws that no server can close.
import type { FieldTable } from '../http/field-table.ts';

/** Versions counted one by one; what comes after them is `other`. A caller may say anything. */
const most = 64;

/** `kubectl/v1.12.2 (linux/amd64) kubernetes/…`; a vendor's suffix says nothing that we know. */
const form = /^kubectl(?:\.exe)?\/v(1\.\d{1,2}\.\d{1,3})(?=$|[ +-])/;

/** The label under which a request's kubectl is counted; undefined for what is none, or says two things. */
export type KubectlSeen = (fields: FieldTable) => string | undefined;

export function createKubectlSeen(): KubectlSeen {
  const versions = new Set<string>();
  return (fields) => {
    const at = fields.find('user-agent');
    if (at < 0 || fields.find('user-agent', at + 1) >= 0) return undefined;
    const version = form.exec(fields.valueText(at))?.[1];
    if (version === undefined) return undefined;
    if (versions.has(version)) return version;
    if (versions.size >= most) return 'other';
    versions.add(version);
    return version;
  };
}
