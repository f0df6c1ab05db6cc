// What counts as a verified switch of protocols (RFC 9110 §7.8, §15.2.2), and what the upgrade machine calls what it sees.
import type { RequestHead, ResponseHead } from '../http/head.ts';
import type { UpgradeEvent } from './attributes.ts';

/** The members of Upgrade fields, lower case: `websocket`, `spdy/3.1`. */
export function upgradeProtocols(values: readonly string[]): string[] {
  return values
    .flatMap((value) => value.split(','))
    .map((member) => member.trim().toLowerCase())
    .filter((member) => member !== '');
}

/**
 * Protocols that would carry requests again, past inspection (`h2c` smuggling). No Kubernetes client switches to one.
 */
const carriesRequests = /^(?:h2c?|h3|http|tls|ssl)(?:[/\d.-]|$)/;

/**
 * Is this 101 the switch that the request asked for? The request is of HTTP/1.1 and its Connection names upgrade, as RFC
 * 9110 §7.8 demands of both sides: a server that was asked in another way goes on reading requests, which a tunnel would
 * carry past inspection. The answer's Connection names upgrade too, and every protocol it chose was offered.
 */
export function isVerifiedSwitch(request: RequestHead, response: ResponseHead): boolean {
  if (response.status !== 101 || !response.connectionOptions.includes('upgrade')) return false;
  if (request.minor !== 1 || !request.connectionOptions.includes('upgrade')) return false;
  const offered = upgradeProtocols(request.upgrade.upgradeValues);
  const chosen = upgradeProtocols(response.upgrade.upgradeValues);
  return (
    chosen.length > 0 &&
    chosen.every((protocol) => offered.includes(protocol) && !carriesRequests.test(protocol))
  );
}

/** Events that are an attack whatever the shields say: rule id under shield `portcullis`, and the sentence. */
export const builtInAlarms: Readonly<Partial<Record<UpgradeEvent, string>>> = {
  'early-bytes':
    'Bytes were sent on an upgrade request before its answer: a client waits, an attacker reaches past the API server.',
  'late-bytes':
    'Bytes were sent after an upgrade was refused, into what a vulnerable API server keeps open towards its backend.',
  'unsolicited-switch':
    'The server switched protocols without being asked, or to a protocol that was not offered.',
};
