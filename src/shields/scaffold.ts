// The beginning of a shield for a known flaw: everything that the advisory says is filled in, and what only a person can say
// fails until it is.
import type { Advisory, Component } from '../model/advisory.ts';

/**
 * A shield's YAML. It can be read, and its tests run: the attack is not cut and `shields test` says so until the rule is
 * written.
 * @param schema where the JSON Schema of shields is, as an editor finds it from the file
 */
export function scaffold(advisory: Advisory, schema: string): string {
  const { id, summary, severity, references, affected } = advisory;
  const component: Component = affected[0]?.component ?? 'kube-apiserver';
  const versions = affected.flatMap(({ component: part, ranges }) =>
    ranges.map(({ introduced, fixed, lastAffected }) => {
      const to = fixed ? `; fixed in ${fixed}` : lastAffected ? ` to ${lastAffected}` : '; no fix is known';
      return `#   ${part} from ${introduced}${to}`;
    }),
  );
  const sources = references.length > 0 ? references : [`https://nvd.nist.gov/vuln/detail/${id}`];
  return `# yaml-language-server: $schema=${schema}
# A shield for ${id}. Everything that is left to say is marked FILL IN; \`portcullis shields test\` fails until it is said.
${versions.length > 0 ? `# Affected, as ${plain(advisory.source.place)} has it:\n${versions.join('\n')}\n` : ''}apiVersion: portcullis/v1
kind: Shield
id: ${id}
title: ${quoted(summary)}
# 1: precise, enforced by default. 2: after observation. 3: needs data of the site. 4: an alert.
tier: 2
severity: ${severity}
component: ${component}
description: >-
  FILL IN. The flaw in two sentences: what it is, and why the network can see it.

firstResponse:
  # Who may still reach the server while nothing inspects: tag expressions. Every other remote caller is denied.
  pass: []
  action: deny

deeperDefense:
  rules:
    - id: fill-in
      # request: a request's head is complete, and nothing of it was forwarded.
      phase: request
      # CEL over the attributes of docs/reference/attributes.md. This one never holds: FILL IN what only the attack has.
      when: request.verb == "fill-in" && request.resource == "pods"
      # log records alone; deny answers with the message; the close actions end connections.
      action: deny
      severity: ${severity}
      message: FILL IN what the person who is refused should know (${id}).

lift:
  # version: the version that is read is a patched one.
  when: [version]

falsePositives: >-
  FILL IN. Which ordinary work could look like the attack, and how it goes on.

references:
${sources.map((reference) => `  - ${quoted(reference)}`).join('\n')}

# Line ends are CRLF on the wire. Every exchange also runs byte by byte. Several of each kind: every way to write the
# attack, and its nearest innocent neighbours (portcullis shields test --coverage says what they leave untried).
tests:
  - name: FILL IN the attack
    kind: attack
    as: {user: mallory, groups: [developers]}
    steps:
      - client: "DELETE /api/v1/namespaces/default/pods/a HTTP/1.1\\n\\
          Host: kubernetes\\n\\n"
    expect:
      rules: [fill-in]
      neverToServer: [pods/a]
      connection: closed

  - name: FILL IN its nearest innocent neighbour
    kind: innocent
    as: {user: alice, groups: [developers]}
    steps:
      - client: "GET /api/v1/namespaces/default/pods/a HTTP/1.1\\n\\
          Host: kubernetes\\n\\n"
      - server: "HTTP/1.1 200 OK\\nContent-Length: 2\\n\\n{}"
    expect:
      toServer: [pods/a]
      toClient: ["{}"]
      connection: open
`;
}

/** JSON's quotes are YAML's, but for what YAML doesn't take as a line. */
function quoted(text: string): string {
  return JSON.stringify(plain(text));
}

/** Of somebody else's text, what can stand on one line. */
function plain(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ')
    .trim();
}
